import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestConfiguration } from '../test-configuration.ts';
import { openTestSite, post, type TestSite } from '../test-site.ts';

let settings: ReturnType<typeof openTestConfiguration>;
let site: TestSite;
beforeEach(async () => {
  settings = openTestConfiguration();
  site = await openTestSite(undefined, undefined, undefined, settings.configuration);
});
afterEach(() => site.close());

const send = async (verb: string, body: object) => {
  const response = await site.request(`/api/v1/devices/${verb}`, post(JSON.stringify(body)), 'local');
  return { status: response.status, body: await response.json() };
};
const known = () => {
  const view = settings.configuration.read();
  return view.ok ? (view.value.inForce['policy'] as { devices: unknown }).devices : view;
};
const mac = '02:00:00:00:00:11';

describe('devices over the API', () => {
  test('several are accepted as one revision, which confirms itself', async () => {
    const devices = [
      { name: 'robot', mac: mac.toUpperCase(), labels: ['role=robot'] },
      { name: 'press', addresses: ['192.168.1.30'] },
    ];
    const { status, body } = await send('accept', { devices, author: 'ada' });
    expect([status, body]).toMatchObject([200, { trial: { automatic: true, author: 'ada' } }]);
    expect(known()).toEqual([
      { name: 'robot', mac, labels: ['role=robot'] },
      { name: 'press', addresses: ['192.168.1.30'] },
    ]);
    await settings.configuration.confirm(true);
    // Of one that is there already, what is given is changed, and it keeps its place.
    await send('accept', { devices: [{ name: 'robot', addresses: ['192.168.1.31'] }] });
    expect(known()).toMatchObject([
      { name: 'robot', mac, addresses: ['192.168.1.31'], labels: ['role=robot'] },
      { name: 'press' },
    ]);
    await settings.configuration.confirm(true);
    await send('label', { name: 'press', labels: ['cell=4'] });
    expect(known()).toMatchObject([{ name: 'robot' }, { name: 'press', labels: ['cell=4'] }]);
    await settings.configuration.confirm(true);
    await send('forget', { names: ['robot', 'press'] });
    expect(known()).toEqual([]);
  });

  test('what is not there, or what nothing is known by, is refused and changes nothing', async () => {
    const both = { names: ['press', 'nobody'] };
    await send('accept', { devices: [{ name: 'press', mac }] });
    await settings.configuration.confirm(true);
    expect(await send('forget', both)).toMatchObject({ status: 404, body: { code: 'settings-not-there' } });
    expect(await send('label', { name: 'nobody', labels: [] })).toMatchObject({ status: 404 });
    expect(await send('accept', { devices: [{ name: 'robot', labels: ['x'] }] })).toMatchObject({
      ...{ status: 400, body: { code: 'settings-invalid', detail: expect.stringContaining('robot') } },
    });
    // Two of one MAC, which the settings refuse.
    expect(await send('accept', { devices: [{ name: 'robot', mac }] })).toMatchObject({
      ...{ status: 400, body: { code: 'settings-invalid', detail: expect.stringContaining(mac) } },
    });
    expect(known()).toEqual([{ name: 'press', mac }]);
  });

  test('nothing is changed beside a draft, which would undo it, nor during a trial', async () => {
    settings.configuration.edit('hostname', 'other');
    const devices = [{ name: 'press', mac }];
    expect(await send('accept', { devices })).toMatchObject({
      status: 409,
      body: { code: 'settings-draft' },
    });
    settings.configuration.discard();
    expect(await send('accept', { devices })).toMatchObject({ status: 200 });
    expect(await send('forget', { names: ['press'] })).toMatchObject({
      ...{ status: 409, body: { code: 'settings-trial' } },
    });
  });

  test('at most as many at once as limits say', async () => {
    const names = (count: number) => ({ names: Array.from({ length: count }, (_, index) => `d${index}`) });
    // None of them is there.
    expect((await send('forget', names(limits.devicesAtOnce))).status).toBe(404);
    expect((await send('forget', names(limits.devicesAtOnce + 1))).status).toBe(400);
    const labels = (count: number) => ({ name: 'nobody', labels: Array(count).fill('x') });
    expect((await send('label', labels(limits.deviceTexts))).status).toBe(404);
    expect((await send('label', labels(limits.deviceTexts + 1))).status).toBe(400);
  });
});
