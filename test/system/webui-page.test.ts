import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pagePaths } from '../../firmware/webui/client/router.tsx';
import { pageFiles } from '../../image-builder/webui-client.ts';
import { accessibilityFindings, type OpenedPage, openPage, sharedBrowser } from '../webui/browser.ts';
import { eventually } from '../webui/eventually.ts';
import { logLines, normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox, type TestBoxOptions } from '../webui/test-box.ts';

let browser: Browser;
let box: TestBox;
let opened: OpenedPage | null = null;
/** What the box tells; a test changes it while the page is open. */
let reading = normalStatus(Date.now());

beforeAll(async () => {
  browser = await sharedBrowser();
});
beforeEach(() => {
  reading = normalStatus(Date.now());
});
afterEach(async () => {
  await opened?.page.context().close();
  opened = null;
  await box.close();
});

/** The page as its owner sees it. */
async function open(options: Partial<TestBoxOptions> = {}, where = '') {
  box = await startTestBox({
    page: pageFiles,
    readStatus: () => reading,
    lines: logLines(Date.now()),
    ...options,
  });
  const owner = await box.claim();
  opened = await openPage(browser, box.url + where, { owner });
  return opened;
}

/** What moves without anybody having touched the page (Layout Instability specification). */
function watchShifts(): void {
  const shifts: number[] = [];
  Object.assign(window, { shifts });
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      if ('hadRecentInput' in entry && 'value' in entry && !entry.hadRecentInput)
        shifts.push(Number(entry.value));
  });
  observer.observe({ type: 'layout-shift' });
}

describe('the page in a browser', () => {
  test('says how the box is, under its content security policy and without complaint', async () => {
    const { page, complaints } = await open();
    await expect.poll(() => page.textContent('.sentence')).toContain('All 3 tunnels are up.');
    expect(await page.title()).toBe('gate-hamburg · Hithe');
    await eventually(() => page.textContent('header')).toContain('Live');
    await eventually(() => page.textContent('#overview')).toContain('Software identity');
    expect(await accessibilityFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('follows the box without being loaded anew', async () => {
    const { page } = await open();
    await page.waitForSelector('.sentence');
    reading = { ...reading, tunnels: reading.tunnels.map((each) => ({ ...each, state: 'CLOSED' })) };
    await expect.poll(() => page.textContent('.sentence')).toContain('All 3 tunnels are down.');
  });

  test('new lines of the log wait until they are asked for', async () => {
    const { page } = await open({}, '/system?tab=log');
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
    await button.waitFor();
    expect(await rows()).toBe(before);
    await button.click();
    await eventually(() => page.textContent('.log-lines tbody tr')).toContain('a new line');
    expect(await rows()).toBe(before + 1);
  });

  test('a filtered log has an address, and back undoes it', async () => {
    const { page } = await open({}, '/system?tab=log&level=error');
    await page.waitForSelector('.log-lines');
    const levels = async () =>
      new Set(await page.locator('.log-lines tbody td:nth-child(2)').allInnerTexts());
    expect(await levels()).toEqual(new Set(['Error']));
    await page.getByText('Warnings and errors').click();
    expect(page.url()).toContain('level=warning');
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
    await eventually(() => page.textContent('.lost')).toMatch(/has not answered since \d\d:\d\d:\d\d/);
    await eventually(() => page.textContent('.sentence')).toContain('Last known: All 3 tunnels are up.');
    expect(await accessibilityFindings(page)).toEqual([]);
    box = await startTestBox({ page: pageFiles, readStatus: () => reading, httpsPort });
    await page.waitForSelector('main:not(.offline)');
    await eventually(() => page.locator('.lost').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('live updates move nothing that is looked at', async () => {
    const { page } = await open();
    await page.waitForSelector('.tunnels-in-short');
    await page.locator('#denied .table, #denied .empty').first().waitFor();
    await page.evaluate(watchShifts);
    const { tunnels } = reading;
    for (const [state, sentence] of [
      ['I1-SENT', 'is being set up'],
      ['CLOSED', 'All 3 tunnels are down.'],
      ['ESTABLISHED', 'All 3 tunnels are up.'],
    ] as const) {
      const traffic = { sentBytes: 2 ** 40, sentPackets: 9, receivedBytes: 2 ** 41, receivedPackets: 9 };
      reading = { ...reading, tunnels: tunnels.map((each) => ({ ...each, state, traffic })) };
      await expect.poll(() => page.textContent('.sentence')).toContain(sentence);
    }
    const shifts: number[] = await page.evaluate('window.shifts');
    // A figure at the right edge that gets wider counts with its own few pixels; a row that moved would be fifty times that.
    expect(shifts.reduce((sum, shift) => sum + shift, 0)).toBeLessThan(0.001);
  });

  test('nothing moves by itself for who asked for that', async () => {
    const { page } = await open();
    await page.waitForSelector('.tunnels-in-short');
    const moving = await page.evaluate(
      () =>
        [...document.querySelectorAll('*')].filter((element) => {
          const { animationName, transitionDuration } = getComputedStyle(element);
          return animationName !== 'none' || !/^0s(, 0s)*$/.test(transitionDuration);
        }).length,
    );
    expect(moving).toBe(0);
  });

  test('text from outside stays text', async () => {
    const [first] = reading.tunnels;
    if (first === undefined) throw new Error('a tunnel');
    const script = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    reading = { ...reading, tunnels: [{ ...first, peer: script, lastError: script }] };
    const { page, complaints } = await open({}, '/overlay');
    await page.waitForSelector('.tunnels');
    await eventually(() => page.textContent('.tunnels')).toContain(script);
    expect(await page.title()).toBe('Overlay · gate-hamburg · Hithe');
    expect(complaints).toEqual([]);
  });
});

const pagesNav = 'nav[aria-label="Pages"]';

describe('pages have addresses', () => {
  const heading = (page: Page) => page.textContent('h1');

  test('each answers by itself, links lead on without loading, back leads back', async () => {
    const { page, complaints } = await open({}, '/trust');
    await expect.poll(() => heading(page)).toBe('Trust');
    await eventually(() => page.textContent('#trust')).toContain('Verified');
    await page.evaluate('window.sameDocument = true');
    for (const [name, path] of Object.entries(pagePaths)) {
      if (name === 'setup' || name === 'sign-in') continue;
      await page.locator(`${pagesNav} a[href="${path}"]:visible`).click();
      await page.waitForSelector(`#${name}`);
      expect(new URL(page.url()).pathname).toBe(path);
      await eventually(() =>
        page.locator(`${pagesNav} a[aria-current="page"]:visible`).getAttribute('href'),
      ).toBe(path);
    }
    expect(await page.evaluate('window.sameDocument')).toBe(true);
    await page.goBack();
    await expect.poll(() => heading(page)).toBe('Trust');
    expect(complaints).toEqual([]);
  });

  test('a page that was chosen begins at its heading', async () => {
    const { page } = await open();
    await page.waitForSelector('.sentence');
    await page.locator('nav a[href="/network"]:visible').click();
    await page.waitForSelector('#network');
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Network');
    expect(await page.evaluate(() => scrollY)).toBe(0);
  });

  test('on a phone four are tabs and the others stand behind More', async () => {
    const { page } = await open();
    await page.setViewportSize({ width: 360, height: 740 });
    await page.waitForSelector('.sentence');
    await eventually(() => page.locator('nav a:visible').count()).toBe(4);
    await page.getByRole('button', { name: 'More' }).click();
    await page.locator('#more a[href="/policy"]').click();
    await page.waitForSelector('#policy');
    await eventually(() => page.locator('#more').isVisible()).toBe(false);
    expect(await accessibilityFindings(page)).toEqual([]);
  });
});
