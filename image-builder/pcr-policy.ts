import { createHash } from 'node:crypto';
import { type HashName, hashByName } from '../firmware/tpm/constants.ts';
import { pcrStep, policyDigest } from '../firmware/tpm/policy-digest.ts';
import { readSections } from './pe.ts';
import type { ReleaseKey } from './release-key.ts';

export type PcrAlgorithm = 'sha256' | 'sha384';

/**
 * The sections of a unified kernel image that systemd's stub measures, in its order, which is not theirs in the file
 * (systemd 257; UAPI.5 "UKI TPM PCR Measurements"). `.pcrsig` is left out, since it signs the result.
 */
const measuredNames = [
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

const hash = (algorithm: HashName, ...parts: readonly Uint8Array[]) => {
  const digest = createHash(algorithm);
  for (const part of parts) digest.update(part);
  return digest.digest();
};

const digestSizes = { sha256: 32, sha384: 48 } as const;

/** A section that the stub measures: the digests of its content, in hex. The name is measured before it. */
export type MeasuredSection = { readonly name: string } & Readonly<Record<PcrAlgorithm, string>>;

/** The sections of a unified kernel image that end up in PCR 11, in the stub's order. */
export function measuredSections(uki: Uint8Array): MeasuredSection[] {
  const sections = readSections(uki);
  return measuredNames.flatMap((name) => {
    const content = sections.get(name);
    if (content === undefined) return [];
    return [
      {
        name,
        sha256: hash('sha256', content).toString('hex'),
        sha384: hash('sha384', content).toString('hex'),
      },
    ];
  });
}

/**
 * PCR 11 after the stub has measured these sections: for each its name with a trailing NUL, then its content. Nothing
 * else extends it: the image has no boot phases.
 *
 * @returns the digest in hex
 */
export function predictPcr11(sections: readonly MeasuredSection[], algorithm: PcrAlgorithm): string {
  let value: Uint8Array = new Uint8Array(digestSizes[algorithm]);
  for (const section of sections) {
    const name = hash(algorithm, new TextEncoder().encode(`${section.name}\0`));
    for (const digest of [name, Buffer.from(section[algorithm], 'hex')])
      value = hash(algorithm, value, digest);
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
  const pcr11 = Buffer.from(predictPcr11(measuredSections(uki), 'sha256'), 'hex');
  const values = policyPcrs.map((index) => (index === 11 ? pcr11 : new Uint8Array(digestSizes.sha256)));
  const selection = [{ hash: hashByName('sha256').id, indexes: policyPcrs }];
  const digest = (algorithm: HashName, data: Uint8Array) => hash(algorithm, data);
  const policy = policyDigest({ digest }, 'sha256', pcrStep(selection, values));
  const entry = {
    pcrs: policyPcrs,
    pkfp: hash('sha256', key.publicDer).toString('hex'),
    pol: Buffer.from(policy).toString('hex'),
    sig: Buffer.from(key.sign(policy)).toString('base64'),
  };
  return JSON.stringify({ sha256: [entry] });
}
