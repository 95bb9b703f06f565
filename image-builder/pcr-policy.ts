import { createHash } from 'node:crypto';
import { readSections } from './pe.ts';
import type { ReleaseKey } from './release-key.ts';

export type PcrAlgorithm = 'sha256' | 'sha384';

/**
 * The sections of a unified kernel image that systemd's stub measures, in its order, which is not theirs in the file
 * (systemd 257; UAPI.5 "UKI TPM PCR Measurements"). `.pcrsig` is left out, since it signs the result.
 */
const measuredSections = [
  '.linux',
  '.osrel',
  '.cmdline',
  '.initrd',
  '.ucode',
  '.splash',
  '.dtb',
  '.uname',
  '.sbat',
  '.pcrpkey',
];

const hash = (algorithm: PcrAlgorithm, ...parts: readonly Uint8Array[]) => {
  const digest = createHash(algorithm);
  for (const part of parts) digest.update(part);
  return digest.digest();
};

/**
 * PCR 11 after the stub has measured a unified kernel image: for each section its name with a trailing NUL, then its
 * content. Nothing else extends it: the image has no boot phases.
 *
 * @returns the digest in hex
 */
export function predictPcr11(uki: Uint8Array, algorithm: PcrAlgorithm): string {
  const sections = readSections(uki);
  let value: Uint8Array = new Uint8Array(algorithm === 'sha256' ? 32 : 48);
  for (const name of measuredSections) {
    const content = sections.get(name);
    if (content === undefined) continue;
    for (const data of [new TextEncoder().encode(`${name}\0`), content])
      value = hash(algorithm, value, hash(algorithm, data));
  }
  return Buffer.from(value).toString('hex');
}

/**
 * The PCRs of the policy. 11 is the unified kernel image. 12 is what the stub adds from outside of it (a command line
 * typed or sent by the loader, add-ons, credentials): nothing on a released boot, so that a shell started through
 * another command line cannot use the box's identity.
 */
const policyPcrs = [11, 12];

/**
 * The policy digest of TPM2_PolicyPCR alone (TPM 2.0 part 3 §23.7): SHA-256 over 32 zeros, the command code, the
 * selection (part 2 §10.9.7) and the digest of the selected PCRs' values.
 */
export function pcrPolicyDigest(pcrs: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const indexes = [...pcrs.keys()].sort((a, b) => a - b);
  const bitmap = new Uint8Array(3);
  for (const index of indexes) bitmap[index >> 3] = (bitmap[index >> 3] ?? 0) | (1 << (index & 7));
  const commandCode = Uint8Array.of(0, 0, 0x01, 0x7f);
  const oneSelectionOfSha256 = Uint8Array.of(0, 0, 0, 1, 0, 0x0b, bitmap.length);
  const values = hash('sha256', ...indexes.map((index) => pcrs.get(index) ?? new Uint8Array(32)));
  return hash('sha256', new Uint8Array(32), commandCode, oneSelectionOfSha256, bitmap, values);
}

/**
 * The content of the `.pcrsig` section, which the stub hands to the initial RAM disk as
 * `/.extra/tpm2-pcr-signature.json` and that to the runtime as `/run/hithe/tpm2-pcr-signature.json`; the public key of
 * `.pcrpkey` goes the same way to `tpm2-pcr-public-key.pem`. The form is systemd's (systemd-measure(1)):
 *
 *     { "sha256": [ { "pcrs": [11, 12], "pkfp": HEX, "pol": HEX, "sig": BASE64 } ] }
 *
 * `pcrs` is the selection of TPM2_PolicyPCR in that bank, `pol` the policy digest that follows from it alone, `sig` the
 * RSASSA-PKCS1-v1_5 signature with SHA-256 over the 32 octets of `pol` (TPM2_PolicyAuthorize with an empty policyRef),
 * `pkfp` the SHA-256 of the public key's RSAPublicKey in DER.
 */
export function signPcrPolicy(uki: Uint8Array, key: ReleaseKey): string {
  const pcr11 = Buffer.from(predictPcr11(uki, 'sha256'), 'hex');
  const pcrs = new Map(policyPcrs.map((index) => [index, index === 11 ? pcr11 : new Uint8Array(32)]));
  const policy = pcrPolicyDigest(pcrs);
  const entry = {
    pcrs: policyPcrs,
    pkfp: hash('sha256', key.publicDer).toString('hex'),
    pol: Buffer.from(policy).toString('hex'),
    sig: Buffer.from(key.sign(policy)).toString('base64'),
  };
  return JSON.stringify({ sha256: [entry] });
}
