import { describe, expect, test } from 'vitest';
import { type Evidence, readEvidence, writeEvidence } from '../../firmware/attestation/evidence.ts';
import { limits } from '../../firmware/attestation/limits.ts';
import { readReferenceValues } from '../../firmware/attestation/reference-values.ts';
import { readReleaseKey } from '../../firmware/system/verifier.ts';
import { attestationKeyTemplate } from '../../firmware/tpm/attestation-key.ts';
import { algorithm } from '../../firmware/tpm/constants.ts';
import { digest, manifest, releasePem, runtimeLogOf, signRelease } from './attested-box.ts';
import { ascii } from './made-log.ts';

const small: Evidence = {
  quote: {
    attest: Uint8Array.of(1),
    signature: { scheme: 'ecdsa', hash: algorithm.sha256, r: new Uint8Array(32), s: new Uint8Array(32) },
  },
  pcrs: new Map(),
  bootLog: new Uint8Array(),
  runtimeLog: [],
  attestationKey: attestationKeyTemplate,
  hostIdentity: null,
  endorsements: [],
};
const reads = (changes: Partial<Evidence>) =>
  readEvidence(JSON.parse(JSON.stringify(writeEvidence({ ...small, ...changes })))).ok;

const endorsement = (count: number, size = 1) => ({
  publicArea: attestationKeyTemplate,
  certificates: Array.from({ length: count }, () => new Uint8Array(size)),
});
const settings = (count: number) =>
  runtimeLogOf(
    Array.from({ length: count }, () => ({ subject: 'settings', sha256: 'ab'.repeat(32) }) as const),
  );

describe('as much as evidence may have is read, and no more', () => {
  test.each<[keyof typeof limits, (size: number) => Partial<Evidence>]>([
    ['logSize', (size) => ({ bootLog: new Uint8Array(size) })],
    ['runtimeRecords', (count) => ({ runtimeLog: settings(count) })],
    ['endorsements', (count) => ({ endorsements: Array.from({ length: count }, () => endorsement(0)) })],
    ['certificates', (count) => ({ endorsements: [endorsement(count)] })],
    ['certificateSize', (size) => ({ endorsements: [endorsement(1, size)] })],
  ])('%s', (name, made) => {
    expect(reads(made(limits[name]))).toBe(true);
    expect(reads(made(limits[name] + 1))).toBe(false);
  });

  test('manifestSize', () => {
    const read = (size: number) => {
      const text = JSON.stringify(manifest);
      const octets = ascii(text + ' '.repeat(size - text.length));
      return readReferenceValues(octets, signRelease(octets), readReleaseKey(releasePem), digest).ok;
    };
    expect(read(limits.manifestSize)).toBe(true);
    expect(read(limits.manifestSize + 1)).toBe(false);
  });
});

describe('a manifest', () => {
  const read = (document: object) => {
    const octets = ascii(JSON.stringify(document));
    return readReferenceValues(octets, signRelease(octets), readReleaseKey(releasePem), digest);
  };
  test('without any of its parts is none', () => {
    expect(read(manifest).ok).toBe(true);
    for (const name of Object.keys(manifest))
      expect([name, read({ ...manifest, [name]: 7 }).ok]).toEqual([name, false]);
  });

  test('that was changed after it was signed is none', () => {
    const octets = ascii(JSON.stringify(manifest));
    const signature = signRelease(octets);
    const key = readReleaseKey(releasePem);
    for (const place of [0, 20, octets.length - 1]) {
      const changed = octets.with(place, (octets[place] ?? 0) ^ 1);
      expect(readReferenceValues(changed, signature, key, digest)).toMatchObject({
        error: 'The release key did not sign this manifest.',
      });
    }
  });
});
