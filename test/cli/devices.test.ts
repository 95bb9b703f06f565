import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { devices } from '../../firmware/cli/devices.ts';
import { policySettings } from '../../firmware/store/policy-schema.ts';
import { callLocalApi } from '../../firmware/system/local-api.ts';
import type { SettingsView } from '../../firmware/webui/api/config-route.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { runHere } from './run-here.ts';

let box: TestBox;
beforeEach(async () => {
  box = await startTestBox();
});
afterEach(async () => {
  await box.close();
});

const run = (...args: readonly string[]) => runHere(devices, [...args, '--socket', box.socket]);
const post = (path: string, body: object) =>
  callLocalApi({ method: 'POST', path, body, socketPath: box.socket });
const view = async (): Promise<SettingsView> => {
  const answer = await callLocalApi({ path: '/api/v1/config', socketPath: box.socket });
  return (answer.ok ? answer.body : null) as SettingsView;
};
const known = async () => policySettings.parse((await view()).inForce['policy']).devices;
const confirm = () => post('/api/v1/config/confirm', { anyway: true });
const mac = '02:00:00:00:00:11';

describe('hithe devices', () => {
  test('list shows who is in quarantine, and what is remembered', async () => {
    const { status, stdout } = await run('list');
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^- +192\.168\.1\.11 .*quarantine$/m)]);
    expect(stdout).toMatch(/^press .* press-7 +- +2026-06-01T12:00:00.000Z +accepted$/m);
    expect(JSON.parse((await run('list', '--json')).stdout)).toMatchObject([
      { device: 'press', state: 'accepted', hostName: 'press-7' },
      { device: null },
    ]);
  });

  test('accept, label and forget are revisions that confirm themselves', async () => {
    const accepted = await run(
      'accept',
      'robot',
      '--mac',
      mac.toUpperCase(),
      '--label',
      'plc',
      '--author',
      'ada',
    );
    expect(accepted).toMatchObject({ status: 0, stdout: expect.stringContaining('Revision 1 is in force') });
    expect((await view()).trial).toMatchObject({ author: 'ada', automatic: true });
    expect(await known()).toEqual([{ name: 'robot', mac, labels: ['plc'] }]);
    await confirm();
    expect(await run('accept', 'robot', '--address', '192.168.1.11')).toMatchObject({ status: 0 });
    await confirm();
    expect(await run('label', 'robot', 'cell=4', 'robot')).toMatchObject({ status: 0 });
    expect(await known()).toEqual([
      { name: 'robot', mac, addresses: ['192.168.1.11'], labels: ['cell=4', 'robot'] },
    ]);
    await confirm();
    expect(await run('forget', 'robot')).toMatchObject({ status: 0 });
    expect(await known()).toEqual([]);
  });

  test('what the settings refuse changes nothing, nor does anything while there is a draft', async () => {
    expect(await run('accept', 'robot', '--mac', 'nonsense')).toMatchObject({
      ...{ status: 3, stderr: expect.stringContaining('must read 00:11:22:aa:bb:cc') },
    });
    await post('/api/v1/config/draft', { path: 'hostname', value: 'other' });
    expect(await run('accept', 'robot', '--mac', mac)).toMatchObject({
      ...{ status: 3, stderr: expect.stringContaining('There is a draft, which would undo this later.') },
    });
    expect(await known()).toEqual([]);
  });

  test.each([
    [['accept', 'robot'], 'There is no device robot yet: it needs a MAC or an address'],
    [['label', 'nobody', 'plc'], 'There is no device nobody.'],
    [['forget', 'nobody'], 'There is no device nobody.'],
  ])('%j is refused by the box', async (args, why) => {
    expect(await run(...args)).toMatchObject({ status: 3, stderr: expect.stringContaining(why) });
    expect((await view()).saved).toEqual({ version: 1 });
  });

  test.each([[['all']], [['list', 'all']], [['accept']], [['accept', 'robot', 'more', '--mac', mac]]])(
    '%j is wrong use',
    async (args) => expect(await run(...args)).toMatchObject({ status: 2 }),
  );
});
