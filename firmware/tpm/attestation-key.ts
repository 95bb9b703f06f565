import type { Tpm } from './client.ts';
import type { CreatedPrimary } from './commands/keys.ts';
import { algorithm, eccCurve, hierarchy, objectAttribute } from './constants.ts';
import type { TpmResult } from './error.ts';
import { withPrimaryKey } from './persistent-key.ts';
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
