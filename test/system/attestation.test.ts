import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Verdict } from '../../firmware/attestation/verdict.ts';
import { measuredBoot } from '../../firmware/webui/api/attestation-route.ts';
import type { Status } from '../../firmware/webui/api/status-schema.ts';
import { hitGroups } from '../../firmware/webui/client/format.ts';
import type { BuiltImage } from '../../image-builder/build.ts';
import { projectRoot } from '../../image-builder/places.ts';
import { verityArguments } from '../../image-builder/verity.ts';
import { Gateway, type GatewayOptions } from '../../qemu/gateway.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { tpmStateName } from '../../qemu/tpm-emulator.ts';
import { manufacture } from '../tpm/manufacture.ts';
import { launchBrowser, openPage } from '../webui/browser.ts';
import { keepScreens } from '../webui/screens.ts';
import { type AlteredDisk, KeptMachine } from './altered-disk.ts';
import { bootableImage } from './image.ts';

/**
 * One box, from its enrolment over a restart to what somebody with a hand on it can do: each of those boots whole, on the
 * disk and with the TPM of the enrolled box, and is appraised by its evidence as anybody else would, with `hithe attest`.
 */
let image: BuiltImage;
let scratch: ScratchFolder;
let kept: KeptMachine;
let hit: string;

/** Four machines at once share two cores, perhaps with others. */
const bootMs = 600_000;
const at = (name: string) => join(scratch.path, name);

beforeAll(async () => {
  image = await bootableImage();
  scratch = new ScratchFolder();
});
afterAll(() => scratch[Symbol.dispose]());

type Ended = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** `hithe attest` as a verifier runs it, beside the box. */
async function attest(...args: readonly string[]): Promise<Ended> {
  const main = join(projectRoot, 'firmware/main.ts');
  try {
    return { status: 0, ...(await promisify(execFile)(process.execPath, [main, 'attest', ...args])) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { status: code, stdout, stderr };
  }
}

async function succeeds(...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await attest(...args);
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
}

const boxOf = ({ page }: Gateway) => new URL(page.url).host;

/** Asks a box for evidence. Returns what the appraisal of it begins with. */
async function challenged(name: string, gateway: Gateway): Promise<string[]> {
  const [evidence, book] = [at(`${name}.evidence`), at(`${name}.nonces`)];
  const nonce = (await succeeds('nonce', '--book', book)).trim();
  await succeeds('collect', '--nonce', nonce, '--box', boxOf(gateway), '--out', evidence);
  return ['--manifest', image.manifestPath, '--evidence', evidence, '--nonce', nonce, '--book', book];
}

async function appraised(...args: readonly string[]): Promise<Verdict> {
  const { status, stdout, stderr } = await attest('appraise', '--json', ...args);
  expect(stderr).toBe('');
  const verdict = JSON.parse(stdout) as Verdict;
  expect(status).toBe(verdict.status === 'contraindicated' ? 1 : 0);
  return verdict;
}

describe('a gateway that boots the released image', () => {
  let gateway: Gateway;
  const isSettled = ({ tpm, identity }: Status) => tpm.state === 'present' && identity.hit !== null;
  const settled = () => gateway.page.waitForStatus('identity and TPM are there', isSettled, bootMs);
  beforeAll(async () => {
    gateway = await Gateway.start({
      ...{ name: 'attested', image, manufactureTpm: manufacture({ state: tpmStateName }) },
    });
    await gateway.waitForPage(bootMs);
    hit = (await settled()).identity.hit ?? '';
  });
  afterAll(() => gateway[Symbol.asyncDispose]());

  const authority = () => ['--ca', join(gateway.machine.scratchPath, 'authority', 'issuercert')];

  test('is not trusted before its TPM is enrolled', async () => {
    const { findings } = await appraised(...(await challenged('stranger', gateway)), ...authority());
    expect(findings).toMatchObject([
      { check: 'attestation-key', problem: expect.stringContaining('endorsement key') },
    ]);
  });

  test.each([
    ['ECC', 0],
    ['RSA', 1],
  ])('passes after an enrolment with its %s endorsement key', async (_, first) => {
    const asked = await challenged('enrolment', gateway);
    const evidence = JSON.parse(readFileSync(at('enrolment.evidence'), 'utf8'));
    const endorsements = [evidence.endorsements[first], evidence.endorsements[1 - first]];
    writeFileSync(at('enrolment.evidence'), JSON.stringify({ ...evidence, endorsements }));
    const [challenge, secret, answer] = [at('challenge'), at('secret'), at('answer')];
    await succeeds('challenge', '--evidence', at('enrolment.evidence'), '--kept', secret, '--out', challenge);
    await succeeds('activate', '--challenge', challenge, '--box', boxOf(gateway), '--out', answer);
    const enrolled = ['--kept', secret, '--answer', answer, '--record', at('record')];
    const verdict = await appraised(...asked, ...authority(), ...enrolled);
    expect([verdict.findings, verdict.status, verdict.hit]).toEqual([[], 'warning', hit]);
  });

  test('shows its PCRs with their events', async () => {
    const answer = await gateway.page.get('/api/v1/attestation');
    const { pcrs, selfAppraisal, release } = measuredBoot.parse(JSON.parse(answer.body));
    expect([selfAppraisal, release]).toEqual([true, null]);
    expect(pcrs.every(({ value, replayed }) => value === replayed)).toBe(true);
    expect(pcrs.find(({ index }) => index === 15)?.events.map(({ text }) => text.split(' ')[0])).toEqual([
      'bundle',
      'board-profile',
      'settings',
    ]);
  });

  test('shows other settings in its next evidence', async () => {
    await gateway.plugSettings({ version: 1, hostname: 'renamed' });
    await gateway.page.waitForStatus('the name is taken', ({ hostname }) => hostname === 'renamed', bootMs);
    const verdict = await appraised(
      ...(await challenged('renamed', gateway)),
      ...['--previous', at('record'), '--record', at('record')],
    );
    expect(verdict.findings).toEqual([]);
    expect(verdict.notes).toContain('The settings in force are others than at the last appraisal.');
  });

  test('passes again after a restart, with the same identity and a reset more', {
    timeout: 2 * bootMs,
  }, async () => {
    const before = JSON.parse(readFileSync(at('record'), 'utf8'));
    await gateway.machine.powerDown();
    await gateway.machine.powerOn();
    const isAgain = (status: Status) =>
      status.tpm.state === 'present' && status.tpm.quote.resetCount > before.resetCount && isSettled(status);
    await gateway.page.waitForStatus('a TPM reset more', isAgain, bootMs);
    const verdict = await appraised(
      ...(await challenged('restarted', gateway)),
      ...['--previous', at('record'), '--record', at('record')],
    );
    expect([verdict.findings, verdict.hit]).toEqual([[], hit]);
    expect(verdict.record?.resetCount).toBeGreaterThan(before.resetCount);
  });

  test('is switched off in order, and leaves its disk and its TPM to others', async () => {
    expect(await gateway.machine.powerDown()).toBe('powered-off');
    kept = await KeptMachine.of(gateway.machine.scratchPath, scratch.path, image);
  });
});

/** They start all at once: firmware keeps one core busy. */
describe.concurrent('the enrolled box after somebody had a hand on it', { timeout: 2 * bootMs }, () => {
  const start = (name: string, options: Partial<GatewayOptions> & { readonly disk?: string }) =>
    Gateway.start({
      ...{ name: `attested-${name}`, image: { ...image, imagePath: options.disk ?? kept.disk } },
      ...{ manufactureTpm: kept.restoreTpm, ...options },
    });

  /** Waits until a box serves its page and says why it has no identity. */
  async function withoutIdentity(gateway: Gateway, problem: string): Promise<void> {
    const told = ({ identity }: Status) => identity.problem !== null;
    const { identity, warnings } = await gateway.page.waitForStatus('a problem', told, bootMs);
    expect(identity).toMatchObject({ hit: null, keyStorage: 'none', formerHit: hit, problem });
    // What to do, by the name of what is given up: nothing new is made before somebody says so.
    const { advice } = warnings.find(({ code }) => code === problem) ?? {};
    expect(advice).toContain(hit);
  }

  /** What is said against the box by its evidence; `look` sees it while it runs. */
  async function findingsOf(
    name: string,
    change: (disk: AlteredDisk) => void | Promise<void>,
    look?: (gateway: Gateway) => Promise<void>,
  ): Promise<Verdict['findings']> {
    const disk = await kept.copy(name);
    await change(disk);
    await using gateway = await start(name, { disk: disk.path });
    await withoutIdentity(gateway, 'IMAGE_NOT_RELEASED');
    const verdict = await appraised(...(await challenged(name, gateway)), '--previous', at('record'));
    // The key is there as it was; only this boot may not use it.
    expect(verdict.hit).toBe(hit);
    await look?.(gateway);
    return verdict.findings;
  }

  /** The page of trust, which has the release's manifest to compare with. */
  async function showsOtherImage({ page: { url } }: Gateway): Promise<void> {
    const browser = await launchBrowser();
    try {
      const { page, complaints } = await openPage(browser, 'about:blank');
      page.setDefaultTimeout(bootMs);
      page.setDefaultNavigationTimeout(bootMs);
      await page.goto(new URL('/trust', url).href);
      const alarm = page.locator('.alarmed');
      await alarm.getByText('This is not what was released: Image differs.').waitFor();
      const said = await alarm.textContent();
      expect(said).toContain('Do not trust this box, nor this page');
      expect(said).toContain('this is not the released kernel image');
      const links = await page.locator('.chain > li').allTextContents();
      expect(links.map((link) => link.replaceAll(/\s+/g, ' '))).toMatchObject([
        expect.stringMatching(/^Firmware ?Measured/),
        expect.stringMatching(/^Boot loader ?As released/),
        expect.stringMatching(/^Image ?Differs.*Expected.*Measured/),
        expect.stringMatching(/^Bundle ?As released/),
        expect.stringMatching(/^Settings ?Measured/),
        expect.stringMatching(/^Identity/),
      ]);
      // Whose key it was that this boot may not use.
      await page.getByText(hitGroups(hit).join(':')).first().waitFor();
      await keepScreens(page, 'booted-tampered');
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  }

  const otherCommandLine = { check: 'boot', pcr: 9, problem: 'this is not the released command line' };
  const inSection = (name: string) => ({
    ...{ check: 'boot', pcr: 11, problem: `this is not the released content of section ${name}` },
    event: { text: expect.stringContaining(name) },
  });

  test('another kernel, initial RAM disk, and root file system with its hash on the command line', async () => {
    const change = async (disk: AlteredDisk) => {
      await disk.layManifest();
      const [released, other] = [verityArguments(image.manifest.root), disk.alterRoot()];
      disk.alterKernelImage((content) => {
        // A letter of the version in the kernel's own header (x86 boot protocol, kernel_version).
        const kernel = Buffer.from(content.get('.linux') ?? []);
        kernel.write('X', 0x200 + kernel.readUInt16LE(0x20e), 'latin1');
        const initrd = Buffer.concat([content.get('.initrd') ?? Buffer.alloc(0), Buffer.alloc(512)]);
        const commandLine = Buffer.from(image.commandLine.replace(released, other));
        return { '.linux': kernel, '.initrd': initrd, '.cmdline': commandLine };
      });
    };
    expect(await findingsOf('other', change, showsOtherImage)).toMatchObject([
      { check: 'boot', pcr: 4, problem: 'this is not the released kernel image' },
      { check: 'boot', pcr: 4, problem: 'this is not the kernel of the released kernel image' },
      otherCommandLine,
      { check: 'boot', pcr: 9, problem: 'this is not the released initial RAM disk' },
      inSection('.linux'),
      inSection('.cmdline'),
      inSection('.initrd'),
    ]);
  });

  test('a debug boot entry for the released kernel image: PCRs 9 and 12', async () => {
    const findings = await findingsOf('debug', (disk) => {
      disk.makeFolder('loader/entries');
      disk.writeFile(
        'loader/entries/debug.conf',
        `title Debug\nefi /EFI/Linux/${disk.kernelImageName}\noptions debug ${image.commandLine}\n`,
      );
      disk.writeFile('loader/loader.conf', 'timeout 0\ndefault debug.conf\n');
    });
    expect(findings).toMatchObject([
      otherCommandLine,
      {
        ...{ check: 'boot', pcr: 12, problem: expect.stringContaining('command line') },
        ...{ expected: 'nothing more', event: { text: expect.stringContaining('debug') } },
      },
    ]);
  });

  test('another TPM: said on the page, and by its evidence', async () => {
    await using gateway = await start('swapped', {
      manufactureTpm: manufacture({ state: tpmStateName }),
    });
    await withoutIdentity(gateway, 'TPM_REPLACED');
    // Its vendor is one that is trusted: only which TPM it is tells.
    const authority = ['--ca', join(gateway.machine.scratchPath, 'authority', 'issuercert')];
    const asked = await challenged('swapped', gateway);
    const verdict = await appraised(...asked, ...authority, '--previous', at('record'));
    // Its clock is its own: whether it is behind the other's depends on how long both ran. It was started fewer times.
    const sincePowerOn = verdict.findings.filter(({ problem }) => problem !== 'the TPM’s clock went back');
    expect(sincePowerOn).toMatchObject([
      { check: 'attestation-key', problem: expect.stringContaining('another TPM') },
      { check: 'clock', problem: 'the count of resets went back' },
      { check: 'host-identity', problem: 'the host identity has no key in the TPM' },
    ]);
  });

  test('no TPM: said on the page, and where evidence is asked for', async () => {
    await using gateway = await start('without', { tpm: false });
    await withoutIdentity(gateway, 'TPM_MISSING');
    const { status, stderr } = await attest('collect', '--nonce', '00'.repeat(32), '--box', boxOf(gateway));
    expect([status, stderr]).toEqual([1, expect.stringContaining('No evidence without a TPM')]);
  });
});
