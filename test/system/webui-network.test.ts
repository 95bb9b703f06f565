import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { assignPorts } from '../../firmware/netd/ports.ts';
import type { Settings, SettingsLayer } from '../../firmware/store/settings-schema.ts';
import type { Status } from '../../firmware/webui/api/status-schema.ts';
import { pageFiles } from '../../image-builder/webui-client.ts';
import { accessibilityFindings, type OpenedPage, openPage, sharedBrowser } from '../webui/browser.ts';
import { type CuttableLine, openCuttableLine } from '../webui/cuttable-line.ts';
import { eventually } from '../webui/eventually.ts';
import { keepScreens } from '../webui/screens.ts';
import { normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { openTestConfiguration, type TestConfiguration } from '../webui/test-configuration.ts';

let browser: Browser;
let settings: TestConfiguration;
let box: TestBox;
let line: CuttableLine;
let opened: OpenedPage;

beforeAll(async () => {
  browser = await sharedBrowser();
});
beforeEach(() => {
  settings = openTestConfiguration();
  interfaces = normalStatus(Date.now()).network.interfaces;
});
afterEach(async () => {
  await opened.page.context().close();
  await line.close();
  await box.close();
});

type Interface = Status['network']['interfaces'][number];
let interfaces: readonly Interface[] = [];

function inForce(): Settings {
  const view = settings.configuration.read();
  if (!view.ok) throw new Error(view.detail);
  return view.value.inForce as unknown as Settings;
}

/** The box's ports as they are by the settings in force, and what is on trial. */
function readStatus(): ReturnType<typeof normalStatus> {
  const status = normalStatus(Date.now());
  const nics = interfaces
    .filter(({ name }) => name.startsWith('port'))
    .map(({ kernelName, mac, driver }) => ({ kernelName, mac, driver, devicePath: null, devicePort: 0 }));
  const ports = assignPorts(nics, { order: 'kernel-name', named: [] }, inForce().network.ports);
  const roles = new Map<string, Interface['role']>(ports.map(({ nic, role }) => [nic.kernelName, role]));
  return {
    ...status,
    trial: settings.configuration.trial(),
    network: {
      ...status.network,
      interfaces: interfaces.map((each) => ({ ...each, role: roles.get(each.kernelName) ?? each.role })),
    },
  };
}

async function open(where = ''): Promise<Page> {
  box = await startTestBox({ page: pageFiles, readStatus, settings });
  line = await openCuttableLine(box.httpsPort);
  opened = await openPage(browser, `https://127.0.0.1:${line.port}/network${where}`, {
    owner: await box.claim(),
  });
  await opened.page.getByRole('button', { name: 'Move port3: LAN' }).waitFor();
  return opened.page;
}

const saved = (): SettingsLayer | undefined => {
  const current = settings.store.current();
  return current.ok ? current.value?.layer : undefined;
};
/** A side panel is a dialog, too. */
const dialog = (page: Page) => page.locator('dialog.dialog');
const bar = (page: Page) => page.getByRole('region', { name: 'A change is on trial' });
const tryIt = (page: Page) => dialog(page).getByRole('button', { name: 'Try it' }).click();
const keep = async (page: Page, revision: number) => {
  await bar(page).getByRole('button', { name: 'Keep', exact: true }).click();
  await bar(page).getByText(`Revision ${revision} is kept.`).waitFor();
};

describe('a port is moved', () => {
  test('by its menu: planned, tried, kept', async () => {
    const page = await open();
    await eventually(() => page.textContent('.sentence')).toBe('port1 carries the tunnels.');
    await page.getByRole('button', { name: 'Move port3: LAN' }).click();
    expect(await accessibilityFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'To Underlay' }).click();
    await dialog(page).getByRole('heading', { name: 'Move port3 to Underlay' }).waitFor();
    await eventually(() => dialog(page).locator('.changes').textContent()).toBe(
      'Port port3not set becomes→ underlay',
    );
    await eventually(() => dialog(page).textContent()).toContain('port3 becomes an uplink');
    await dialog(page).getByText('Exact settings').click();
    await eventually(() => dialog(page).locator('pre').textContent()).toContain('network.ports.port3');
    await eventually(() => dialog(page).locator('pre').textContent()).toContain('network of hithe');
    expect(await accessibilityFindings(page)).toEqual([]);
    await tryIt(page);
    await bar(page).getByText('Revision 1 by admin is on trial.').waitFor();
    await eventually(() => bar(page).getByRole('timer').textContent()).toMatch(/Taken back in \d+ s|1 min/);
    expect(saved()).toBeUndefined();
    await page.getByRole('button', { name: 'Move port3: Underlay' }).waitFor();
    expect(await accessibilityFindings(page)).toEqual([]);
    await keep(page, 1);
    expect(saved()?.network?.ports).toEqual({ port3: 'underlay' });
    expect(opened.complaints).toEqual([]);
  });

  test('by keys alone, and let be', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Move port3: LAN' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    const focused = () => page.evaluate(() => document.activeElement?.textContent);
    expect(await focused()).toBe('To Underlay');
    await page.keyboard.press('ArrowDown');
    expect(await focused()).toBe('To Management');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await dialog(page).waitFor();
    await page.keyboard.press('Escape');
    await dialog(page).waitFor({ state: 'detached' });
    expect(settings.configuration.trial()).toBeNull();
  });

  test('by dragging it to a group', async () => {
    const page = await open();
    const card = page.locator('.group', { has: page.getByRole('heading', { name: 'Unused' }) });
    await page.locator('.port', { hasText: 'port3' }).dragTo(card);
    await dialog(page).getByRole('heading', { name: 'Move port3 to Unused' }).waitFor();
    await tryIt(page);
    await bar(page).getByText('is on trial').waitFor();
    expect(inForce().network.ports).toEqual({ port3: 'unused' });
  });
});

describe('a form of the network', () => {
  test('errors stand at their fields, nothing typed is lost, and the change is kept', async () => {
    const page = await open('?edit=lan');
    const address = page.getByLabel('Address of the box with prefix length');
    await address.fill('192.168.5.1');
    await page.getByRole('button', { name: 'Reserve an address' }).click();
    await page.getByLabel('MAC', { exact: true }).fill('not a MAC');
    await page.getByRole('button', { name: 'See what it would do' }).click();
    await page.getByRole('alert').waitFor();
    await eventually(() => address.getAttribute('aria-invalid')).toBe('true');
    await eventually(() => address.inputValue()).toBe('192.168.5.1');
    const mac = page.getByLabel('MAC', { exact: true });
    await eventually(() => mac.getAttribute('aria-invalid')).toBe('true');
    await eventually(() =>
      page.locator('[id="field-network.lan.reservations[0].mac-error"]').textContent(),
    ).toContain('02:00:00:00:00:01');
    await keepScreens(page, 'network-errors', { whole: false });
    await address.fill('192.168.5.1/24');
    await page.getByRole('button', { name: 'Remove Reservation 1' }).click();
    await page.getByRole('button', { name: 'See what it would do' }).click();
    await dialog(page).getByRole('heading', { name: 'Change LAN' }).waitFor();
    const changes = dialog(page).locator('.changes');
    await eventually(() => changes.textContent()).toBe('LAN: address192.168.1.1/24 becomes→ 192.168.5.1/24');
    await eventually(() => dialog(page).textContent()).toContain('Hosts of that network need a new address');
    await tryIt(page);
    await bar(page).waitFor();
    await expect.poll(() => new URL(page.url()).search).toBe('');
    await keep(page, 1);
    expect(saved()).toEqual({ version: 1, network: { lan: { address: '192.168.5.1/24' } } });
  });

  test('a network is added with its VLAN, and another is refused at the field that they share', async () => {
    const page = await open('?edit=network%3A');
    const fill = async (name: string, address: string) => {
      await page.getByLabel('Name', { exact: true }).fill(name);
      await page.getByLabel('Address of the box with prefix length').fill(address);
      await page.getByLabel('VLAN').fill('20');
      await page.getByRole('button', { name: 'See what it would do' }).click();
    };
    await fill('cameras', '10.0.20.1/24');
    await dialog(page).locator('.changes', { hasText: 'Network cameras' }).waitFor();
    await tryIt(page);
    await keep(page, 1);
    await page.getByRole('heading', { name: 'cameras' }).waitFor();
    await eventually(() => page.locator('.group', { hasText: 'cameras' }).textContent()).toContain(
      'VLAN 20, tagged on 2 ports',
    );
    await page.getByRole('link', { name: 'Add a network' }).click();
    await fill('voice', '10.0.30.1/24');
    await page.getByRole('alert').waitFor();
    await eventually(() => page.getByLabel('VLAN').getAttribute('aria-invalid')).toBe('true');
  });
});

describe('a change on trial', () => {
  const other: SettingsLayer = { version: 1, hostname: 'other' };
  const apply = (author: string, layer: SettingsLayer = other) =>
    settings.configuration.apply(layer, { author, seconds: 60, automatic: false });

  test('a connection that is lost: the page says when the box takes it back, returns, and says that it did', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Move port3: LAN' }).click();
    await page.getByRole('button', { name: 'To Unused' }).click();
    await tryIt(page);
    await bar(page).getByText('is on trial').waitFor();
    await line.cut();
    await bar(page).getByText('The connection to the box is lost.').waitFor();
    await eventually(() => bar(page).textContent()).toMatch(
      /takes it back by itself at \d\d:\d\d:\d\d, in (\d+ s|1 min)\./,
    );
    await keepScreens(page, 'network-lost', { whole: false });
    await settings.pass(60);
    expect(settings.configuration.trial()).toBeNull();
    // The first to be asked what came of it is a connection that looks open and brings no answer.
    const swallowed: string[] = [];
    await page.route('**/api/v1/config/history', async (route, request) => {
      if (swallowed.push(request.url()) > 1) await route.continue();
    });
    await line.restore();
    await bar(page).getByText('Revision 1 was taken back.').waitFor();
    expect(swallowed.length).toBeGreaterThan(1);
    await eventually(() => bar(page).textContent()).toContain('nobody confirmed it in time');
    await page.getByRole('button', { name: 'Move port3: LAN' }).waitFor();
    expect(saved()).toBeUndefined();
    await bar(page).getByRole('button', { name: 'Close' }).click();
    await bar(page).waitFor({ state: 'detached' });
  });

  test('a connection that the change itself cuts: the answer never comes, and its end is told all the same', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Move port3: LAN' }).click();
    await page.getByRole('button', { name: 'To Unused' }).click();
    await page.route('**/api/v1/config/apply', async (route) => {
      // The request arrives, its answer does not.
      await route.fetch();
      await line.cut();
      await route.abort('connectionreset');
    });
    await tryIt(page);
    await bar(page).getByText('The connection to the box is lost.').waitFor();
    await settings.pass(60);
    await line.restore();
    await bar(page).getByText('Revision 1 was taken back.').waitFor();
  });

  test('begun on the command line: who, what is missing, taken back from here', async () => {
    const layer: SettingsLayer = {
      ...other,
      overlay: { peers: [{ name: 'plant', uri: 'hip://plant.example/2001:20::1', protectedPrefixes: [] }] },
    };
    settings.store.save(layer, 'web');
    settings.peers.set('2001:20::1', true);
    const page = await open();
    await apply('command line', { ...layer, hostname: 'another' });
    await bar(page).getByText('Revision 2 by command line is on trial.').waitFor();
    settings.peers.set('2001:20::1', false);
    await settings.pass(2);
    await bar(page).getByText('the peer plant (2001:20::1) does not answer through its tunnel').waitFor();
    await keepScreens(page, 'network-missing', { whole: false });
    await bar(page).getByRole('button', { name: 'Keep anyway' }).waitFor();
    await bar(page).getByRole('button', { name: 'Take back now' }).click();
    await bar(page).getByText('Revision 2 was taken back.').waitFor();
    await eventually(() => bar(page).textContent()).toContain('admin took it back');
    expect(inForce().hostname).toBe('other');
  });

  test('a long name of who began it, and one from right to left', async () => {
    const page = await open();
    await apply('Außenstelle Köln-Müngersdorf, Gebäude Süd, Technikraum מחסן');
    await bar(page).getByText('Technikraum').waitFor();
    await keepScreens(page, 'network-author', { whole: false });
  });

  test('settings that moved on meanwhile: what moved, and the change on top of it', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Move port3: LAN' }).click();
    await page.getByRole('button', { name: 'To Unused' }).click();
    await dialog(page).getByRole('button', { name: 'Try it' }).waitFor();
    settings.store.save(other, 'anna');
    await tryIt(page);
    await dialog(page).getByText('The settings have changed meanwhile').waitFor();
    await eventually(() => dialog(page).textContent()).toContain('Revision 1 by anna');
    await eventually(() => dialog(page).locator('.notice').textContent()).toContain(
      'Name of the boxnot set becomes→ other',
    );
    expect(settings.configuration.trial()).toBeNull();
    await keepScreens(page, 'network-moved', { whole: false });
    await tryIt(page);
    await keep(page, 2);
    expect(saved()).toEqual({ ...other, network: { ports: { port3: 'unused' } } });
  });

  test('what cannot be applied is said, and nothing stays on trial', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Move port3: LAN' }).click();
    await page.getByRole('button', { name: 'To Unused' }).click();
    await dialog(page).getByRole('button', { name: 'Try it' }).waitFor();
    settings.state.failure = 'ip: no such device';
    await tryIt(page);
    await dialog(page).getByText('settings-not-applied').waitFor();
    await eventually(() => dialog(page).textContent()).toContain('ip: no such device');
    await dialog(page).getByRole('button', { name: 'Close' }).click();
    expect(settings.configuration.trial()).toBeNull();
  });
});

describe('what the page looks like', () => {
  const answers = (answered: number, asked: number) => ({ asked, answered });
  const look = { gateway: true, names: true, destinations: answers(0, 0), peers: answers(3, 3) };
  const uplink = { works: true, score: 100, place: 1, look, secondsToChange: null, modem: null };
  const busy = (): Interface[] => {
    const [first, second, third, ...others] = normalStatus(Date.now()).network.interfaces;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three ports');
    const speed = { megabits: 1000, duplex: 'full' as const };
    return [
      { ...first, label: 'WAN', speed, uplink },
      { ...second, label: 'LAN 1', speed: { megabits: 100, duplex: 'half' } },
      third,
      {
        ...{
          ...first,
          name: 'port4',
          kernelName: 'enp0s5',
          label: null,
          speed,
          addresses: ['100.64.3.9/30'],
        },
        uplink: {
          ...{ works: false, score: 26, place: 2, secondsToChange: 24 },
          look: { gateway: true, names: false, destinations: answers(1, 2), peers: answers(0, 3) },
          modem: {
            ...{ device: 'answers' as const, sim: 'ready' as const, registration: 'roaming' as const },
            ...{ operator: 'Übersee-Mobilfunk', signalDbm: -97, connected: true, problem: null },
          },
        },
      },
      { ...third, name: 'port5', kernelName: 'enp0s6', role: 'unused' },
      ...others,
    ];
  };
  const full: SettingsLayer = {
    version: 1,
    network: {
      ports: { port4: 'underlay', port5: 'unused' },
      lan: {
        ...{ ipv6: 'fd00:1::1/64', outside: '10.99.1.0/24', segmentation: 'ports', internet: true },
        reservations: [
          {
            mac: '02:00:00:00:00:01',
            address: '192.168.1.10',
            name: 'presse-in-der-alten-brauerei-mit-einem-sehr-langen-namen-63-zei',
          },
        ],
      },
      networks: { 'cameras-haus': { vlan: 20, address: '10.0.20.1/24', dhcpServer: true, ports: ['port2'] } },
      routes: [{ destination: '10.9.0.0/16', gateway: '192.168.1.9' }],
      dns: { forward: true, servers: ['192.0.2.53'] },
      ntp: { servers: ['ntp.example'] },
    },
  };

  test('with two uplinks, each form, its menu, a change and its trial', async () => {
    interfaces = busy();
    settings.store.save(full, 'web');
    const page = await open();
    await eventually(() => page.textContent('.sentence')).toBe(
      'port1 carries the tunnels; port4 does not work.',
    );
    await eventually(() => page.locator('#uplinks').textContent()).toContain(
      'is used again in 24 s if it goes on so',
    );
    await keepScreens(page, 'network-full', { whole: false });
    for (const edit of [
      'lan',
      'underlay',
      'port:port4',
      'network:cameras-haus',
      'routes',
      'names',
      'time',
      'management',
    ]) {
      await page.goto(`https://127.0.0.1:${line.port}/network?edit=${encodeURIComponent(edit)}`);
      await page.getByRole('dialog').getByRole('button', { name: 'See what it would do' }).waitFor();
      await keepScreens(page, `network-form-${edit.replace(':', '-')}`, { whole: false });
    }
    await page.goto(`https://127.0.0.1:${line.port}/network`);
    await page.getByRole('button', { name: 'Move port3: LAN' }).click();
    await keepScreens(page, 'network-menu', { whole: false });
    await page.getByRole('button', { name: 'To Unused' }).click();
    await dialog(page).getByRole('button', { name: 'Try it' }).waitFor();
    await keepScreens(page, 'network-dialog', { whole: false });
    await tryIt(page);
    await bar(page).getByText('is on trial').waitFor();
    await keepScreens(page, 'network-trial', { whole: false });
    expect(opened.complaints).toEqual([]);
  });
});
