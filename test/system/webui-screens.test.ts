import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { pageFiles } from '../../image-builder/webui-client.ts';
import { openPage, sharedBrowser } from '../webui/browser.ts';
import { keepScreens } from '../webui/screens.ts';
import { degradedStatus, emptyStatus, logLines, normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox } from '../webui/test-box.ts';

/** A site of a thousand gateways, of which a few are out of reach. */
function manyPeers(at: number): ReturnType<typeof normalStatus> {
  const status = normalStatus(at);
  const [first] = status.tunnels;
  if (first === undefined) throw new Error('a tunnel');
  const tunnels = Array.from({ length: 1000 }, (_, index) => ({
    ...first,
    peer: `site-${index + 1}`,
    hit: first.hit.replace(/[^:]+$/, (index + 1).toString(16)),
    state: index % 300 === 7 ? 'CLOSED' : 'ESTABLISHED',
  }));
  return { ...status, tunnels };
}

/** Every state of the overview; the pictures lie in build/screenshots, to be looked at. */
const scenes = [
  { name: 'normal', reading: normalStatus, offline: false },
  { name: 'empty', reading: emptyStatus, offline: false },
  { name: 'degraded', reading: degradedStatus, offline: false },
  { name: 'many', reading: manyPeers, offline: false },
  { name: 'offline', reading: normalStatus, offline: true },
];

let browser: Browser;
beforeAll(async () => {
  browser = await sharedBrowser();
});

test.each(scenes)('$name', async ({ name, reading, offline }) => {
  const box = await startTestBox({
    page: pageFiles,
    readStatus: () => reading(Date.now()),
    lines: name === 'empty' ? [] : logLines(Date.now()),
  });
  try {
    const owner = await box.claim();
    const { page, complaints } = await openPage(browser, box.url, { owner });
    await page.waitForSelector('#overview');
    if (offline) {
      await box.ui.close();
      await page.waitForSelector('main.offline');
    }
    await keepScreens(page, `overview-${name}`);
    expect(complaints).toEqual([]);
    await page.context().close();
  } finally {
    await box.close();
  }
});
