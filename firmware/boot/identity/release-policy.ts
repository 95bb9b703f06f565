import { z } from 'zod';
import { equalBytes, fromHex } from '../../bytes/bytes.ts';
import type { ApprovedPolicy } from '../../tpm/authorized-signer.ts';
import { algorithm } from '../../tpm/constants.ts';
import type { TpmCryptography } from '../../tpm/crypto-port.ts';
import { pcrStep, policyDigest } from '../../tpm/policy-digest.ts';
import { releaseKeyArea } from '../../tpm/release-key.ts';
import type { Signature } from '../../tpm/signature.ts';
import type { ReleasePublicKey } from './ports.ts';

const hex = z.string().regex(/^([0-9a-fA-F]{2})+$/);

/** The `.pcrsig` section of a unified kernel image (systemd-measure(1)); other banks than SHA-256 are passed over. */
const signedPolicies = z.object({
  sha256: z
    .array(
      z.object({
        pcrs: z.array(z.int().min(0).max(23)).min(1).max(24),
        pkfp: hex,
        pol: hex.length(64),
        sig: z.base64(),
      }),
    )
    .max(64),
});

export type ReleasePolicies =
  | { readonly state: 'signed'; readonly policies: readonly [ApprovedPolicy, ...ApprovedPolicy[]] }
  /** The image is of no release: nothing on it says which PCRs the identity may be used with. */
  | { readonly state: 'none'; readonly reason: string };

/** Reads the policies that the release key signed. Whether the signatures are right, the TPM will tell. */
export function readReleasePolicies(text: string | null, key: ReleasePublicKey | null): ReleasePolicies {
  if (text === null || key === null) {
    return { state: 'none', reason: 'the image carries no signed PCR policy' };
  }
  const releaseKey = releaseKeyArea(key.jwk);
  if (releaseKey === undefined)
    return { state: 'none', reason: 'the release key is of a kind that TPMs do not take' };
  const document = parsed(text);
  if (document === undefined) return { state: 'none', reason: 'the signed PCR policy is not readable' };
  const [first, ...others] = document.sha256
    .filter(({ pkfp }) => pkfp.toLowerCase() === key.fingerprint)
    .flatMap(({ pcrs, pol, sig }): ApprovedPolicy[] => {
      const policy = fromHex(pol);
      if (policy === undefined) return [];
      const selections = [{ hash: algorithm.sha256, indexes: pcrs }];
      return [
        { releaseKey, selections, policy, signature: signatureOf(releaseKey.key.type, base64Octets(sig)) },
      ];
    });
  if (first === undefined)
    return { state: 'none', reason: 'the release key signed none of the PCR policies' };
  return { state: 'signed', policies: [first, ...others] };
}

/** The policy that the PCRs of this boot fulfil: with it the key signs. undefined where what booted is not the release's. */
export function fulfilledPolicy(
  policies: readonly ApprovedPolicy[],
  pcrs: ReadonlyMap<number, Uint8Array>,
  cryptography: Pick<TpmCryptography, 'digest'>,
): ApprovedPolicy | undefined {
  return policies.find(({ selections, policy }) => {
    const indexes = [...new Set(selections.flatMap(({ indexes }) => indexes))].sort((a, b) => a - b);
    const values = indexes.map((index) => pcrs.get(index) ?? new Uint8Array());
    return equalBytes(policy, policyDigest(cryptography, 'sha256', pcrStep(selections, values)));
  });
}

function signatureOf(type: 'ecc' | 'rsa' | 'keyedhash', octets: Uint8Array): Signature {
  if (type !== 'ecc') return { scheme: 'rsassa', hash: algorithm.sha256, signature: octets };
  const half = octets.length / 2;
  return { scheme: 'ecdsa', hash: algorithm.sha256, r: octets.slice(0, half), s: octets.slice(half) };
}

function parsed(text: string): z.infer<typeof signedPolicies> | undefined {
  try {
    return signedPolicies.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function base64Octets(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
