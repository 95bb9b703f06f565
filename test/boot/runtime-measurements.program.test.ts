import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { replayRuntimeLog } from '../../firmware/attestation/runtime-log.ts';
import { RuntimeMeasurements } from '../../firmware/boot/runtime-measurements.ts';
import { toHex } from '../../firmware/bytes/bytes.ts';
import { openRuntimeLog } from '../../firmware/system/attestation-system.ts';
import { tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { readPcrs } from '../../firmware/tpm/pcrs.ts';
import { succeeded } from '../tpm/outcome.ts';
import { type Swtpm, startSwtpm } from '../tpm/swtpm.ts';

/** One boot of a box with an emulated TPM. Tests run in order. */
let swtpm: Swtpm;
const folder = mkdtempSync(join(tmpdir(), 'hithe-runtime-'));
beforeAll(async () => {
  swtpm = await startSwtpm();
});
afterAll(async () => {
  await swtpm[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const digestOf = (text: string) => toHex(tpmCryptography.digest('sha256', new TextEncoder().encode(text)));
const started = () => [
  { subject: 'bundle', sha256: digestOf('bundle') } as const,
  { subject: 'settings', sha256: digestOf('settings') } as const,
];
/** As a runtime that has just started opens them. */
const measurements = () =>
  new RuntimeMeasurements({
    openTpm: () => swtpm.open(),
    cryptography: tpmCryptography,
    wait: async () => {},
    log: openRuntimeLog(folder),
  });
const subjects = () =>
  openRuntimeLog(folder)
    .read()
    .map(({ recnum, content }) => [recnum, content.subject]);

/** What the log leads to and what the TPM holds, in the bank that is attested. */
async function bothEnds(): Promise<[string, string]> {
  const read = await swtpm.use((tpm) => readPcrs(tpm, 'sha256', [15]));
  const led = replayRuntimeLog(openRuntimeLog(folder).read(), tpmCryptography.digest);
  return [toHex(led), toHex(succeeded(read).pcrs[0]?.digest ?? new Uint8Array())];
}

test('the log leads to what the TPM holds', async () => {
  expect(await measurements().measure(started())).toBeNull();
  expect(subjects()).toEqual([
    [0, 'bundle'],
    [1, 'settings'],
  ]);
  const [led, held] = await bothEnds();
  expect(led).toBe(held);
  expect(held).not.toBe('00'.repeat(32));
});

test('every bank is extended, so that none is left for somebody else', async () => {
  const [record] = openRuntimeLog(folder).read();
  expect(record?.digests.map(({ hashAlg }) => hashAlg)).toEqual(
    expect.arrayContaining(['sha1', 'sha256', 'sha384']),
  );
  const read = await swtpm.use((tpm) => readPcrs(tpm, 'sha384', [15]));
  expect(toHex(succeeded(read).pcrs[0]?.digest ?? new Uint8Array())).not.toBe('00'.repeat(48));
});

test('a runtime that is started again changes nothing', async () => {
  const before = await bothEnds();
  expect(await measurements().measure(started())).toBeNull();
  expect(await bothEnds()).toEqual(before);
  expect(subjects()).toHaveLength(2);
});

test('other settings are one more record, also when they come twice at once', async () => {
  const [before] = await bothEnds();
  const runtime = measurements();
  const change = [{ subject: 'settings', sha256: digestOf('other settings') }] as const;
  expect(await Promise.all([runtime.measure(change), runtime.measure(change)])).toEqual([null, null]);
  expect(subjects()).toEqual([
    [0, 'bundle'],
    [1, 'settings'],
    [2, 'settings'],
  ]);
  const [led, held] = await bothEnds();
  expect(led).toBe(held);
  expect(led).not.toBe(before);
});

test('a TPM that is there and does not work is told; one that is absent is no failure', async () => {
  const log = openRuntimeLog(folder);
  const ports = { cryptography: tpmCryptography, wait: async () => {}, log };
  const change = [{ subject: 'settings', sha256: digestOf('unseen') }] as const;
  const broken = new RuntimeMeasurements({
    ...ports,
    openTpm: async () => ({ state: 'failed', reason: 'it is on fire', advice: '' }),
  });
  expect(await broken.measure(change)).toBe('it is on fire');
  const none = new RuntimeMeasurements({
    ...ports,
    openTpm: async () => ({ state: 'absent', reason: 'none' }),
  });
  expect(await none.measure(change)).toBeNull();
  expect(subjects()).toHaveLength(3);
});
