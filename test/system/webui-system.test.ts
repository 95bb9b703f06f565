import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SettingsLayer } from '../../firmware/store/settings-schema.ts';
import { callLocalApi } from '../../firmware/system/local-api.ts';
import { pageFiles } from '../../image-builder/webui-client.ts';
import { accessibilityFindings, openPage, sharedBrowser, sidewaysOverflow } from '../webui/browser.ts';
import { eventually } from '../webui/eventually.ts';
import { keepScreens } from '../webui/screens.ts';
import { logLines, normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';
import { openTestConfiguration, type TestConfiguration } from '../webui/test-configuration.ts';

let browser: Browser;
let box: TestBox;
let settings: TestConfiguration;
let owner: { readonly name: string; readonly password: string };
let page: Page;
let complaints: string[];

beforeAll(async () => {
  browser = await sharedBrowser();
});
beforeEach(async () => {
  settings = openTestConfiguration();
  box = await startTestBox({
    ...{ page: pageFiles, settings, lines: logLines(Date.now()) },
    readStatus: () => ({ ...normalStatus(Date.now()), trial: settings.configuration.trial() }),
  });
  owner = await box.claim();
});
afterEach(async () => {
  await page.context().close();
  await settings.configuration.close();
  await box.close();
});

async function open(where: string): Promise<void> {
  ({ page, complaints } = await openPage(browser, box.url + where, { owner, acceptDownloads: true }));
  await page.waitForSelector('#system');
}

async function save(document: Omit<SettingsLayer, 'version'>, author = 'admin'): Promise<void> {
  const applied = await settings.configuration.apply(
    { version: 1, ...document },
    { author, seconds: 60, automatic: false },
  );
  if (!applied.ok) throw new Error(applied.detail);
  await settings.configuration.confirm(true);
}

const button = (name: string | RegExp) => page.getByRole('button', { name });
const section = (id: string) => page.locator(`section#${id}`);

/** What a dangerous act asks before it is done. */
async function confirmPassword(): Promise<void> {
  await page.locator('#prompt-password').fill(owner.password);
  await page.keyboard.press('Enter');
}

async function fine(): Promise<void> {
  expect(await accessibilityFindings(page)).toEqual([]);
  expect(complaints).toEqual([]);
}

async function downloaded(act: () => Promise<unknown>): Promise<{ name: string; octets: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), act()]);
  return { name: download.suggestedFilename(), octets: readFileSync(await download.path()) };
}

describe('the system’s page', () => {
  test('says what runs, and its parts have addresses', async () => {
    await open('/system');
    await eventually(() => page.textContent('.answer')).toMatch(/Hithe .* is running/);
    for (const name of ['Settings', 'Log', 'Diagnostics', 'Access', 'Upkeep', 'This box']) {
      await page.getByRole('link', { name, exact: true }).click();
      await eventually(() => page.locator('.tabs a[aria-current="page"]').textContent()).toBe(name);
      await eventually(() => page.locator('main section section').count()).toBeGreaterThan(0);
      await fine();
    }
    await page.goBack();
    expect(page.url()).toMatch(/tab=upkeep$/);
    await keepScreens(page, 'system-upkeep');
    await page.goto(`${box.url}/system`);
    await page.waitForSelector('#hardware');
    await keepScreens(page, 'system-box');
  });

  test('settings: two revisions are compared, an earlier one is tried again', async () => {
    await save({ hostname: 'gate-one' });
    await save({ hostname: 'gate-two' }, 'Grünwald-Müller-Östereicher');
    await save({ hostname: 'gate-three', network: { lan: { dhcpServer: false } } });
    await open('/system?tab=settings');
    const rows = section('revisions').locator('tbody tr');
    await eventually(() => rows.count()).toBe(3);
    await eventually(() => rows.first().textContent()).toContain('In force');
    await keepScreens(page, 'system-settings');
    await page.getByRole('link', { name: 'Revision 1' }).click();
    const panel = page.locator('.side-panel');
    await panel.getByLabel('Compared with').selectOption('3');
    await eventually(() => panel.textContent()).toContain('gate-three');
    expect(page.url()).toContain('revision=1&against=3');
    await keepScreens(page, 'system-revision');
    await fine();
    await panel.getByRole('button', { name: 'Try these settings again' }).click();
    await page
      .locator('dialog.dialog')
      .getByRole('button', { name: /^Apply|^Try/ })
      .click();
    await eventually(() => settings.configuration.trial()?.revision).toBe(4);
    expect(settings.applied.at(-1)?.hostname).toBe('gate-one');
  });

  test('a backup without secrets, one under a password, and back again', async () => {
    await save({ hostname: 'gate-one' });
    await open('/system?tab=settings');
    const plain = await downloaded(() => button('Download without secrets').click());
    expect(plain.name).toMatch(/^gate-hamburg-\d{4}-\d\d-\d\d\.hithe\.json$/);
    expect(JSON.parse(plain.octets.toString())).toMatchObject({ settings: { hostname: 'gate-one' } });
    await page.getByText('Download with secrets, under a password').click();
    await page.getByLabel('Password of the file').fill('short');
    await section('backup').getByRole('button', { name: 'Download', exact: true }).click();
    await confirmPassword();
    await eventually(() => page.locator('#seal-password').getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('Password of the file').fill('a password of its own');
    const sealed = await downloaded(() =>
      section('backup').getByRole('button', { name: 'Download', exact: true }).click(),
    );
    expect(sealed.octets.toString()).not.toContain('gate-one');
    await save({ hostname: 'gate-two' });

    const file = page.getByLabel('Backup file');
    await file.setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from('{') });
    await eventually(() => section('restore').textContent()).toContain('This file is no backup');
    await file.setInputFiles({ name: sealed.name, mimeType: 'application/json', buffer: sealed.octets });
    await page.getByLabel('Its password').fill('not the password');
    await button('Show what it changes').click();
    await eventually(() => section('restore').textContent()).toContain('backup-password');
    await keepScreens(page, 'system-restore-error');
    await page.getByLabel('Its password').fill('a password of its own');
    await button('Show what it changes').click();
    const dialog = page.locator('dialog.dialog');
    await eventually(() => dialog.textContent()).toContain('gate-one');
    await keepScreens(page, 'system-restore');
    await fine();
    await dialog.getByRole('button', { name: 'Try these settings' }).click();
    await eventually(() => settings.configuration.trial()?.author).toBe('admin');
    expect(settings.applied.at(-1)?.hostname).toBe('gate-one');
  });

  test('the log: by level, source and words, followed, downloaded', async () => {
    await open('/system?tab=log');
    const rows = page.locator('.log-lines tbody tr');
    const say = (message: string, source = 'hip') =>
      box.log.lines.push({ time: new Date().toISOString(), level: 'error', source, message });
    await page.waitForSelector('.log-lines');
    await keepScreens(page, 'system-log');
    const before = await rows.count();
    say('the first of them');
    await button('Show 1 new line').click();
    await eventually(() => rows.first().textContent()).toContain('the first of them');
    await eventually(() => rows.count()).toBe(before + 1);
    await page.getByLabel('Follow').check();
    say('زوج <b>مرحبا</b>', 'network');
    await eventually(() => rows.first().textContent()).toContain('<b>');
    await page.getByLabel('From', { exact: true }).selectOption('network');
    await page.getByLabel('Words in it').fill('مرحبا');
    await eventually(() => rows.count()).toBe(1);
    expect(page.url()).toContain('from=network');
    const { name, octets } = await downloaded(() => button('Download 1 line').click());
    expect([name, octets.toString()]).toEqual([
      'gate-hamburg.log',
      expect.stringContaining('error network: زوج'),
    ]);
    await fine();
    await page.getByLabel('Words in it').fill('nobody says this');
    await page.getByText('Nothing of this kind has been logged.').waitFor();
  });

  test('a ping, a trace and a capture, with what came of them', async () => {
    await open('/system?tab=diagnostics');
    await section('ping').getByRole('button', { name: 'Ping' }).click();
    await eventually(() => section('ping').textContent()).toContain('Say where to.');
    await page.getByLabel('To', { exact: true }).first().fill('wien');
    await page.getByLabel('As if from').fill('192.168.1.11');
    await page.keyboard.press('Enter');
    await eventually(() => section('ping').locator('.outcome').textContent()).toContain('Denied here.');
    await page.getByLabel('As if from').fill('nobody');
    await page.keyboard.press('Enter');
    await eventually(() => page.locator('#field-from').getAttribute('aria-invalid')).toBe('true');

    await section('traceroute').getByLabel('To', { exact: true }).fill('10.1.2.3');
    await button('Trace').click();
    await eventually(() => section('traceroute').textContent()).toContain('10.1.2.3 is reached in 1 hop.');

    await page.getByLabel('Filter').fill('vlan 7');
    await button('Start').click();
    await eventually(() => page.locator('#field-filter').getAttribute('aria-invalid')).toBe('true');
    await keepScreens(page, 'system-diagnostics');
    await fine();
    await page.getByLabel('Filter').fill('tcp and port 502');
    await page.getByLabel('Where').selectOption({ index: 1 });
    await button('Start').click();
    await page.getByText('Running.').waitFor();
    await keepScreens(page, 'system-capture');
    await button('Stop').click();
    await page.getByText('Over: it was stopped.').waitFor();
    const { name, octets } = await downloaded(() => page.getByRole('link', { name: 'Download' }).click());
    expect([name, octets.readUInt32BE(0)]).toEqual(['hithe-capture.pcap', 0xa1b2c3d4]);
    await button('Start').waitFor();
    await fine();
  });

  test('who is signed in: another browser is signed out from here', async () => {
    await open('/system?tab=access');
    // The box was claimed by another program.
    await eventually(() => section('sessions').locator('tbody tr').count()).toBe(2);
    await keepScreens(page, 'system-sessions');
    await fine();
    await section('sessions').getByRole('button', { name: 'Sign out admin' }).click();
    await eventually(() => section('sessions').locator('tbody tr').count()).toBe(1);
    await eventually(() => section('sessions').textContent()).toContain('this browser');
  });

  test('somebody else is signed out only with the password said again', async () => {
    const operator = { name: 'nachtschicht', password: 'guten Abend Hamburg' };
    const added = await callLocalApi({
      ...{ method: 'POST', path: '/api/v1/users', socketPath: box.socket },
      body: { ...operator, role: 'operator' },
    });
    expect(added).toMatchObject({ ok: true, status: 200 });
    const other = await openPage(browser, `${box.url}/system?tab=log`, { owner: operator });
    await open('/system?tab=access');
    const theirs = section('sessions').getByRole('button', { name: 'Sign out nachtschicht' });
    await theirs.click();
    await page.locator('#prompt-password').fill('not it at all');
    await page.keyboard.press('Enter');
    await eventually(() => page.getByRole('dialog').textContent()).toContain('wrong-password');
    await confirmPassword();
    await eventually(() => theirs.count()).toBe(0);
    await other.page.reload();
    await other.page.getByRole('button', { name: 'Sign in' }).waitFor();
    await other.page.context().close();
  });

  test('users, tokens and the audit: only with the password said again, a token shown once', async () => {
    await open('/system?tab=access');
    await button('Add a user').click();
    await page.getByLabel('Name', { exact: true }).fill('schichtleiterin');
    await page.getByLabel('Password', { exact: true }).fill('guten Morgen Hamburg');
    await page.locator('dialog.dialog').getByRole('button', { name: 'Add a user' }).click();
    await confirmPassword();
    await eventually(() => section('users').locator('tbody tr').count()).toBe(2);
    await section('users').getByRole('button', { name: 'Remove admin' }).click();
    await page.locator('dialog.dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('The box would have no owner.').waitFor();
    await page.keyboard.press('Escape');

    await button('Make a token').click();
    await page.getByLabel('What it is for').fill('collector');
    await keepScreens(page, 'system-token-form');
    await page.locator('dialog.dialog').getByRole('button', { name: 'Make a token' }).click();
    const secret = page.locator('.secret code');
    await secret.waitFor();
    await eventually(() => secret.textContent()).toMatch(/^hithe_[0-9a-f]{8}_[0-9a-f]{64}$/);
    await eventually(() => section('audit').textContent()).toContain('sign in');
    await button('Look again').click();
    await eventually(() => section('audit').textContent()).toContain('collector');
    await keepScreens(page, 'system-access');
    await fine();
    await page.getByText('Change your password').first().click();
    await page.getByLabel('Password until now', { exact: true }).fill('not it at all');
    await page.getByLabel('New password', { exact: true }).fill('noch ein gutes Wort');
    await button('Change your password').click();
    await eventually(() => section('session').textContent()).toContain('wrong-password');
    await page.getByLabel('Password until now', { exact: true }).fill(owner.password);
    await button('Change your password').click();
    await page.getByText('Your password is changed.').waitFor();
    await button('Revoke collector').click();
    await page.getByText('No program has a token.').waitFor();
    await eventually(() => secret.count()).toBe(0);
  });

  test('restart and factory reset are asked for twice', async () => {
    await open('/system?tab=upkeep');
    await button('Restart the box …').click();
    await page.getByText('Everybody is signed out').waitFor();
    await button('Restart now').click();
    await confirmPassword();
    await page.getByText('The box restarts.').waitFor();
    expect(box.restarts()).toBe(1);
    await page.getByText('Factory reset …').click();
    await page.getByLabel(/Type the box’s name/).fill('other');
    await button('Forget everything and restart').click();
    await eventually(() => page.locator('#field-hostname').getAttribute('aria-invalid')).toBe('true');
    await keepScreens(page, 'system-reset');
    await fine();
    await page.getByLabel(/Type the box’s name/).fill('gate-hamburg');
    await button('Forget everything and restart').click();
    await page.getByText('A new claim code stands on its console.').waitFor();
  });

  test('on a phone nothing is wider than it; with the keyboard alone every part is reached', async () => {
    await save({ hostname: 'gate-one' });
    await open('/system');
    await page.setViewportSize({ width: 360, height: 740 });
    for (const tab of ['box', 'settings', 'log', 'diagnostics', 'access', 'upkeep']) {
      await page.goto(`${box.url}/system?tab=${tab}`);
      await page.waitForSelector('main section section');
      expect([tab, await sidewaysOverflow(page)]).toEqual([tab, 0]);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(`${box.url}/system`);
    await page.waitForSelector('.tabs');
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press('Tab');
      if ((await page.evaluate(() => document.activeElement?.textContent)) === 'Diagnostics') break;
    }
    await page.keyboard.press('Enter');
    await page.waitForSelector('#ping');
  });
});
