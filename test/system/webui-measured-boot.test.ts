import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeMeasuredBoot } from '../../firmware/attestation/measured-boot.ts';
import { fromHex } from '../../firmware/bytes/bytes.ts';
import type { Attestation } from '../../firmware/webui/api/attestation-route.ts';
import { buildClient, packClient } from '../../image-builder/client.ts';
import { projectRoot } from '../../image-builder/places.ts';
import { digest, reference } from '../attestation/attested-box.ts';
import { expectedPcrs, recordedLog } from '../attestation/made-log.ts';
import { accessibilityFindings, launchBrowser, openPage, sidewaysOverflow } from '../webui/browser.ts';
import { normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox } from '../webui/test-box.ts';

/** The events of a recorded boot, which is not that of the release that it is compared with. */
const name = 'own-ovmf-stub-257.bin';
const boot = describeMeasuredBoot(
  {
    pcrs: new Map([
      ...[8, 12, 13, 14, 15].map((index): [number, Uint8Array] => [index, new Uint8Array(32)]),
      ...Object.entries(expectedPcrs[name]?.['sha256'] ?? {}).map(([index, value]): [number, Uint8Array] => [
        Number(index),
        fromHex(value) ?? new Uint8Array(),
      ]),
    ]),
    bootLog: recordedLog(name),
    runtimeLog: [],
  },
  reference(),
  digest,
);
const attestation: Attestation = {
  evidence: async () => ({ ok: false, reason: 'Nobody asks.' }),
  activate: async () => ({ ok: false, reason: 'Nobody asks.' }),
  measuredBoot: async () => ({
    ok: true,
    boot: {
      release: { version: '9.9.9', development: false },
      selfAppraisal: true,
      pcrBank: 'sha256',
      pcrs: boot,
    },
  }),
};

const pageFiles = packClient(await buildClient());
let browser: Browser;
beforeAll(async () => {
  mkdirSync(join(projectRoot, 'build/screenshots'), { recursive: true });
  browser = await launchBrowser();
});
afterAll(() => browser.close());

test.each(['light', 'dark'] as const)(
  'the measured boot shows events, what differs, and that the box looked at itself; %s',
  async (colorScheme) => {
    const box = await startTestBox({
      page: pageFiles,
      readStatus: () => normalStatus(Date.now()),
      attestation,
    });
    try {
      const { page, complaints } = await openPage(browser, box.url, { colorScheme });
      await page.click('summary:has-text("event by event")');
      await page.waitForSelector('h3:has-text("PCR 11")');
      const text = (await page.textContent('#trust')) ?? '';
      expect(text).toContain('Differs from the release');
      expect(text).toContain('a box cannot prove itself');
      expect(text).toContain('this is not the released boot loader');
      expect(text).toContain('section .cmdline');
      for (const width of [360, 820, 1440]) {
        await page.setViewportSize({ width, height: 900 });
        const path = join(projectRoot, 'build/screenshots', `measured-boot-${width}-${colorScheme}.png`);
        await page.screenshot({ path, fullPage: true });
        expect(await sidewaysOverflow(page), `${width} px`).toBe(0);
        expect(await accessibilityFindings(page), `${width} px`).toEqual([]);
      }
      expect(complaints).toEqual([]);
      await page.context().close();
    } finally {
      await box.close();
    }
  },
);
