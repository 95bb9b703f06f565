import { describe, expect, test } from 'vitest';
import { IpBatches } from '../../../firmware/netd/overlay/ip-batches.ts';
import { limits } from '../../../firmware/netd/overlay/limits.ts';
import type { CommandRunner } from '../../../firmware/netd/system-port.ts';

const milestone = 'xfrm state count';

/** An ip that does lines until it meets one with a word in it, and ends there as the real one does. */
function fakeIp({ failsAt = /nothing/, status = 2 } = {}) {
  const runs: { readonly args: readonly string[]; readonly lines: readonly string[] }[] = [];
  const done: string[] = [];
  const run: CommandRunner = async (_, args, options) => {
    const lines = (options?.input ?? '').split('\n').filter((line) => line !== '');
    runs.push({ args, lines: lines.filter((line) => line !== milestone) });
    // Whoever asks meanwhile has to wait.
    await new Promise((resolve) => setImmediate(resolve));
    let stdout = '';
    for (const line of lines) {
      if (failsAt.test(line)) return { status, stdout, stderr: `RTNETLINK answers: ${line}\n` };
      if (line === milestone) stdout += '\t SAD count 7\n';
      else done.push(line);
    }
    return { status: 0, stdout, stderr: '' };
  };
  return { run, runs, done };
}

const outcomes = async (promises: readonly Promise<void>[]) =>
  (await Promise.allSettled(promises)).map(({ status }) => status);

describe('lines for ip', () => {
  test('what comes while ip runs goes together in its next run, in the order of the calls', async () => {
    const { run, runs, done } = fakeIp();
    const batches = new IpBatches(run);
    const first = batches.all('a\n');
    // The first is on its way before the others come.
    await Promise.resolve();
    await Promise.resolve();
    await Promise.all([first, batches.all('b\nc\n'), batches.each('d\ne\n'), batches.all('f\n')]);
    expect(runs.map(({ lines }) => lines)).toEqual([['a'], ['b', 'c', 'd', 'e', 'f']]);
    expect(done).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(runs[0]?.args).toEqual(['-batch', '-']);
  });

  test('a caller is told of its own failure alone, and all others’ lines are done once', async () => {
    const { run, done } = fakeIp({ failsAt: /bad/ });
    const batches = new IpBatches(run);
    const promises = [
      batches.all('a\n'),
      batches.all('b\nbad\nc\n'),
      batches.all('d\n'),
      batches.all('bad\n'),
    ];
    expect(await outcomes(promises)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    await expect(promises[1]).rejects.toMatchObject({ code: 'command-failed' });
    expect(done).toEqual(['a', 'b', 'd']);
  });

  test('lines that may find nothing to do are each tried, in few runs', async () => {
    const { run, runs, done } = fakeIp({ failsAt: /bad/ });
    await new IpBatches(run).each('a\nbad 1\nb\nc\nbad 2\nd\n');
    expect(done).toEqual(['a', 'b', 'c', 'd']);
    expect(runs.length).toBe(3);
  });

  test('a program that was killed or never ran is a failure of all that it was given, and nothing is done twice', async () => {
    for (const status of [124, 127, 128, 137]) {
      const { run, runs } = fakeIp({ failsAt: /bad/, status });
      const batches = new IpBatches(run);
      const promises = [batches.all('a\n'), batches.all('bad\n'), batches.all('b\n')];
      expect(await outcomes(promises)).toEqual(['rejected', 'rejected', 'rejected']);
      expect(runs.length).toBe(1);
      await batches.each('bad\n');
    }
  });

  test('limits: so many callers in one run, and the rest in the next', async () => {
    const { run, runs } = fakeIp();
    const batches = new IpBatches(run);
    const numbers = Array.from({ length: limits.stepsPerBatch + 1 }, (_, index) => String(index));
    await Promise.all(numbers.map((number) => batches.all(`${number}\n`)));
    expect(runs.map(({ lines }) => lines.length)).toEqual([limits.stepsPerBatch, 1]);
    expect(runs.flatMap(({ lines }) => lines)).toEqual(numbers);
  });

  test('nothing is no run; an IP version is an option', async () => {
    const { run, runs } = fakeIp();
    await new IpBatches(run).all('');
    await new IpBatches(run).each('\n');
    expect(runs).toEqual([]);
    await new IpBatches(run, 6).all('rule list\n');
    expect(runs[0]?.args).toEqual(['-6', '-batch', '-']);
  });

  test('no key is in a failure', async () => {
    const { run } = fakeIp({ failsAt: /bad/ });
    await expect(new IpBatches(run).all(`bad 0x${'4a'.repeat(20)}\n`)).rejects.toThrow('bad [secret]');
  });
});
