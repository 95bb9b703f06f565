import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ping } from '../../firmware/cli/ping.ts';
import type { EchoResult } from '../../firmware/diagnosis/ports.ts';
import type { PingReport } from '../../firmware/webui/api/diagnostics-route.ts';
import { normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

let wienIsUp = true;
let box: TestBox;
beforeAll(async () => {
  box = await startTestBox({
    readStatus: () => {
      const status = normalStatus(Date.now());
      const tunnels = status.tunnels.map((tunnel) =>
        tunnel.peer === 'wien' && !wienIsUp
          ? { ...tunnel, state: 'I1-SENT', lastError: 'nothing answers' }
          : tunnel,
      );
      return { ...status, tunnels };
    },
  });
});
afterAll(() => box.close());

const answered: EchoResult = {
  ok: true,
  value: { sent: 3, received: 3, rttMs: { min: 1, average: 2, max: 3 } },
};
const silent: EchoResult = { ok: true, value: { sent: 3, received: 0, rttMs: null } };

async function run(args: readonly string[], result: EchoResult) {
  box.system.asked.length = 0;
  box.system.echo = result;
  const { status, stdout } = await runHere(ping, [...args, '--json', '--socket', box.socket]);
  const asked = [...box.system.asked];
  return { status, asked, report: JSON.parse(stdout) as PingReport };
}

describe('hithe ping', () => {
  test('an answer, to the peer itself by its HIT', async () => {
    const { status, asked, report } = await run(['192.168.1.10', 'wien', '--count', '5'], answered);
    expect(asked).toEqual([{ to: '2001:22:77aa:190:4c2e:e01:b8d3:1299', count: 5 }]);
    expect([status, report]).toMatchObject([
      0,
      {
        outcome: 'answered',
        tunnels: [{ peer: 'wien', state: 'ESTABLISHED' }],
        policy: { verdict: 'allow' },
      },
    ]);
  });

  test('denied here, whatever the echoes met', async () => {
    const { status, report } = await run(['192.168.1.11', 'wien'], answered);
    expect([status, report]).toMatchObject([1, { outcome: 'denied', why: 'Denied.', echo: { received: 3 } }]);
  });

  test('a tunnel that is down, and why; no answer though it carries', async () => {
    wienIsUp = false;
    expect((await run(['192.168.1.10', 'wien'], silent)).report).toMatchObject({
      ...{ outcome: 'tunnel-down', why: 'The tunnel to wien is I1-SENT: nothing answers.' },
    });
    wienIsUp = true;
    expect((await run(['192.168.1.10', 'wien'], silent)).report).toMatchObject({
      ...{ outcome: 'no-answer', why: expect.stringContaining('the peer may deny it') },
    });
  });

  test('the gateway for itself is no matter of rules; what kept it from asking is said', async () => {
    const { asked, report } = await run(['10.1.2.3'], { ok: false, problem: 'Network is unreachable' });
    expect(asked).toMatchObject([{ to: '10.1.2.3', source: 'this', count: 3 }]);
    expect(report).toMatchObject({ outcome: 'no-answer', policy: null, tunnels: [] });
    expect(report.why).toBe('10.1.2.3 does not answer. Network is unreachable.');
  });

  test('in words', async () => {
    box.system.echo = answered;
    const { stdout } = await runHere(ping, ['192.168.1.10', 'wien', '--socket', box.socket]);
    expect(stdout).toContain('Policy       Allowed by rule press.\n');
    expect(stdout).toMatch(/^Echoes +3 of 3 from here to 2001:22:\S+, 1\/2\/3 ms$/m);
  });

  test.each([[[]], [['a', 'b', 'c']], [['a', '--count', '0']], [['a', '--count', '101']]])(
    '%j is wrong use',
    async (args) => expect(await runHere(ping, args)).toMatchObject({ status: 2 }),
  );

  test('a box that does not know an end', async () => {
    expect(await runHere(ping, ['nobody', 'wien', '--socket', box.socket])).toMatchObject({ status: 3 });
  });
});
