import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EventLogReport, reportEventLog } from '../../firmware/attestation/event-log-report.ts';
import { tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { type BuiltImage, sourceDateEpoch } from '../../image-builder/build.ts';
import { measuredInitrd } from '../../image-builder/measured-initrd.ts';
import { measuredSections, predictPcr11 } from '../../image-builder/pcr-policy.ts';
import { authenticodeHash } from '../../image-builder/pe.ts';
import { enrolmentFiles, readSecureBootIdentity, signImage } from '../../image-builder/secure-boot.ts';
import type { SigningIdentity } from '../../image-builder/signed-data.ts';
import { firmwareVariables } from '../../qemu/firmware.ts';
import { Machine } from '../../qemu/machine.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { bootableImage } from './image.ts';
import { loaderOf, measuredKernelImage, readMeasurements, writeBootDisk } from './measured-guest.ts';

/**
 * A machine in set-up mode takes the keys of the image that it boots, and from then on starts what they signed and
 * nothing else. Its own event log tells of it. Tests run in order.
 */
let image: BuiltImage;
let scratch: ScratchFolder;
let identity: SigningIdentity;
let unsigned: Uint8Array;
let variables: string;

const bootMs = 300_000;

beforeAll(async () => {
  image = await bootableImage();
  scratch = new ScratchFolder();
  const [key, certificate] = [join(scratch.path, 'key.pem'), join(scratch.path, 'certificate.pem')];
  const request = [
    'req',
    '-x509',
    '-nodes',
    '-newkey',
    'rsa:2048',
    '-subj',
    '/CN=Own boot key',
    '-days',
    '2',
  ];
  execFileSync('openssl', [...request, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  identity = readSecureBootIdentity(key, certificate);
  unsigned = measuredKernelImage(image);
  variables = join(scratch.path, 'variables.qcow2');
});
afterAll(() => scratch[Symbol.dispose]());

const signed = (program: Uint8Array) => signImage(program, identity);

function disk(name: string, uki: Uint8Array): string {
  const path = join(scratch.path, `${name}.img`);
  const keys = enrolmentFiles(identity, sourceDateEpoch);
  writeBootDisk(path, image, { loader: signed(loaderOf(image)), uki, keys });
  return path;
}

function start(
  name: string,
  uki: Uint8Array,
  options: { tpm?: boolean; variables?: string },
): Promise<Machine> {
  const hardware = { boot: 'uefi', memoryMiB: 512, cpus: 2, networkCards: [], secureBoot: true } as const;
  return Machine.start({ name: `secure-boot-${name}`, image: disk(name, uki), ...hardware, ...options });
}

describe('a machine in set-up mode', () => {
  let report: EventLogReport;
  let pcrs: ReadonlyMap<number, string>;
  beforeAll(async () => {
    await using machine = await start('signed', signed(unsigned), { tpm: true });
    const measured = await readMeasurements(machine, bootMs);
    report = reportEventLog(measured.log, tpmCryptography.digest);
    pcrs = measured.pcrs;
    await machine.kill();
    copyFileSync(firmwareVariables(machine.scratchPath), variables);
  });
  const textsOf = (pcr: number) => report.events.filter((event) => event.pcr === pcr).map(({ text }) => text);
  const digestsOf = (pcr: number, type: string) =>
    report.events.filter((event) => event.pcr === pcr && event.type === type).map(({ digests }) => digests);

  test('takes the image’s keys and starts it under Secure Boot', () => {
    expect(textsOf(7)).toEqual([
      'SecureBoot: on',
      'PK: CN=Own boot key',
      'KEK: CN=Own boot key',
      'db: CN=Own boot key',
      'dbx: absent',
      'separator',
      'db: let an image start: CN=Own boot key',
    ]);
  });

  test('has the PCRs that its event log leads to', () => {
    expect(report.error).toBeNull();
    const replayed = report.pcrs['sha256'] ?? {};
    expect(Object.keys(replayed)).toEqual(
      expect.arrayContaining(['0', '1', '2', '3', '4', '5', '6', '7', '9', '11']),
    );
    for (const [index, value] of Object.entries(replayed))
      expect([index, pcrs.get(Number(index))]).toEqual([index, value]);
  });

  test('has PCR 11 as the builder predicts it, and nothing in PCR 12', () => {
    expect(pcrs.get(11)).toBe(predictPcr11(measuredSections(unsigned), 'sha256'));
    expect(report.pcrs['sha384']?.['11']).toBe(predictPcr11(measuredSections(unsigned), 'sha384'));
    expect(pcrs.get(12)).toBe('0'.repeat(64));
  });

  test('has the initial RAM disk in PCR 9 as the builder predicts it, with what the stub appends', () => {
    expect(digestsOf(9, 'EV_EVENT_TAG').at(-1)).toMatchObject(measuredInitrd(unsigned));
  });

  test('measured loader and kernel image into PCR 4; the stub starts the kernel in it past the firmware', () => {
    const { loader } = image.manifest;
    expect(digestsOf(4, 'EV_EFI_BOOT_SERVICES_APPLICATION')).toMatchObject([
      { sha256: loader.authenticodeSha256, sha384: loader.authenticodeSha384 },
      { sha256: authenticodeHash(unsigned), sha384: authenticodeHash(unsigned, 'sha384') },
    ]);
  });
});

describe('a machine that has the keys does not start', () => {
  const refused = /Security Violation|Access Denied|Secure Boot violation/i;
  test.each<[string, () => Uint8Array]>([
    ['unsigned', () => unsigned],
    ['altered', () => withChangedCommandLine(signed(unsigned))],
  ])('the kernel image when it is %s', async (name, uki) => {
    await using machine = await start(name, uki(), { variables });
    await machine.console.expect(refused, bootMs);
    expect(machine.console.text).not.toMatch(/^LOG$/m);
  });
});

/** One letter of the command line in the signed image is another. */
function withChangedCommandLine(uki: Uint8Array): Uint8Array {
  const changed = Buffer.from(uki);
  const place = changed.indexOf('loglevel=4');
  expect(place).toBeGreaterThan(0);
  changed.write('loglevel=7', place, 'latin1');
  return changed;
}
