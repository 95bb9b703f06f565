import { equalBytes } from '../bytes/bytes.ts';
import type { Tpm } from './client.ts';
import type { CreatedPrimary, ObjectPublic } from './commands/keys.ts';
import { algorithm, eccCurve, hierarchy, objectAttribute, ownHandle } from './constants.ts';
import type { TpmResult } from './error.ts';
import type { NamedHandle } from './frame.ts';
import { findPersistentKey, type PersistentKey, withPrimaryKey } from './persistent-key.ts';
import type { PublicArea } from './public-area.ts';

/**
 * An attestation key (AK): ECC P-256, ECDSA with SHA-256, restricted, so that it signs only what the TPM made itself and
 * a quote cannot be forged by signing chosen bytes (Part 1, section 31.3). No authorization, and no dictionary-attack
 * counter to lock.
 */
export const attestationKeyTemplate: PublicArea = {
  nameAlgorithm: algorithm.sha256,
  attributes:
    objectAttribute.fixedTpm |
    objectAttribute.fixedParent |
    objectAttribute.sensitiveDataOrigin |
    objectAttribute.userWithAuth |
    objectAttribute.noDictionaryAttack |
    objectAttribute.restricted |
    objectAttribute.sign,
  authPolicy: new Uint8Array(),
  key: {
    type: 'ecc',
    symmetric: null,
    scheme: { algorithm: algorithm.ecdsa, hash: algorithm.sha256 },
    curve: eccCurve.p256,
    kdf: null,
    x: new Uint8Array(),
    y: new Uint8Array(),
  },
};

/**
 * Lends `use` the attestation key in the endorsement hierarchy: a key of the owner hierarchy would attest obfuscated
 * counters and firmware version (Part 2, section 10.12.12). The key is flushed whatever `use` does; where that fails,
 * the result is its error, since every later command would pay for the leaked object.
 */
export function withAttestationKey<Value>(
  tpm: Tpm,
  use: (key: CreatedPrimary) => Promise<TpmResult<Value>>,
): Promise<TpmResult<Value>> {
  return withPrimaryKey(tpm, hierarchy.endorsement, attestationKeyTemplate, use);
}

/** An attestation key that can be used: the persistent one, or one that is loaded for a while. */
export type AttestationKey = NamedHandle & { readonly publicArea: PublicArea };

/** The persistent attestation key; undefined where there is none, or where what is there was not made by the template. */
export async function findAttestationKey(tpm: Tpm): Promise<TpmResult<PersistentKey | undefined>> {
  const found = await findPersistentKey(tpm, ownHandle.attestationKey);
  if (!found.ok || found.value === undefined || isAttestationKey(found.value)) return found;
  return { ok: true, value: undefined };
}

/** Lends the persistent attestation key, which loads nothing and takes no time, or else the one derived again. */
export async function withOwnAttestationKey<Value>(
  tpm: Tpm,
  use: (key: AttestationKey) => Promise<TpmResult<Value>>,
): Promise<TpmResult<Value>> {
  const kept = await findAttestationKey(tpm);
  if (!kept.ok) return kept;
  return kept.value === undefined ? withAttestationKey(tpm, use) : use(kept.value);
}

/** Made by the template: which of a TPM's keys that is follows from its seed. */
function isAttestationKey({ publicArea }: ObjectPublic): boolean {
  const { attributes, nameAlgorithm, key } = publicArea;
  return (
    key.type === 'ecc' &&
    nameAlgorithm === attestationKeyTemplate.nameAlgorithm &&
    attributes === attestationKeyTemplate.attributes &&
    equalBytes(publicArea.authPolicy, attestationKeyTemplate.authPolicy)
  );
}
