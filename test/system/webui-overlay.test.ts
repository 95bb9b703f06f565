import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Status } from '../../firmware/webui/api/status-schema.ts';
import { pageFiles } from '../../image-builder/webui-client.ts';
import { type OpenedPage, openPage, sharedBrowser } from '../webui/browser.ts';
import { eventually } from '../webui/eventually.ts';
import { keepScreens } from '../webui/screens.ts';
import { degradedStatus, emptyStatus, normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox, type TestBoxOptions } from '../webui/test-box.ts';
import { openTestConfiguration, type TestConfiguration } from '../webui/test-configuration.ts';

/** The page of the overlay against the real site and real settings; pictures lie in build/screenshots. */
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

async function open(where: string, options: TestBoxOptions = {}): Promise<Page> {
  box = await startTestBox({ page: pageFiles, readStatus: () => normalStatus(Date.now()), ...options });
  opened = await openPage(browser, `${box.url}${where}`, {
    owner: await box.claim(),
    viewport: { width: 1440, height: 900 },
  });
  await opened.page.waitForSelector('#overlay');
  return opened.page;
}

const rows = (page: Page) => page.locator('.tunnels tbody tr:not(.space)');
const rowNames = (page: Page) => rows(page).locator('.row-link').allTextContents();
const { tunnels } = normalStatus(0);

/** Peers of a large company, some of which are down. */
function manyTunnels(count: number, at: number): Status['tunnels'] {
  const [one] = tunnels;
  if (one === undefined) throw new Error('a tunnel is needed');
  return Array.from({ length: count }, (_, index) => {
    const isDown = index % 97 === 5;
    return {
      ...one,
      peer: index === 7 ? `Außenstelle-${'ü'.repeat(40)}-مضخة-7` : `site-${index}`,
      hit: `2001:22:${(index >> 8).toString(16)}:${((index * 7919) % 65_521).toString(16)}:4c2e:e01:b8d3:${index.toString(16)}`,
      state: isDown ? 'E-FAILED' : 'ESTABLISHED',
      establishedAt: isDown ? null : one.establishedAt,
      lastError: isDown ? 'the peer does not answer' : null,
      roundTripMs: isDown ? null : 1 + (index % 300) / 3,
      traffic: { ...one.traffic, sentBytes: at * (index % 13) },
      protectedPrefixes: [`10.${index >> 8}.${index & 0xff}.0/24`, `fd00:${index.toString(16)}::/64`],
    };
  });
}

describe('the list of peers', () => {
  test('says how it is, and a peer opens by keyboard to all that is known of it', async () => {
    const renewed: string[] = [];
    const page = await open('/overlay', {
      associations: {
        renew: (hit) => {
          renewed.push(hit);
          return true;
        },
      },
    });
    await eventually(() => page.textContent('.answer')).toContain(`All ${tunnels.length} tunnels are up.`);
    await keepScreens(page, 'overlay');
    // What can be pressed is not cut off where it is narrow.
    for (const width of [360, 1024]) {
      await page.setViewportSize({ width, height: 800 });
      const copy = rows(page).first().getByRole('button');
      const cell = copy.locator('xpath=ancestor::td');
      const [button, around] = [await copy.boundingBox(), await cell.boundingBox()];
      const right = (box: typeof button) => (box === null ? Number.NaN : box.x + box.width);
      expect(right(button)).toBeLessThanOrEqual(right(around));
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await rows(page).filter({ hasText: 'wien' }).locator('.row-link').focus();
    await page.keyboard.press('Enter');
    const panel = page.getByRole('dialog', { name: 'wien' });
    await panel.getByText('of the exchange that made the association').waitFor();
    expect(new URL(page.url()).search).toBe('?peer=wien');
    const text = await panel.textContent();
    for (const part of [
      'direct',
      'Path MTU',
      '1500 octets',
      'AES-128-GCM-16',
      '0x4c3a9e',
      'Dropped: replayed',
    ])
      expect(text).toContain(part);
    await keepScreens(page, 'overlay-peer');

    await panel.getByText('Compare with another HIT').click();
    const pasted = panel.getByLabel('HIT or hip:// address to compare with');
    const wien = tunnels.find(({ peer }) => peer === 'wien')?.hit ?? '';
    await pasted.fill(`hip://wien.example/${wien}`);
    await panel.getByText('The same HIT').waitFor();
    await pasted.fill(wien.replace(/.$/, (last) => (last === '1' ? '2' : '1')));
    await panel.getByText(/^Another HIT: /).waitFor();

    await panel.getByRole('button', { name: 'Reconnect' }).click();
    await panel.getByText('The association is being closed').waitFor();
    expect(renewed).toEqual([wien]);
    await page.goBack();
    await panel.waitFor({ state: 'hidden' });
    expect(opened?.complaints).toEqual([]);
  });

  test('what is wrong stands first, with what to do', async () => {
    const page = await open('/overlay', { readStatus: () => degradedStatus(Date.now()) });
    await rows(page).first().locator('.row-link').click();
    const panel = page.getByRole('dialog');
    await panel.getByText(/^Last error: /).waitFor();
    await keepScreens(page, 'overlay-degraded');
  });

  test('of 1,000 peers those in view exist; they are searched, sorted, and keep their places', async () => {
    let at = 1;
    const page = await open('/overlay', {
      readStatus: () => ({ ...normalStatus(Date.now()), tunnels: manyTunnels(1_000, at++) }),
    });
    await eventually(() => page.textContent('.answer')).toMatch(
      /of 1000 tunnels are up; site-5, site-102 and \d+ more are down/,
    );
    await eventually(() => rows(page).count()).toBeLessThan(50);
    const first = await rowNames(page);
    expect(first.slice(0, 2)).toEqual(['site-5', 'site-102']);
    await keepScreens(page, 'overlay-1000', { whole: false });
    await page.getByRole('searchbox', { name: 'Search' }).fill('site-99');
    await eventually(() => rows(page).count()).toBe(11);
    expect(new URL(page.url()).search).toBe('?find=site-99');
    await page.getByText('Name', { exact: true }).click();
    await eventually(() => rowNames(page)).toEqual([
      'site-99',
      ...Array.from({ length: 10 }, (_, index) => `site-99${index}`),
    ]);
    await page.getByRole('searchbox', { name: 'Search' }).fill('nobody');
    await page.getByText('No peer has “nobody”').waitFor();
    expect(opened?.complaints).toEqual([]);
  });

  test('without peers it says what to do, and what the other side needs', async () => {
    const page = await open('/overlay', { readStatus: () => emptyStatus(Date.now()) });
    await page.getByText('Add a peer with its address and HIT').waitFor();
    await page.getByRole('link', { name: 'Add a peer' }).waitFor();
    await keepScreens(page, 'overlay-empty');
  });
});

describe('peers in the settings', () => {
  const uri = 'hip://plant.example:10500/2001:22::7';
  const peersOf = ({ configuration }: TestConfiguration) => {
    const read = configuration.read();
    if (!read.ok) throw new Error(read.detail);
    return (
      (read.value.inForce as { overlay?: { peers?: { name: string; uri: string }[] } }).overlay?.peers ?? []
    );
  };

  test('one is added: errors at their fields, the change in words, then on trial', async () => {
    const settings = openTestConfiguration();
    const page = await open('/overlay', { settings });
    await page.getByRole('link', { name: 'Add a peer' }).click();
    const panel = page.getByRole('dialog', { name: 'Add a peer' });
    await panel.getByLabel('Name').fill('plant');
    await panel.getByLabel('Address and HIT').fill('hip://plant.example/no-hit');
    await panel.getByLabel('Networks behind it').fill('10.2.0.0/16\nfd00:2::/64');
    await panel.getByRole('button', { name: 'Look at the change' }).click();
    const field = panel.getByLabel('Address and HIT');
    await eventually(() => field.getAttribute('aria-invalid')).toBe('true');
    await eventually(() => panel.getByLabel('Name').inputValue()).toBe('plant');
    await keepScreens(page, 'overlay-add');
    await field.fill(uri);
    await panel.getByRole('button', { name: 'Look at the change' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add the peer plant' });
    await dialog.getByRole('button', { name: /^Try/ }).click();
    await eventually(() => peersOf(settings)).toMatchObject([
      { name: 'plant', uri, protectedPrefixes: ['10.2.0.0/16', 'fd00:2::/64'] },
    ]);
    await eventually(() => new URL(page.url()).search).toBe('');
    expect(opened?.complaints).toEqual([]);
  });

  test('one is changed and removed', async () => {
    const settings = openTestConfiguration();
    const peer = {
      name: 'wien',
      uri: 'hip://wien.example:10500/2001:22::9',
      protectedPrefixes: ['10.9.0.0/16'],
    };
    const applied = await settings.configuration.apply(
      { version: 1, overlay: { peers: [peer] } },
      { author: 'test', seconds: 60, automatic: false },
    );
    expect(applied.ok).toBe(true);
    expect((await settings.configuration.confirm(true)).ok).toBe(true);
    const page = await open('/overlay?peer=wien', { settings });
    await page.getByRole('dialog', { name: 'wien' }).getByRole('link', { name: 'Edit' }).click();
    const form = page.getByRole('dialog', { name: 'Edit wien' });
    await eventually(() => form.getByLabel('Address and HIT').inputValue()).toBe(peer.uri);
    await form.getByLabel('Connect').selectOption('on-demand');
    await form.getByRole('button', { name: 'Look at the change' }).click();
    const change = page.getByRole('dialog', { name: 'Change the peer wien' });
    await change.getByRole('button', { name: /^Try/ }).click();
    await eventually(() => peersOf(settings)).toEqual([{ ...peer, connect: 'on-demand' }]);
    expect((await settings.configuration.confirm(true)).ok).toBe(true);

    await page.goto(`${box?.url}/overlay?peer=wien`);
    await page.getByRole('dialog', { name: 'wien' }).getByRole('button', { name: 'Remove' }).click();
    const removal = page.getByRole('dialog', { name: 'Remove the peer wien' });
    await removal.getByRole('button', { name: /^Try/ }).click();
    await eventually(() => peersOf(settings)).toEqual([]);
    expect(opened?.complaints).toEqual([]);
  });
});
