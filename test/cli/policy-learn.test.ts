import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readMoment } from '../../firmware/cli/moment.ts';
import { policy } from '../../firmware/cli/policy.ts';
import { callLocalApi } from '../../firmware/system/local-api.ts';
import type { SettingsView } from '../../firmware/webui/api/config-route.ts';
import { aFlow } from '../flows/flow.fixture.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

/** Of the half hour before the box's clock, and one of long ago. */
const flows = [
  aFlow({ from: '192.0.2.9', to: '192.0.2.1', port: 22, start: 1000 }),
  ...[80, 443].map((port) => aFlow({ from: '192.0.2.7', to: '192.0.2.1', port, start: 9_000_000 })),
  aFlow({ from: '192.0.2.8', to: '192.0.2.1', port: 80, start: 9_500_000, reason: 'quarantine' }),
];
const window = ['--since', '1970-01-01T01:00:00Z', '--until', '1970-01-01T03:00:00Z'];

let box: TestBox;
beforeEach(async () => {
  box = await startTestBox({ flows });
});
afterEach(async () => {
  await box.close();
});

const run = (...args: readonly string[]) => runHere(policy, [...args, '--socket', box.socket]);
const proposed = async () => JSON.parse((await run('learn', ...window, '--json')).stdout);
const settings = async (): Promise<SettingsView> => {
  const answer = await callLocalApi({ path: '/api/v1/config', socketPath: box.socket });
  return (answer.ok ? answer.body : null) as SettingsView;
};

describe('hithe policy learn', () => {
  test('shows what would allow the window’s flows, and what was not learned from', async () => {
    const { status, stdout } = await run('learn', ...window);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^learned-[0-9a-f]{16} +2 +2 +120 .* addresses 192\.0\.2\.7 to addresses 192\.0\.2\.1: tcp 80 443$/m,
    );
    expect(stdout).toContain('quarantine 1');
    expect(await proposed()).toMatchObject({
      flows: 2,
      complete: true,
      proposals: [{ rule: { mode: 'staged' } }],
    });
  });

  test('accept puts a proposal into the settings, staged, as a revision; enforce has it decide', async () => {
    const { proposals } = await proposed();
    const { id } = proposals[0].rule;
    expect(await run('learn', 'accept', id, '--author', 'ada')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Revision 1 is in force'),
    });
    const { trial, inForce } = await settings();
    expect(trial).toMatchObject({ author: 'ada', automatic: true });
    expect(inForce).toMatchObject({ policy: { rules: [{ id, mode: 'staged' }] } });
    // What a staged rule speaks of is not proposed again.
    expect(await proposed()).toMatchObject({ proposals: [], left: { staged: 2 } });
    const confirmed = { method: 'POST' as const, path: '/api/v1/config/confirm', body: { anyway: true } };
    await callLocalApi({ ...confirmed, socketPath: box.socket });
    const enforced = await run('enforce', id);
    expect(enforced).toMatchObject({ status: 0, stdout: expect.stringMatching(/^RULE +CONNECTIONS/) });
    expect((await settings()).inForce).toMatchObject({ policy: { rules: [{ id, mode: 'enforce' }] } });
  });

  test('what was not shown cannot be accepted, nor a rule that is not there enforced', async () => {
    expect(await run('learn', 'accept', 'learned-0')).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('learned-0 is none of the proposals'),
    });
    expect(await run('enforce', 'nothing')).toMatchObject({ status: 3 });
    expect((await settings()).saved).toEqual({ version: 1 });
  });

  test('waits for a draft to be applied, which would undo it', async () => {
    const { proposals } = await proposed();
    const draft = { path: 'hostname', value: 'other' };
    await callLocalApi({ method: 'POST', path: '/api/v1/config/draft', body: draft, socketPath: box.socket });
    expect(await run('learn', 'accept', proposals[0].rule.id)).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('There is a draft'),
    });
  });

  test.each([
    [['learn', 'accept']],
    [['learn', 'all']],
    [['stage']],
    [['enforce']],
    [['learn', '--since', 'yesterday']],
  ])('%j is wrong use', async (args) => {
    expect(await run(...args)).toMatchObject({ status: 2 });
  });
});

describe('readMoment', () => {
  test('spans count back from now, dates stand for themselves', () => {
    const now = 1_000_000_000_000;
    const read = (text: string) => readMoment('--since', text, now);
    expect([read('90s'), read('15m'), read('1h'), read('7d')].map((moment) => now - moment)).toEqual([
      90_000, 900_000, 3_600_000, 604_800_000,
    ]);
    expect(read('2001-09-09T01:46:40Z')).toBe(now);
    expect(read('2001-09-09')).toBe(Date.UTC(2001, 8, 9));
    for (const text of ['', '1', '1y', '-1h', '2001-13-01', 'now'])
      expect(() => read(text)).toThrow('--since takes');
  });
});
