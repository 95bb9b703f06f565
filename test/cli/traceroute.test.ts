import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { traceroute } from '../../firmware/cli/traceroute.ts';
import { parseTraceroute, type TracerouteResult } from '../../firmware/system/traceroute.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

let box: TestBox;
beforeAll(async () => {
  box = await startTestBox();
});
afterAll(() => box.close());

test('busybox traceroute: routers, silences, and routers that go no further', () => {
  const output = [
    'traceroute to 203.0.113.9 (203.0.113.9), 20 hops max, 46 byte packets',
    ' 1  192.0.2.1  0.345 ms',
    ' 2  *',
    '10  2001:db8::1  12.5 ms !H',
  ].join('\n');
  expect(parseTraceroute(output)).toEqual([
    { hop: 1, address: '192.0.2.1', ms: 0.345, note: null },
    { hop: 2, address: null, ms: null, note: null },
    { hop: 10, address: '2001:db8::1', ms: 12.5, note: '!H' },
  ]);
});

describe('hithe traceroute', () => {
  const hop = (address: string) => ({ hop: 1, address, ms: 1, note: null });
  async function run(args: readonly string[], result: TracerouteResult) {
    box.system.asked.length = 0;
    box.system.trace = result;
    const { status, stdout } = await runHere(traceroute, [...args, '--json', '--socket', box.socket]);
    const asked = [...box.system.asked];
    return { status, asked, report: JSON.parse(stdout) };
  }

  test('to an address, from one that its network knows', async () => {
    const { status, asked, report } = await run(['10.1.2.3'], { ok: true, value: [hop('10.1.2.3')] });
    expect([status, asked]).toEqual([0, [{ to: '10.1.2.3', hops: 20, source: 'this' }]]);
    expect(report).toMatchObject({ reached: true, hops: [{ address: '10.1.2.3' }], problem: null });
  });

  test('the way of a tunnel itself, to where the peer is', async () => {
    const { status, asked } = await run(['wien', '--underlay', '--hops', '5'], {
      ok: true,
      value: [hop('192.0.2.1')],
    });
    expect([status, asked]).toEqual([1, [{ to: expect.stringMatching(/^[0-9a-f.:]+$/), hops: 5 }]]);
    expect(asked[0]).not.toMatchObject({ to: expect.stringContaining('10500') });
  });

  test('what kept it from asking is said', async () => {
    const { status, report } = await run(['10.1.2.3'], { ok: false, problem: 'Network is unreachable' });
    expect([status, report]).toMatchObject([
      1,
      { reached: false, problem: 'Network is unreachable', hops: [] },
    ]);
  });

  test.each([[[]], [['a', 'b']], [['a', '--hops', '65']]])('%j is wrong use', async (args) =>
    expect(await runHere(traceroute, args)).toMatchObject({ status: 2 }),
  );
});
