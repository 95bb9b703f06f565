import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { log } from '../../firmware/cli/box.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

const line = (message: string) => ({
  ...{ time: '2026-06-01T12:00:00.000Z', level: 'info' as const, source: 'network', message },
});
let box: TestBox;
beforeEach(async () => {
  box = await startTestBox();
  box.log.lines.push(line('one'), line('two'), line('three\nforged'));
});
afterEach(() => box.close());

const run = (...args: string[]) => runHere(log, [...args, '--socket', box.socket]);
const messagesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((each) => (JSON.parse(each) as { message: string }).message);

describe('hithe log', () => {
  test('prints the newest lines, each as one, or as a document', async () => {
    expect(await run('--lines', '2')).toEqual({
      status: 0,
      stdout:
        '2026-06-01T12:00:00.000Z info    network: two\n2026-06-01T12:00:00.000Z info    network: three forged\n',
      stderr: '',
    });
    expect(messagesOf((await run('--json')).stdout).slice(-3)).toEqual(['one', 'two', 'three\nforged']);
  });

  test('follows what comes, each line once, until the box goes', async () => {
    const following = run('--follow', '--json', '--lines', '1');
    for (const message of ['four', 'five']) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      box.log.lines.push(line(message));
    }
    await new Promise((resolve) => setTimeout(resolve, 700));
    await box.close();
    const { status, stdout, stderr } = await following;
    expect([status, stderr]).toEqual([3, expect.stringContaining('hithe: ')]);
    expect(messagesOf(stdout)).toEqual(['three\nforged', 'four', 'five']);
  });

  test.each(['0', '501', 'x'])('takes no --lines %s', async (lines) =>
    expect((await run('--lines', lines)).status).toBe(2),
  );
});
