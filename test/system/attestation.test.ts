import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appraise } from '../../firmware/attestation/appraisal.ts';
import type { AppraisalPolicy } from '../../firmware/attestation/appraisal-question.ts';
import { bootFindings } from '../../firmware/attestation/boot-policy.ts';
import { parseEventLog } from '../../firmware/attestation/event-log.ts';
import { type ReferenceValues, readReferenceValues } from '../../firmware/attestation/reference-values.ts';
import { replayEventLog } from '../../firmware/attestation/replay.ts';
import type { Finding, Verdict } from '../../firmware/attestation/verdict.ts';
import { toHex } from '../../firmware/bytes/bytes.ts';
import { tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { openVerifierPorts, readCertificates, readReleaseKey } from '../../firmware/system/verifier.ts';
import { measuredBoot } from '../../firmware/webui/api/attestation-route.ts';
import type { BuiltImage } from '../../image-builder/build.ts';
import { measuredSections, predictPcr11 } from '../../image-builder/pcr-policy.ts';
import { authenticodeHash, readSections } from '../../image-builder/pe.ts';
import { Gateway } from '../../qemu/gateway.ts';
import { Machine } from '../../qemu/machine.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { tpmStateName } from '../../qemu/tpm-emulator.ts';
import { authorityOf, manufacture } from '../tpm/manufacture.ts';
import { bootableImage } from './image.ts';
import { loaderOf, measuredKernelImage, readMeasurements, writeBootDisk } from './measured-guest.ts';
import { partition } from './partitions.ts';

let image: BuiltImage;
beforeAll(async () => {
  image = await bootableImage();
});

const { digest } = tpmCryptography;
const bootMs = 300_000;

function referenceOf(document: object): ReferenceValues {
  const octets = new TextEncoder().encode(JSON.stringify(document));
  const key = readReleaseKey(image.releaseKey.publicPem);
  const read = readReferenceValues(octets, image.releaseKey.sign(octets), key, digest);
  if (!read.ok) throw new Error(read.error);
  return read.value;
}

/** One box, booted twice; its TPM has an endorsement key of a local authority, with which nobody is enrolled. */
describe('a gateway that boots the released image', () => {
  let gateway: Gateway;
  let first: Verdict;
  const settled = async () => {
    await gateway.waitForPage(bootMs);
    await gateway.page.waitForStatus('identity and TPM are there', isSettled, bootMs);
  };
  beforeAll(async () => {
    const manufactureTpm = manufacture({ state: tpmStateName });
    gateway = await Gateway.start({ name: 'attested', image, manufactureTpm });
    await settled();
  });
  afterAll(() => gateway[Symbol.asyncDispose]());

  const appraised = async (changes: Partial<AppraisalPolicy>) => {
    const nonce = new Uint8Array(randomBytes(32));
    const answer = await gateway.page.post('/api/v1/attestation/evidence', { nonce: toHex(nonce) });
    expect(answer.statusCode).toBe(200);
    const roots = readCertificates(await authorityOf(gateway.machine.scratchPath));
    const ports = openVerifierPorts(roots, Date.now() + 60_000);
    const policy = { nonce, reference: referenceOf(image.manifest), previous: null, activation: null };
    return appraise(JSON.parse(answer.body), { ...policy, anyTpm: false, ...changes }, ports);
  };

  test('passes by everything but the enrolment, which nobody made', async () => {
    const verdict = await appraised({});
    expect(verdict.findings).toMatchObject([
      { check: 'attestation-key', problem: expect.stringContaining('endorsement key') },
    ]);
  });

  test('passes where that is not asked for, and shows the identity of its status', async () => {
    first = await appraised({ anyTpm: true });
    expect(first.findings).toEqual([]);
    expect(first.status).toBe('warning');
    expect(first.hit).toBe((await gateway.page.status()).identity.hit);
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
    const verdict = await appraised({ anyTpm: true, previous: first.record });
    expect(verdict.findings).toEqual([]);
    expect(verdict.notes).toContain('The settings in force are others than at the last appraisal.');
  });

  test('passes again after a restart, with the same identity and a reset more', async () => {
    const before = resetsOf(await gateway.page.status());
    await gateway.machine.reset();
    await gateway.page.waitForStatus('a TPM reset more', (status) => resetsOf(status) > before, bootMs);
    await settled();
    const verdict = await appraised({ anyTpm: true, previous: first.record });
    expect(verdict.findings).toEqual([]);
    expect(verdict.hit).toBe(first.hit);
    expect(verdict.record?.resetCount).toBeGreaterThan(first.record?.resetCount ?? 0);
  });
});

type Seen = Awaited<ReturnType<Gateway['page']['status']>>;
const resetsOf = ({ tpm }: Seen) => (tpm.state === 'present' ? tpm.quote.resetCount : 0);
const isSettled = ({ tpm, identity }: Seen) => tpm.state === 'present' && identity.hit !== null;

/**
 * Real firmware, loader, stub and kernel; the guest prints what was measured and does nothing else. All start at once:
 * firmware keeps one core busy.
 */
describe.concurrent('a machine that boots something else', () => {
  let scratch: ScratchFolder;
  let reference: ReferenceValues;
  let released: Uint8Array;
  beforeAll(() => {
    scratch = new ScratchFolder();
    released = measuredKernelImage(image);
    const sections = measuredSections(released);
    reference = referenceOf({
      ...image.manifest,
      uki: { authenticodeSha256: authenticodeHash(released) },
      commandLine: commandLineOf(released),
      pcr11: { sha256: predictPcr11(sections, 'sha256'), sections },
    });
  });
  afterAll(() => scratch[Symbol.dispose]());

  const commandLineOf = (uki: Uint8Array) => new TextDecoder().decode(readSections(uki).get('.cmdline'));

  /** What is said against the boot of a kernel image, and that its log is what the TPM holds. */
  async function findingsOf(name: string, uki: Uint8Array, change = (_: string) => {}): Promise<Finding[]> {
    const path = join(scratch.path, `${name}.img`);
    writeBootDisk(path, image, { loader: loaderOf(image), uki, keys: null });
    change(path);
    const hardware = { boot: 'uefi', memoryMiB: 512, cpus: 2, networkCards: [], tpm: true } as const;
    await using machine = await Machine.start({ name: `attestation-${name}`, image: path, ...hardware });
    const { log, pcrs } = await readMeasurements(machine, bootMs);
    const parsed = parseEventLog(log);
    for (const [index, value] of replayEventLog(parsed, digest).get('sha256') ?? [])
      expect([index, pcrs.get(index)]).toEqual([index, toHex(value)]);
    return bootFindings(parsed.events, reference, digest);
  }

  const changedFile = (name: string, path: string, change: (octets: Buffer) => Uint8Array) => {
    const changed = join(scratch.path, name);
    writeFileSync(changed, change(readFileSync(path)));
    return changed;
  };
  const otherImage = { pcr: 4, problem: 'this is not the released kernel image' };
  const inSection = (name: string) => ({
    pcr: 11,
    problem: `this is not the released content of section ${name}`,
    event: { text: expect.stringContaining(name) },
  });

  test('another kernel: PCR 4 by the kernel image, PCR 11 by its section .linux', async () => {
    // A letter of the version in the kernel's own header (x86 boot protocol, kernel_version).
    const kernel = changedFile('vmlinuz', image.kernelPath, (octets) => {
      const place = 0x200 + octets.readUInt16LE(0x20e);
      octets.write('X', place, 'latin1');
      return octets;
    });
    const findings = await findingsOf('kernel', measuredKernelImage(image, { kernel }));
    expect(findings).toMatchObject([otherImage, inSection('.linux')]);
  });

  test('another initial RAM disk: PCR 11 by its section .initrd', async () => {
    const initrd = changedFile('initrd', image.initrdPath, (octets) =>
      Buffer.concat([octets, Buffer.alloc(512)]),
    );
    const findings = await findingsOf('initrd', measuredKernelImage(image, { initrd }));
    expect(findings).toMatchObject([otherImage, inSection('.initrd')]);
  });

  test('another root hash on the command line: PCR 9 and PCR 11 by its section .cmdline', async () => {
    const options = `roothash=${'0'.repeat(64)} `;
    const findings = await findingsOf('root-hash', measuredKernelImage(image, { options }));
    expect(findings).toMatchObject([
      otherImage,
      { pcr: 9, problem: 'this is not the released command line' },
      inSection('.cmdline'),
    ]);
  });

  test('a debug boot entry for the released kernel image: PCR 9 and PCR 12', async () => {
    const findings = await findingsOf('debug', released, (disk) => {
      const { offset } = partition(disk, 'esp');
      const esp = `${disk}@@${offset}`;
      const files = {
        'loader/entries/debug.conf': `title Debug\nefi /EFI/Linux/measured.efi\noptions debug ${commandLineOf(released)}\n`,
        'loader/loader.conf': 'timeout 0\ndefault debug.conf\n',
      };
      image.tools.run('mmd', ['-i', esp, '::loader/entries']);
      for (const [name, text] of Object.entries(files)) {
        const path = join(scratch.path, 'entry');
        writeFileSync(path, text);
        image.tools.run('mcopy', ['-o', '-i', esp, path, `::${name}`]);
      }
    });
    expect(findings).toMatchObject([
      { pcr: 9, problem: 'this is not the released command line' },
      { pcr: 12, problem: expect.stringContaining('command line'), expected: 'nothing more' },
    ]);
  });
});
