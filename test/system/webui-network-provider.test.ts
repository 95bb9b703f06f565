import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { pageFiles } from '../../image-builder/webui-client.ts';
import { type OpenedPage, openPage, sharedBrowser } from '../webui/browser.ts';
import { eventually } from '../webui/eventually.ts';
import { normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { openTestConfiguration, type TestConfiguration } from '../webui/test-configuration.ts';

/** What a provider wants of an uplink and gives to it, as the page's forms say it. */
let browser: Browser;
let box: TestBox;
let settings: TestConfiguration;
let opened: OpenedPage;

beforeAll(async () => {
  browser = await sharedBrowser();
});
beforeEach(async () => {
  settings = openTestConfiguration();
  const readStatus = () => ({ ...normalStatus(Date.now()), trial: settings.configuration.trial() });
  box = await startTestBox({ page: pageFiles, readStatus, settings });
  opened = await openPage(browser, `${box.url}/network`, { owner: await box.claim() });
});
afterEach(async () => {
  await opened.page.context().close();
  await box.close();
});

const saved = () => {
  const current = settings.store.current();
  return current.ok ? current.value?.layer : undefined;
};

/** Fills in a form that the address names, and keeps what the box makes of it. */
async function change(page: Page, edit: string, fill: () => Promise<void>): Promise<void> {
  await page.goto(`${box.url}/network?edit=${encodeURIComponent(edit)}`);
  await page.getByRole('button', { name: 'See what it would do' }).waitFor();
  await fill();
  await page.getByRole('button', { name: 'See what it would do' }).click();
  await page.locator('dialog.dialog').getByRole('button', { name: 'Try it' }).click();
  const bar = page.getByRole('region', { name: 'A change is on trial' });
  await bar.getByRole('button', { name: 'Keep', exact: true }).click();
  await bar.getByText(/Revision \d+ is kept/).waitFor();
  await bar.getByRole('button', { name: 'Close' }).click();
}

test('a VLAN, DHCPv6, and a network of the prefix that it delegates', async () => {
  const { page } = opened;
  await change(page, 'port:port1', () => page.getByLabel('VLAN').fill('7'));
  await change(page, 'underlay', () => page.getByLabel('Asks the provider').check());
  await change(page, 'lan', () => page.getByLabel('Network of the provider’s (IPv6)').fill('0'));
  expect(saved()?.network).toEqual({
    underlay: { uplinks: { port1: { vlan: 7 } }, dhcpv6: true },
    lan: { delegated: 0 },
  });
  // They stand there when somebody looks again, and are taken away by emptying them.
  await change(page, 'lan', () => page.getByLabel('Network of the provider’s (IPv6)').fill(''));
  await page.goto(`${box.url}/network?edit=underlay`);
  await eventually(() => page.getByLabel('Asks the provider').isChecked()).toBe(true);
  await change(page, 'underlay', () => page.getByLabel('Asks the provider').uncheck());
  await page.goto(`${box.url}/network?edit=port%3Aport1`);
  await eventually(() => page.getByLabel('VLAN').inputValue()).toBe('7');
  expect(saved()?.network).toEqual({ underlay: { uplinks: { port1: { vlan: 7 } } } });
  expect(opened.complaints).toEqual([]);
});

test('a modem with the PIN of its SIM, which nobody is shown and other changes keep', async () => {
  const { page } = opened;
  await change(page, 'port:port1', async () => {
    await page.getByLabel('Modem', { exact: false }).first().fill('ttyUSB2');
    await page.getByLabel('Access point (APN)').fill('internet');
    await page.getByLabel('SIM PIN').fill('4711');
  });
  const modem = { device: 'ttyUSB2', apn: 'internet', pin: '4711' };
  expect(saved()?.network).toEqual({ underlay: { uplinks: { port1: { modem } } } });
  await change(page, 'port:port1', async () => {
    await eventually(() => page.getByLabel('SIM PIN').inputValue()).toBe('(hidden)');
    await page.getByLabel('Access point (APN)').fill('iot');
  });
  expect(saved()?.network).toEqual({ underlay: { uplinks: { port1: { modem: { ...modem, apn: 'iot' } } } } });
  await change(page, 'port:port1', () => page.getByLabel('SIM PIN').fill(''));
  expect(saved()?.network).toEqual({
    underlay: { uplinks: { port1: { modem: { device: 'ttyUSB2', apn: 'iot' } } } },
  });
  expect(opened.complaints).toEqual([]);
});

test('hosts are told the time only where the box is told it, which the form says', async () => {
  const { page } = opened;
  const timeServer = page.getByLabel('Tells hosts the time (NTP)');
  await page.goto(`${box.url}/network?edit=lan`);
  await timeServer.check();
  await page.getByRole('button', { name: 'See what it would do' }).click();
  await page.getByRole('alert').waitFor();
  await eventually(() => timeServer.isChecked()).toBe(true);
  await change(page, 'time', () => page.getByLabel('Time servers').fill('ntp.example.org'));
  await change(page, 'lan', () => timeServer.check());
  expect(saved()?.network).toEqual({ ntp: { servers: ['ntp.example.org'] }, lan: { ntpServer: true } });
});
