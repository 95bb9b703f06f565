import { createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ReleasePublicKey } from '../../../firmware/boot/identity/ports.ts';
import { fulfilledPolicy, readReleasePolicies } from '../../../firmware/boot/identity/release-policy.ts';
import { toHex } from '../../../firmware/bytes/bytes.ts';
import { tpmCryptography } from '../../../firmware/system/tpm-cryptography.ts';
import { measuredSections, predictPcr11, signPcrPolicy } from '../../../image-builder/pcr-policy.ts';
import { readReleaseKey } from '../../../image-builder/release-key.ts';
import { smallPe } from '../../image-builder/small-pe.ts';

const releaseKey = readReleaseKey(undefined);
const key: ReleasePublicKey = {
  jwk: createPublicKey(releaseKey.publicPem).export({ format: 'jwk' }),
  fingerprint: toHex(tpmCryptography.digest('sha256', releaseKey.publicDer)),
};
const data = (text: string) => new TextEncoder().encode(text);
const kernelImage = smallPe({
  sections: [
    { name: '.linux', data: data('a kernel') },
    { name: '.cmdline', data: data('roothash=…') },
  ],
});
const text = signPcrPolicy(kernelImage, releaseKey);
const pcr11 = new Uint8Array(Buffer.from(predictPcr11(measuredSections(kernelImage), 'sha256'), 'hex'));

/** Changes the one entry of the document. */
const changed = (entry: Record<string, unknown>) => {
  const document = JSON.parse(text) as { sha256: [Record<string, unknown>] };
  return JSON.stringify({ sha256: [{ ...document.sha256[0], ...entry }] });
};

test('what the image builder signs is fulfilled by the PCRs of its kernel image and by no others', () => {
  const read = readReleasePolicies(text, key);
  if (read.state === 'none') throw new Error(read.reason);
  expect(read.policies).toHaveLength(1);
  const fulfilled = (pcrs: [number, Uint8Array][]) =>
    fulfilledPolicy(read.policies, new Map(pcrs), tpmCryptography);
  const zeros = new Uint8Array(32);
  expect(
    fulfilled([
      [11, pcr11],
      [12, zeros],
    ]),
  ).toBe(read.policies[0]);
  expect(
    fulfilled([
      [11, zeros],
      [12, zeros],
    ]),
  ).toBeUndefined();
  expect(
    fulfilled([
      [11, pcr11],
      [12, pcr11],
    ]),
  ).toBeUndefined();
  expect(fulfilled([])).toBeUndefined();
});

test('what systemd-measure adds besides, and policies of other keys, are passed over', () => {
  const document = JSON.parse(text) as { sha256: object[] };
  const others = [{ pcrs: [11], pkfp: '00'.repeat(32), pol: '11'.repeat(32), sig: 'AAAA' }];
  const more = JSON.stringify({ sha1: [{ other: 1 }], sha256: [...others, ...document.sha256] });
  expect(readReleasePolicies(more, key)).toEqual(readReleasePolicies(text, key));
  expect(readReleasePolicies(JSON.stringify({ sha256: others }), key)).toMatchObject({ state: 'none' });
});

test.each<[string, string | null, ReleasePublicKey | null]>([
  ['no policies', null, key],
  ['no key', text, null],
  ['a key that TPMs do not take', text, { ...key, jwk: { kty: 'OKP', crv: 'Ed25519', x: 'AAAA' } }],
  ['an RSA key with another exponent', text, { ...key, jwk: { ...key.jwk, e: 'Aw' } }],
  ['an RSA key too short', text, { ...key, jwk: { ...key.jwk, n: 'AQAB' } }],
  ['a modulus that is no base64url', text, { ...key, jwk: { ...key.jwk, n: `${key.jwk.n}+` } }],
  ['a PCR that no TPM has', changed({ pcrs: [24] }), key],
  ['no PCR at all', changed({ pcrs: [] }), key],
  ['a digest too short', changed({ pol: '11' }), key],
  ['a signature that is no base64', changed({ sig: '*' }), key],
])('%s: no policy, and the reason', (_name, policies, releasePublicKey) => {
  expect(readReleasePolicies(policies, releasePublicKey)).toEqual({
    state: 'none',
    reason: expect.stringMatching(/\w/),
  });
});

test('no text makes it throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (anything) => {
      expect(readReleasePolicies(anything, key).state).toBe('none');
    }),
  );
});
