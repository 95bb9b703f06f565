import { generateKeyPairSync, sign } from 'node:crypto';
import { readEndorsements } from '../../firmware/attestation/endorsement-keys.ts';
import { parseEventLog } from '../../firmware/attestation/event-log.ts';
import type { Evidence } from '../../firmware/attestation/evidence.ts';
import { collectEvidence } from '../../firmware/attestation/evidence-collection.ts';
import { type ReferenceValues, readReferenceValues } from '../../firmware/attestation/reference-values.ts';
import {
  type RuntimeMeasurement,
  type RuntimeRecord,
  runtimeRecord,
} from '../../firmware/attestation/runtime-log.ts';
import { concatBytes, toHex } from '../../firmware/bytes/bytes.ts';
import { tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { readReleaseKey } from '../../firmware/system/verifier.ts';
import { withAttestationKey } from '../../firmware/tpm/attestation-key.ts';
import type { Tpm } from '../../firmware/tpm/client.ts';
import { pcrExtend } from '../../firmware/tpm/commands/pcr.ts';
import { hashByName, hierarchy, ownHandle } from '../../firmware/tpm/constants.ts';
import { hostKeyTemplate } from '../../firmware/tpm/host-key.ts';
import { keepKey, withPrimaryKey } from '../../firmware/tpm/persistent-key.ts';
import { succeeded } from '../tpm/outcome.ts';
import { agileEvent, ascii, header, sha, utf16 } from './made-log.ts';

export const { digest } = tpmCryptography;

const releasePair = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const releasePem = releasePair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
export const signRelease = (content: Uint8Array) =>
  new Uint8Array(sign('sha256', content, releasePair.privateKey));

const hex = (data: Uint8Array) => toHex(sha('sha256', data));
const bundle = hex(ascii('bundle'));
const profile = hex(ascii('profile'));
const commandLine = 'roothash=00 console=ttyS0';
const sections = ['.linux', '.osrel', '.cmdline', '.initrd'].map((name) => ({
  name,
  data: ascii(`content ${name}`),
}));

/** What stands in the manifest of the release that these boxes boot. */
export const manifest = {
  name: 'hithe',
  version: '9.9.9',
  loader: { authenticodeSha256: hex(ascii('loader')) },
  uki: { authenticodeSha256: hex(ascii('uki')) },
  kernel: { authenticodeSha256: hex(ascii('kernel')) },
  commandLine,
  initrd: { measuredSha256: hex(ascii('initial RAM disk')) },
  root: { rootHash: hex(ascii('root')) },
  pcr11: {
    sha256: hex(ascii('not looked at')),
    sections: sections.map(({ name, data }) => ({ name, sha256: hex(data) })),
  },
  bundle: { sha256: bundle },
  boardProfiles: { 'qemu-q35': profile },
};

export function reference(document: object = manifest): ReferenceValues {
  const octets = ascii(JSON.stringify(document));
  const read = readReferenceValues(octets, signRelease(octets), readReleaseKey(releasePem), digest);
  if (!read.ok) throw new Error(read.error);
  return read.value;
}

export type BootedEvent = { readonly pcr: number; readonly type: number; readonly data: Uint8Array };

/** A boot of that release, event by event. */
export const releasedBoot: readonly BootedEvent[] = [
  { pcr: 0, type: 8, data: ascii('firmware') },
  { pcr: 7, type: 0x8000_0001, data: ascii('SecureBoot off') },
  { pcr: 4, type: 0x8000_0007, data: ascii('Calling EFI Application from Boot Option') },
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((pcr) => ({ pcr, type: 4, data: new Uint8Array(4) })),
  { pcr: 4, type: 0x8000_0003, data: ascii('loader') },
  { pcr: 4, type: 0x8000_0003, data: ascii('uki') },
  ...sections.flatMap(({ name, data }) => [
    { pcr: 11, type: 0x0d, data: ascii(`${name}\0`) },
    { pcr: 11, type: 0x0d, data },
  ]),
  { pcr: 4, type: 0x8000_0003, data: ascii('kernel') },
  { pcr: 9, type: 6, data: utf16(`${commandLine}\0`) },
  { pcr: 9, type: 6, data: ascii('initial RAM disk') },
];

export const logOf = (events: readonly BootedEvent[]) =>
  concatBytes(header('sha1', 'sha256'), ...events.map((event) => agileEvent(event, 'sha1', 'sha256')));

export const runtimeMeasurements: readonly RuntimeMeasurement[] = [
  { subject: 'bundle', sha256: bundle },
  { subject: 'board-profile', sha256: profile },
  { subject: 'settings', sha256: hex(ascii('settings')) },
];

export const runtimeLogOf = (measurements: readonly RuntimeMeasurement[]): RuntimeRecord[] =>
  measurements.map((measurement, index) => runtimeRecord(index, measurement, ['sha256'], digest));

/** Extends a TPM's PCRs as the boot of a machine would, and makes the keys of a box in it. */
export async function bootInto(tpm: Tpm, events: readonly BootedEvent[] = releasedBoot): Promise<void> {
  const { id } = hashByName('sha256');
  for (const { pcr, digests } of parseEventLog(logOf(events)).events.slice(1))
    succeeded(
      await tpm.execute(pcrExtend(pcr, [{ hash: id, digest: digests.get('sha256') ?? new Uint8Array() }])),
    );
  for (const { pcr, digests } of runtimeLogOf(runtimeMeasurements))
    for (const { digest: value } of digests)
      succeeded(
        await tpm.execute(pcrExtend(pcr, [{ hash: id, digest: new Uint8Array(Buffer.from(value, 'hex')) }])),
      );
  succeeded(await withAttestationKey(tpm, (key) => keepKey(tpm, key, ownHandle.attestationKey)));
  const template = hostKeyTemplate(tpmCryptography, reference().releaseKeyName, tpmCryptography.random(32));
  succeeded(
    await withPrimaryKey(tpm, hierarchy.owner, template, (key) => keepKey(tpm, key, ownHandle.hostKey)),
  );
}

/** The evidence of a box that booted so. */
export async function evidenceOf(
  tpm: Tpm,
  nonce: Uint8Array,
  events: readonly BootedEvent[] = releasedBoot,
  /** How often the runtime's log is behind what was measured when it is read. */
  behind = 0,
): Promise<Evidence> {
  const endorsements = succeeded(await readEndorsements(tpm));
  let left = behind;
  const sources = {
    cryptography: tpmCryptography,
    bootLog: () => logOf(events),
    runtimeLog: () => runtimeLogOf(left > 0 ? runtimeMeasurements.slice(1) : runtimeMeasurements),
    endorsements,
    wait: async () => {
      left--;
    },
  };
  return succeeded(await collectEvidence(tpm, nonce, sources));
}
