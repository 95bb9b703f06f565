import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { pageFiles } from '../../image-builder/webui-client.ts';
import { type OpenedPage, openPage, sharedBrowser } from '../webui/browser.ts';
import { eventually } from '../webui/eventually.ts';
import { type Host, type KeptPolicy, openKeptPolicy } from '../webui/kept-policy.ts';
import { keepScreens } from '../webui/screens.ts';
import { normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';

/** The page of devices against the real site, settings, policy and discovery; pictures lie in build/screenshots. */
let browser: Browser;
let box: TestBox | null = null;
let opened: OpenedPage | null = null;

beforeAll(async () => {
  browser = await sharedBrowser();
});
afterEach(async () => {
  await opened?.page.context().close();
  opened = null;
  await box?.close();
  box = null;
});

const hosts: readonly Host[] = [
  { mac: '02:00:00:00:00:10', address: '192.168.1.10', name: 'hmi-left' },
  { mac: '02:00:00:00:00:20', address: '192.168.1.20', name: 'press' },
  { mac: '02:00:00:00:00:20', address: 'fd01::20' },
  { mac: '02:00:00:00:00:77', address: '192.168.1.77', name: 'camera-7' },
  { mac: '02:00:00:00:00:78', address: '192.168.1.78' },
];
const devices = [
  { name: 'hmi', mac: '02:00:00:00:00:10', labels: ['role=hmi'], addresses: ['192.168.1.10'] },
  {
    ...{ name: 'press', mac: '02:00:00:00:00:20', labels: ['role=plc', 'cell=4'] },
    addresses: ['192.168.1.20', 'fd01::20'],
  },
  { name: 'spare', mac: '02:00:00:00:00:99' },
];
const rules = [
  {
    ...{ id: 'modbus', subject: { device: 'hmi' }, verb: 'allow' as const, object: { labels: ['role=plc'] } },
    services: [{ protocol: 'tcp' as const, ports: [502] }],
  },
];
const kept = (more: { hosts?: readonly Host[]; policy?: object } = {}) =>
  openKeptPolicy({ policy: { devices, rules, ...more.policy }, hosts: more.hosts ?? hosts });

async function open({ settings, policy }: KeptPolicy, where: string): Promise<Page> {
  box = await startTestBox({
    page: pageFiles,
    settings,
    policy,
    readStatus: () => {
      const view = settings.configuration.read();
      return { ...normalStatus(Date.now()), trial: view.ok ? view.value.trial : null };
    },
  });
  opened = await openPage(browser, `${box.url}${where}`, {
    owner: await box.claim(),
    viewport: { width: 1440, height: 900 },
  });
  return opened.page;
}

const rowsOf = (page: Page) => page.locator('.hosts tbody tr:not(.space)');
const known = ({ settings }: KeptPolicy) => {
  const view = settings.configuration.read();
  return view.ok ? (view.value.inForce['policy'] as { devices: readonly object[] }).devices : [];
};

test('those in quarantine stand first, then the others with what is known', async () => {
  const page = await open(await kept(), '/devices');
  await page.waitForSelector('.hosts');
  await eventually(() => page.textContent('.answer')).toContain('2 devices are in quarantine.');
  const rows = (await rowsOf(page).allInnerTexts()).map((row) => row.replace(/\s+/g, ' '));
  expect(rows).toMatchObject([
    expect.stringMatching(/^192\.168\.1\.78 02:00:00:00:00:78 ?Quarantine/),
    expect.stringMatching(/^camera-7 02:00:00:00:00:77 ?Quarantine/),
    expect.stringMatching(/^hmi calls itself hmi-left ?Accepted.*role=hmi/),
    expect.stringMatching(/^press .*Accepted.*192\.168\.1\.20 ?and 1 more.*role=plc cell=4/),
    expect.stringMatching(/^spare .*Not there.*never/),
  ]);
  await keepScreens(page, 'devices', { whole: false });
  await page.getByText('Not there 1').click();
  await expect.poll(() => rowsOf(page).count()).toBe(1);
  expect(page.url()).toContain('state=not+seen');
  expect(opened?.complaints).toEqual([]);
});

test('one is accepted with the keyboard alone, given labels, and forgotten again', async () => {
  const policy = await kept();
  const page = await open(policy, '/devices');
  const link = page.getByRole('link', { name: 'camera-7' });
  await link.focus();
  await page.keyboard.press('Enter');
  const panel = page.getByRole('dialog', { name: 'camera-7' });
  await panel.waitFor();
  await keepScreens(page, 'devices-accept', { whole: false });
  const name = panel.getByLabel('Name');
  await eventually(() => name.inputValue()).toBe('camera-7');
  await panel.getByLabel('Labels', { exact: true }).focus();
  await page.keyboard.type('camera, no good!');
  await page.keyboard.press('Enter');
  await panel.getByRole('alert').waitFor();
  await eventually(() => panel.getByRole('alert').textContent()).toContain('must read name or name=value');
  await panel.getByLabel('Labels', { exact: true }).fill('camera cell=4');
  await page.keyboard.press('Enter');
  await page.getByText('camera-7 is accepted.').waitFor();
  expect(known(policy)).toContainEqual({
    ...{ name: 'camera-7', mac: '02:00:00:00:00:77', labels: ['camera', 'cell=4'] },
  });
  await policy.settings.pass(5);
  await page.getByRole('link', { name: 'camera-7' }).click();
  await panel.getByLabel('Labels', { exact: true }).fill('camera');
  await panel.getByRole('button', { name: 'Save labels' }).click();
  await page.getByText('camera-7 has other labels.').waitFor();
  await policy.settings.pass(5);
  await page.getByRole('link', { name: 'camera-7' }).click();
  await panel.getByRole('button', { name: 'Forget this device' }).click();
  // Escape answers the question, and leaves the panel that asked it.
  await page.locator('dialog.dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog.dialog').waitFor({ state: 'detached' });
  expect(await panel.isVisible()).toBe(true);
  await panel.getByRole('button', { name: 'Forget this device' }).click();
  const question = page.getByRole('dialog', { name: 'Forget camera-7?' });
  await question.waitFor();
  await keepScreens(page, 'devices-forget', { whole: false });
  await question.getByRole('button', { name: 'Forget this device' }).click();
  await page.getByText('camera-7 is forgotten.').waitFor();
  expect(known(policy)).toHaveLength(3);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => known(policy).length).toBe(4);
  expect(opened?.complaints).toEqual([]);
});

test('a device has an address of its own, its rules, and ways to its flows and to explain', async () => {
  const page = await open(await kept(), '/devices?device=press');
  const panel = page.getByRole('dialog', { name: 'press' });
  await panel.getByText('hmi may reach role=plc on tcp 502').waitFor();
  await keepScreens(page, 'devices-panel', { whole: false });
  await eventually(() => panel.getByRole('link', { name: 'Its flows' }).getAttribute('href')).toContain(
    '192.168.1.20',
  );
  await panel.getByRole('link', { name: 'Would it pass?' }).click();
  await page.waitForSelector('.explain');
  await eventually(() => page.getByLabel('From', { exact: true }).inputValue()).toBe('press');
  await page.goBack();
  await panel.waitFor();
  await page.keyboard.press('Escape');
  await panel.waitFor({ state: 'detached' });
  await page.goto(`${box?.url}/devices?device=nobody`);
  await page.getByText('There is no such device.').waitFor();
});

test('a thousand of them are a list of the rows in view, and a search finds one', async () => {
  const many = Array.from({ length: 1000 }, (_, index): Host => {
    const end = index.toString(16).padStart(4, '0');
    return {
      mac: `02:00:00:01:${end.slice(0, 2)}:${end.slice(2)}`,
      address: `192.168.${index >> 8}.${index & 255}`,
      name: `host-${index}`,
    };
  });
  const page = await open(await kept({ hosts: many }), '/devices');
  await page.waitForSelector('.hosts');
  await eventually(() => rowsOf(page).count()).toBeLessThan(60);
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await page.getByRole('link', { name: 'spare' }).waitFor();
  await eventually(() => rowsOf(page).count()).toBeLessThan(60);
  await page.getByLabel('Search name, address, MAC or label').fill('host-777');
  await expect.poll(() => rowsOf(page).count()).toBe(1);
  await keepScreens(page, 'devices-many', { whole: false });
});

test('nobody there, and names of any script and length', async () => {
  const page = await open(await kept({ hosts: [], policy: { devices: [], rules: [] } }), '/devices');
  await page.getByText('No device has been seen yet.').first().waitFor();
  await keepScreens(page, 'devices-empty', { whole: false });
  await opened?.page.context().close();
  await box?.close();
  const long = `Prüfstand-${'ä'.repeat(53)}`;
  const odd = [
    {
      name: long,
      mac: '02:00:00:00:00:20',
      labels: ['a'.repeat(63), 'b'.repeat(63)],
      addresses: ['192.168.1.20'],
    },
    { name: 'مضخة التبريد الرئيسية', mac: '02:00:00:00:00:10', addresses: ['192.168.1.10'] },
  ];
  const named = await open(await kept({ policy: { devices: odd, rules: [] } }), '/devices');
  await named.waitForSelector('.hosts');
  await keepScreens(named, 'devices-long', { whole: false });
});
