import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { StoredFlow } from '../../firmware/webui/api/flows-route.ts';
import { pageFiles } from '../../image-builder/webui-client.ts';
import { type OpenedPage, openPage, sharedBrowser } from '../webui/browser.ts';
import { eventually } from '../webui/eventually.ts';
import { endedConnection, type KeptFlows, openKeptFlows, plantFlows } from '../webui/kept-flows.ts';
import { keepScreens } from '../webui/screens.ts';
import { startTestBox, type TestBox, type TestBoxOptions } from '../webui/test-box.ts';

/** The page of flows against the real site and a real store of 100,000 records; pictures lie in build/screenshots. */
const records = 100_000;
let browser: Browser;
let flows: KeptFlows;
let box: TestBox | null = null;
let opened: OpenedPage | null = null;

beforeAll(async () => {
  browser = await sharedBrowser();
  flows = await openKeptFlows(plantFlows(records, Date.now()));
});
afterAll(async () => {
  await flows.close();
});
afterEach(async () => {
  await opened?.page.context().close();
  opened = null;
  await box?.close();
  box = null;
});

async function open(where: string, options: TestBoxOptions = {}): Promise<Page> {
  box = await startTestBox({ page: pageFiles, recorded: flows.keeper, ...options });
  opened = await openPage(browser, `${box.url}${where}`, {
    owner: await box.claim(),
    viewport: { width: 1440, height: 900 },
  });
  return opened.page;
}

const rows = (page: Page) => page.locator('.flows tbody tr:not(.space)');
const rowTexts = async (page: Page) =>
  (await rows(page).allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim());

describe('recorded flows', () => {
  test('denied ones stand first; a filter is in the address, and back takes it away', async () => {
    const page = await open('/flows');
    await rows(page).first().waitFor();
    await eventually(() => page.textContent('.answer')).toMatch(
      /denied in the last 5 minutes\. The newest: /,
    );
    for (const row of await rowTexts(page)) expect(row).toContain('Denied');
    await keepScreens(page, 'flows', { whole: false });

    await page.getByLabel('Device', { exact: true }).fill('press-4');
    await page.keyboard.press('Enter');
    await eventually(() => new URL(page.url()).search).toBe('?device=press-4');
    await eventually(async () => (await rowTexts(page)).every((row) => row.includes('press-4'))).toBe(true);
    await page.getByText('All', { exact: true }).click();
    await page.getByText('1 hour', { exact: true }).click();
    await eventually(() => new URL(page.url()).search).toBe('?device=press-4&verdict=all&last=1h');
    await eventually(async () => (await rowTexts(page)).some((row) => row.includes('Allowed'))).toBe(true);
    await page.getByRole('button', { name: 'Remove the filter Device press-4' }).click();
    await eventually(() => new URL(page.url()).search).toBe('?verdict=all&last=1h');
    await page.goBack();
    await eventually(() => new URL(page.url()).search).toBe('?device=press-4&verdict=all&last=1h');
    expect(opened?.complaints).toEqual([]);
  });

  test('of 100,000 only those in view exist, and the list is read on to its end', async () => {
    const page = await open('/flows?verdict=all');
    await rows(page).first().waitFor();
    await eventually(() => rows(page).count()).toBeLessThan(60);
    const table = page.getByRole('table', { name: 'Flows' });
    const before = Number(await table.getAttribute('aria-rowcount'));
    for (let turn = 0; turn < 3; turn++) {
      const known = Number(await table.getAttribute('aria-rowcount'));
      await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
      await eventually(async () => Number(await table.getAttribute('aria-rowcount'))).toBeGreaterThan(known);
    }
    expect(before).toBe(501);
    await eventually(() => rows(page).count()).toBeLessThan(60);
    const top = await rows(page).nth(20).textContent();
    expect(top).toMatch(/Allowed|Denied/);
    expect(opened?.complaints).toEqual([]);
  });

  test('new ones announce themselves and wait, and nothing moves', async () => {
    const page = await open('/flows?verdict=all&port=4711');
    await page.getByText('No flow was recorded that is so.').waitFor();
    const show = page.getByRole('button', { name: /^Show \d+ new|^Nothing new/ });
    await eventually(() => show.isDisabled()).toBe(true);
    flows.ends.push(endedConnection(4711), endedConnection(4711, { id: 2, from: '192.168.1.11' }));
    await eventually(() => show.textContent()).toContain('2 new');
    await eventually(() => rows(page).count()).toBe(0);
    await show.click();
    await eventually(() => rows(page).count()).toBe(2);
    expect((await rowTexts(page)).join()).toContain('cut by a new policy');
    await eventually(() => show.isDisabled()).toBe(true);
  });

  test('a row opens by keyboard to both ends, the reason, and the ways on; a link to it works', async () => {
    const page = await open('/flows');
    await rows(page).first().waitFor();
    const link = rows(page).first().locator('.row-link');
    await link.focus();
    await page.keyboard.press('Enter');
    const panel = page.getByRole('dialog');
    await panel.getByText('Verdicts of both ends').waitFor();
    const id = new URL(page.url()).searchParams.get('flow');
    expect(id).toMatch(/^\d+$/);
    await panel.getByText('Policy of now').waitFor();
    const allow = await panel.getByRole('link', { name: 'Allow …' }).getAttribute('href');
    expect(allow).toMatch(/^\/policy\?from=.+&to=.+&proto=\w+.*&add=allow$/);
    await eventually(() =>
      panel.getByRole('link', { name: 'Explain by the policy' }).getAttribute('href'),
    ).toBe(allow?.replace('&add=allow', ''));
    await keepScreens(page, 'flow', { whole: false });
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'hidden' });
    expect(new URL(page.url()).search).toBe('');
    // One far down, which the list does not hold.
    await page.goto(`${box?.url}/flows?flow=8`);
    await page.getByRole('dialog').getByText('Denied').first().waitFor();
    await page.goto(`${box?.url}/flows?flow=999999`);
    await page.getByText('This flow is not recorded any more.').waitFor();
    expect(opened?.complaints).toEqual([]);
  });

  test('what is filtered is downloaded, as CSV and as JSON lines', async () => {
    const page = await open('/flows?device=hmi&reason=spoofed', { bounds: { keepAliveMs: 1 } });
    await rows(page).first().waitFor();
    // A browser opens a connection for it then, and must accept the self-signed certificate there too.
    await delay(2_500);
    const download = async (name: string): Promise<string> => {
      const begun = page.waitForEvent('download');
      await page.getByRole('link', { name, exact: true }).click();
      return readFileSync(await (await begun).path(), 'utf8');
    };
    const [csv, lines] = [await download('CSV'), await download('JSON lines')];
    const found = lines
      .trimEnd()
      .split('\n')
      .map((line): StoredFlow => JSON.parse(line));
    expect(found.length).toBeGreaterThan(100);
    for (const { from, to, reason } of found) {
      expect(reason).toBe('spoofed');
      expect([...from.devices, ...to.devices]).toContain('hmi');
    }
    expect(csv.trimEnd().split('\r\n')).toHaveLength(found.length + 1);
  });

  test('a filter that is none says so and leaves the rest', async () => {
    const page = await open('/flows?port=70000');
    await page.getByText('bad-request').waitFor();
    await keepScreens(page, 'flows-wrong-filter', { whole: false });
    await page.getByRole('button', { name: 'Remove the filter Port 70000' }).click();
    await rows(page).first().waitFor();
  });
});

test('connections that live keep their places, and what was lost is told', async () => {
  flows.lost.connections = 3;
  flows.lives = [
    endedConnection(502, { end: null, mark: 1, sent: { packets: 9, bytes: 9_000 } }),
    endedConnection(443, { id: 2, end: null, mark: 1 }),
  ];
  const page = await open('/flows?view=live');
  await eventually(() => rows(page).count()).toBe(2);
  expect((await rowTexts(page))[0]).toContain('tcp 502');
  await eventually(() => page.textContent('.flow-records')).toContain('3 lost');
  await page.click('.flow-records summary');
  await keepScreens(page, 'flows-live', { whole: false });
  // The small one grows past the other, which ends; a third one begins.
  flows.lives = [
    endedConnection(443, {
      id: 2,
      start: flows.lives[1]?.start ?? null,
      end: null,
      mark: 1,
      sent: { packets: 99, bytes: 99_000 },
    }),
    endedConnection(554, { id: 3, end: null, mark: 1 }),
  ];
  await page.getByText('1 ended since they were listed.').waitFor();
  expect((await rowTexts(page)).join()).toContain('99.0 kB');
  await page.getByRole('button', { name: /1 new/ }).click();
  await eventually(async () => (await rowTexts(page)).join()).toContain('tcp 554');
  expect(opened?.complaints).toEqual([]);
});

test('a box that records nothing says so', async () => {
  const empty = await openKeptFlows([]);
  try {
    await empty.keeper.apply({ record: false, keep: { days: 1, mebibytes: 16 }, export: [] });
    const page = await open('/flows', { recorded: empty.keeper });
    await page.getByText('Flows are not recorded.').waitFor();
    await page.getByText('Nothing was denied that is so.').waitFor();
    await keepScreens(page, 'flows-empty', { whole: false });
    await page.getByRole('link', { name: 'Show allowed ones too' }).click();
    await eventually(() => new URL(page.url()).search).toBe('?verdict=all');
  } finally {
    await empty.close();
  }
});
