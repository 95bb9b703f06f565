import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildClient, packClient } from '../../image-builder/client.ts';
import { projectRoot } from '../../image-builder/places.ts';
import { accessibilityFindings, launchBrowser, openPage, sidewaysOverflow } from '../webui/browser.ts';
import { degradedStatus, emptyStatus, logLines, normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox } from '../webui/test-box.ts';

/** Every state of the page at every width in both colours; the pictures lie in build/screenshots, to be looked at. */
const folder = join(projectRoot, 'build/screenshots');
const sizes = [
  [360, 740],
  [820, 1180],
  [1440, 900],
] as const;
const scenes = [
  { name: 'normal', reading: normalStatus, claimed: true, offline: false },
  { name: 'empty', reading: emptyStatus, claimed: false, offline: false },
  { name: 'degraded', reading: degradedStatus, claimed: false, offline: false },
  { name: 'offline', reading: normalStatus, claimed: true, offline: true },
];

const pageFiles = packClient(await buildClient());
let browser: Browser;
beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  browser = await launchBrowser();
});
afterAll(() => browser.close());

describe.each(scenes)('$name', ({ name, reading, claimed, offline }) => {
  test.each(['light', 'dark'] as const)('%s', async (colorScheme) => {
    const box = await startTestBox({
      page: pageFiles,
      readStatus: () => reading(Date.now()),
      lines: name === 'empty' ? [] : logLines(Date.now()),
    });
    if (claimed) await box.ui.claim.attempt(box.ui.claim.code() ?? '');
    try {
      const { page, complaints } = await openPage(browser, box.url, { colorScheme });
      await page.waitForSelector('#log');
      if (offline) {
        await box.ui.close();
        await page.waitForSelector('main.offline');
      }
      for (const [width, height] of sizes) {
        await page.setViewportSize({ width, height });
        await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true });
        expect(await sidewaysOverflow(page), `${width} px`).toBe(0);
        expect(await accessibilityFindings(page), `${width} px`).toEqual([]);
      }
      expect(complaints).toEqual([]);
      await page.context().close();
    } finally {
      await box.close();
    }
  });
});
