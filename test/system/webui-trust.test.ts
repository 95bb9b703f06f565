import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { describeBootChain } from '../../firmware/attestation/boot-chain.ts';
import { parseEventLog } from '../../firmware/attestation/event-log.ts';
import { describeMeasuredBoot } from '../../firmware/attestation/measured-boot.ts';
import { attestedPcrs, runtimePcr } from '../../firmware/attestation/measured-pcrs.ts';
import type { ReferenceValues } from '../../firmware/attestation/reference-values.ts';
import { replayEventLog } from '../../firmware/attestation/replay.ts';
import { replayRuntimeLog } from '../../firmware/attestation/runtime-log.ts';
import type { Attestation, MeasuredBoot } from '../../firmware/webui/api/attestation-route.ts';
import type { Status } from '../../firmware/webui/api/status-schema.ts';
import { pageFiles } from '../../image-builder/webui-client.ts';
import {
  digest,
  logOf,
  reference,
  releasedBoot,
  runtimeLogOf,
  runtimeMeasurements,
} from '../attestation/attested-box.ts';
import { ascii, recordedLog } from '../attestation/made-log.ts';
import { type OpenedPage, openPage, sharedBrowser } from '../webui/browser.ts';
import { eventually } from '../webui/eventually.ts';
import { keepScreens } from '../webui/screens.ts';
import { degradedStatus, emptyStatus, normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox, type TestBoxOptions } from '../webui/test-box.ts';

/** The page of trust against the real site, with boots from real and made event logs; pictures lie in build/screenshots. */
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

/** What a machine says of itself whose TPM holds what this log leads to. */
function bootOf(bootLog: Uint8Array, against: ReferenceValues | null = reference()): MeasuredBoot {
  const runtimeLog = runtimeLogOf(runtimeMeasurements);
  const replayed = replayEventLog(parseEventLog(bootLog), digest).get('sha256');
  const pcrs = new Map(
    attestedPcrs.map((index): [number, Uint8Array] => [
      index,
      index === runtimePcr
        ? replayRuntimeLog(runtimeLog, digest)
        : (replayed?.get(index) ?? new Uint8Array(32)),
    ]),
  );
  const machine = { pcrs, bootLog, runtimeLog };
  return {
    release: against && { version: against.version, development: false },
    selfAppraisal: true,
    pcrBank: 'sha256',
    chain: describeBootChain(machine, against, digest),
    pcrs: describeMeasuredBoot(machine, against, digest),
  };
}

const attestationOf = (boot: MeasuredBoot): Attestation => ({
  evidence: async () => ({ ok: false, reason: 'Nobody asks.' }),
  activate: async () => ({ ok: false, reason: 'Nobody asks.' }),
  measuredBoot: async () => ({ ok: true, boot }),
});

async function open(where: string, options: TestBoxOptions = {}): Promise<Page> {
  box = await startTestBox({ page: pageFiles, readStatus: () => normalStatus(Date.now()), ...options });
  opened = await openPage(browser, `${box.url}${where}`, {
    owner: await box.claim(),
    viewport: { width: 1440, height: 900 },
  });
  await opened.page.waitForSelector('#trust');
  return opened.page;
}

const chainOf = async (page: Page) =>
  (await page.locator('.chain > li').allTextContents()).map((text) => text.replace(/\s+/g, ' '));

describe('a boot of the release', () => {
  test('is as released, link by link, and the box says that it looked at itself', async () => {
    const page = await open('/trust', { attestation: attestationOf(bootOf(logOf(releasedBoot))) });
    await page.getByText('What booted is release 9.9.9.').waitFor();
    const chain = await chainOf(page);
    expect(chain).toMatchObject([
      expect.stringMatching(/^Firmware ?Measured/),
      expect.stringMatching(/^Boot loader ?As released/),
      expect.stringMatching(/^Image ?As released/),
      expect.stringMatching(/^Bundle ?As released/),
      expect.stringMatching(/^Settings ?Measured.*the owner’s own/),
      expect.stringMatching(/^Identity/),
    ]);
    await eventually(() => page.textContent('#trust')).toContain('a box cannot prove itself');
    await eventually(() => page.locator('.alarmed').count()).toBe(0);
    await keepScreens(page, 'trust');
    await page.getByRole('link', { name: 'Image' }).click();
    const panel = page.getByRole('dialog', { name: 'Image' });
    expect(new URL(page.url()).search).toBe('?link=image');
    await panel.waitFor();
    const digests = await panel.locator('.digest code').allTextContents();
    expect(digests).toHaveLength(2);
    expect(digests[0]).toBe(digests[1]);
    await keepScreens(page, 'trust-link');
    expect(opened?.complaints).toEqual([]);
  });

  test('is searched event by event, by keyboard', async () => {
    const page = await open('/trust', { attestation: attestationOf(bootOf(logOf(releasedBoot))) });
    const search = page.getByRole('searchbox', { name: 'Search events' });
    await search.focus();
    await page.keyboard.type('separator');
    await eventually(() => page.locator('.events tbody tr').count()).toBe(8);
    expect(new URL(page.url()).search).toBe('?find=separator');
    await page.getByRole('combobox', { name: 'Register' }).selectOption('4');
    await eventually(() => page.locator('.events tbody tr').count()).toBe(1);
    await eventually(() => page.textContent('.events tbody')).toContain('Here firmware hands over');
    await search.fill('nothing like it');
    await page.getByText('No event is so.').waitFor();
  });
});

describe('a tampered boot is the loudest thing on the page', () => {
  test.each([
    ['loader', 'Boot loader', 'this is not the released boot loader'],
    ['content .cmdline', 'Image', 'this is not the released content of section .cmdline'],
  ])('another %s', async (was, link, problem) => {
    const tampered = releasedBoot.map((event) =>
      Buffer.from(event.data).equals(Buffer.from(ascii(was))) ? { ...event, data: ascii('tampered') } : event,
    );
    const page = await open('/trust', { attestation: attestationOf(bootOf(logOf(tampered))) });
    const alarm = page.locator('.alarmed');
    await alarm.getByText(`This is not what was released: ${link} differs.`).waitFor();
    await eventually(() => alarm.textContent()).toContain('Do not trust this box, nor this page');
    await eventually(() => alarm.textContent()).toContain(problem);
    const differing = page.locator('.chain .differs');
    await eventually(() => differing.count()).toBe(1);
    await eventually(() => differing.textContent()).toMatch(
      new RegExp(`^${link} ?Differs.*Expected.*Measured`),
    );
    await keepScreens(page, `trust-tampered-${link.replace(/ .*/, '').toLowerCase()}`);
    expect(opened?.complaints).toEqual([]);
  });

  test('a recorded boot of another system', async () => {
    const boot = bootOf(recordedLog('gt-debian-10.bin'));
    const page = await open('/trust', { attestation: attestationOf(boot) });
    await page.locator('.alarmed').waitFor();
    await eventually(() => page.locator('.chain .differs').count()).toBeGreaterThanOrEqual(2);
    await keepScreens(page, 'trust-other-system');
  });
});

test('a boot that nothing is there to compare with says so and alarms nobody', async () => {
  const boot = bootOf(recordedLog('own-ovmf-stub-257.bin'), null);
  const page = await open('/trust', { attestation: attestationOf(boot) });
  await page.getByText('There is nothing here to compare it with.').waitFor();
  await eventually(() => page.locator('.alarmed').count()).toBe(0);
  await keepScreens(page, 'trust-no-release');
});

test.each([
  ['no TPM', emptyStatus, 'There is no TPM', 'look for TPM, PTT or fTPM'],
  ['a TPM that fails', degradedStatus, 'TPM', ''],
])('%s', async (name, reading, sentence, advice) => {
  const page = await open('/trust', { readStatus: () => reading(Date.now()) });
  await eventually(() => page.textContent('.answer')).toContain(sentence);
  await eventually(() => page.textContent('#trust')).toContain(advice);
  await keepScreens(page, `trust-${name.replaceAll(' ', '-').toLowerCase()}`);
});

describe('giving the identity up', () => {
  const identity: Status['identity'] = {
    ...normalStatus(0).identity,
    ...{ hit: '2001:22:77aa:190:4c2e:e01:b8d3:1299', keyStorage: 'software' },
  };

  test('asks for the end of the HIT and for the password, and says what comes of it', async () => {
    const replaced: string[] = [];
    const page = await open('/trust', {
      readStatus: () => ({ ...normalStatus(Date.now()), identity }),
      replaceIdentity: async (hit) => {
        replaced.push(hit);
        return { outcome: 'replaced', identity: { ...identity, hit: '2001:22::5' } };
      },
    });
    await eventually(() => page.textContent('#identity')).toContain('Software identity');
    await eventually(() => page.textContent('#identity')).toContain('Whoever copies the disk has it');
    await page.getByRole('button', { name: 'Give the identity up …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Give this identity up' });
    await dialog.getByText('every tunnel goes down').waitFor();
    await keepScreens(page, 'trust-replace', { whole: false });
    const typed = dialog.getByLabel('Type 1299');
    await typed.fill('1298');
    await page.keyboard.press('Enter');
    expect(replaced).toEqual([]);
    await typed.fill('1299');
    await page.keyboard.press('Enter');
    const password = page.getByRole('dialog', { name: 'Is it still you?' }).getByLabel('Password of admin');
    await password.fill('correct horse battery');
    expect(replaced).toEqual([]);
    await page.keyboard.press('Enter');
    await eventually(() => page.textContent('body')).toContain(
      'The box has a new identity: 2001:0022:0000…0005',
    );
    expect(replaced).toEqual([identity.hit]);
    expect(opened?.complaints).toEqual([]);
  });
});
