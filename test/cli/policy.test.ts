import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { policy } from '../../firmware/cli/policy.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

let box: TestBox;
beforeAll(async () => {
  box = await startTestBox();
});
afterAll(async () => {
  await box.close();
});

const run = (...args: readonly string[]) => runHere(policy, [...args, '--socket', box.socket]);

describe('hithe policy', () => {
  test('list shows the rules and what they decided', async () => {
    const { status, stdout } = await run('list');
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^press +1 +active +3$/m)]);
    expect(stdout).toContain('denied_default 2');
    expect(JSON.parse((await run('list', '--json')).stdout)).toMatchObject({ rules: [{ id: 'press' }] });
  });

  test('explain says whether and why, and ends with the verdict', async () => {
    const allowed = await run(
      'explain',
      '--from',
      '192.168.1.10',
      '--to',
      'far',
      '--proto',
      'tcp',
      '--port',
      '502',
    );
    expect(allowed).toMatchObject({ status: 0, stdout: expect.stringContaining('Allowed by rule press.') });
    const denied = await run('explain', '--from', '192.168.1.11', '--to', 'far', '--proto', 'icmp', '--json');
    expect([denied.status, JSON.parse(denied.stdout)]).toMatchObject([
      1,
      { verdict: 'deny', protocol: 'icmp' },
    ]);
    expect(await run('explain', '--from', 'nobody', '--to', 'far', '--port', '1')).toMatchObject({
      status: 3,
      stderr: 'hithe: nobody is no address\n',
    });
  });

  test.each([
    [['explain']],
    [['explain', '--from', 'a', '--to', 'b']],
    [['explain', '--from', 'a', '--to', 'b', '--proto', 'icmp', '--port', '1']],
    [['explain', '--from', 'a', '--to', 'b', '--proto', 'sctp']],
    [['explain', '--from', 'a', '--to', 'b', '--port', '65536']],
    [['list', 'all']],
    [['none']],
  ])('%j is wrong use', async (args) => {
    expect(await run(...args)).toMatchObject({ status: 2 });
  });
});
