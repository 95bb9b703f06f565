import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildClient, packClient } from '../../image-builder/client.ts';
import { accessibilityFindings, launchBrowser, type OpenedPage, openPage } from '../webui/browser.ts';
import { logLines, normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox, type TestBoxOptions } from '../webui/test-box.ts';

const pageFiles = packClient(await buildClient());
let browser: Browser;
let box: TestBox;
let opened: OpenedPage | null = null;
/** What the box tells; a test changes it while the page is open. */
let reading = normalStatus(Date.now());

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());
beforeEach(() => {
  reading = normalStatus(Date.now());
});
afterEach(async () => {
  await opened?.page.context().close();
  opened = null;
  await box.close();
});

async function open(options: Partial<TestBoxOptions> = {}, where = '') {
  box = await startTestBox({
    page: pageFiles,
    readStatus: () => reading,
    lines: logLines(Date.now()),
    ...options,
  });
  opened = await openPage(browser, box.url + where);
  return opened;
}

describe('the page in a browser', () => {
  test('says how the box is, under its content security policy and without complaint', async () => {
    const { page, complaints } = await open();
    await expect.poll(() => page.textContent('.sentence')).toContain('All 3 tunnels are up.');
    expect(await page.title()).toBe('gate-hamburg · Hithe');
    expect(await page.textContent('header')).toContain('Live');
    expect(await page.textContent('#overview')).toContain('Software identity');
    expect(await page.textContent('#trust')).toContain('Verified');
    expect(await accessibilityFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('follows the box without being loaded anew', async () => {
    const { page } = await open();
    await page.waitForSelector('.sentence');
    reading = { ...reading, tunnels: reading.tunnels.map((each) => ({ ...each, state: 'CLOSED' })) };
    await expect
      .poll(() => page.textContent('.sentence'), { timeout: 5000 })
      .toContain('All 3 tunnels are down.');
  });

  test('new lines of the log wait until they are asked for', async () => {
    const { page } = await open({}, '/#log');
    const rows = () => page.locator('.log-lines tbody tr').count();
    await page.waitForSelector('.log-lines');
    const before = await rows();
    box.log.lines.push({
      time: new Date().toISOString(),
      level: 'error',
      source: 'hip',
      message: 'a new line',
    });
    const button = page.getByRole('button', { name: 'Show 1 new line' });
    await button.waitFor({ timeout: 5000 });
    expect(await rows()).toBe(before);
    await button.click();
    expect(await page.textContent('.log-lines tbody tr')).toContain('a new line');
    expect(await rows()).toBe(before + 1);
  });

  test('a filtered log has an address, and back undoes it', async () => {
    const { page } = await open({}, '/?log=error#log');
    await page.waitForSelector('.log-lines');
    const levels = async () =>
      new Set(await page.locator('.log-lines tbody td:nth-child(2)').allInnerTexts());
    expect(await levels()).toEqual(new Set(['Error']));
    await page.getByText('Warnings and errors').click();
    expect(page.url()).toContain('log=warning');
    expect(await levels()).toEqual(new Set(['Error', 'Warning']));
    await page.goBack();
    await expect.poll(levels).toEqual(new Set(['Error']));
  });

  test('a lost box greys the page, and its return brings it back', async () => {
    const { page, complaints } = await open();
    await page.waitForSelector('.sentence');
    const { httpsPort } = box;
    await box.close();
    await page.waitForSelector('main.offline');
    expect(await page.textContent('.lost')).toMatch(/has not answered since \d\d:\d\d:\d\d/);
    expect(await page.textContent('.sentence')).toContain('Last known: All 3 tunnels are up.');
    expect(await accessibilityFindings(page)).toEqual([]);
    box = await startTestBox({ page: pageFiles, readStatus: () => reading, httpsPort });
    await page.waitForSelector('main:not(.offline)', { timeout: 8000 });
    expect(await page.locator('.lost').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('claims with the keyboard alone; an error keeps what was typed', async () => {
    const { page } = await open();
    const field = page.getByLabel('Claim code');
    await field.waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content');
    await field.focus();
    await page.keyboard.type('0000-0000');
    await page.keyboard.press('Enter');
    const error = page.getByRole('alert');
    await error.waitFor();
    expect(await error.textContent()).toContain('wrong-claim-code');
    expect(await field.inputValue()).toBe('0000-0000');
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    expect(await accessibilityFindings(page)).toEqual([]);
    await field.fill((box.ui.claim.code() ?? '').toLowerCase());
    await page.keyboard.press('Enter');
    await field.waitFor({ state: 'detached' });
    expect(box.ui.claim.claimed()).toBe(true);
  });

  test('says why it closes on a one-port box that is claimed', async () => {
    reading = {
      ...reading,
      network: { ...reading.network, interfaces: reading.network.interfaces.slice(0, 1) },
    };
    const { page } = await open({
      interfaces: [{ role: 'underlay', kernelName: 'lo', addresses: ['127.0.0.1/8'] }],
    });
    await page.getByText('This box has one port.').waitFor();
    await page.getByLabel('Claim code').fill(box.ui.claim.code() ?? '');
    await page.keyboard.press('Enter');
    await page.getByText('no longer served on this port').waitFor({ timeout: 8000 });
  });

  test('text from outside stays text', async () => {
    const [first] = reading.tunnels;
    if (first === undefined) throw new Error('a tunnel');
    const script = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    reading = { ...reading, tunnels: [{ ...first, peer: script, lastError: script }] };
    const { page, complaints } = await open();
    await page.waitForSelector('.tunnels');
    expect(await page.textContent('.tunnels')).toContain(script);
    expect(await page.title()).toBe('gate-hamburg · Hithe');
    expect(complaints).toEqual([]);
  });
});
