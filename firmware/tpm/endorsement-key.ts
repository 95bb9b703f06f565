import { fromHex } from '../bytes/bytes.ts';
import { algorithm, eccCurve, objectAttribute } from './constants.ts';
import type { PublicArea } from './public-area.ts';

/**
 * PolicySecret(TPM_RH_ENDORSEMENT) in SHA-256: the policy "PolicyA" of the default endorsement keys (TCG EK Credential
 * Profile 2.5, annex B.3.2).
 */
export const endorsementKeyPolicy =
  fromHex('837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa') ?? new Uint8Array();

const common = {
  nameAlgorithm: algorithm.sha256,
  attributes:
    objectAttribute.fixedTpm |
    objectAttribute.fixedParent |
    objectAttribute.sensitiveDataOrigin |
    objectAttribute.adminWithPolicy |
    objectAttribute.restricted |
    objectAttribute.decrypt,
  authPolicy: endorsementKeyPolicy,
};

const symmetric = { algorithm: algorithm.aes, keyBits: 128, mode: algorithm.cfb };

/** The default endorsement keys: the low-range templates L-1 and L-2 of the same profile, annex B.3.3 and B.3.4. */
export const endorsementKeyTemplates: { readonly rsa2048: PublicArea; readonly p256: PublicArea } = {
  rsa2048: {
    ...common,
    key: { type: 'rsa', symmetric, scheme: null, keyBits: 2048, exponent: 0, modulus: new Uint8Array(256) },
  },
  p256: {
    ...common,
    key: {
      type: 'ecc',
      symmetric,
      scheme: null,
      curve: eccCurve.p256,
      kdf: null,
      x: new Uint8Array(32),
      y: new Uint8Array(32),
    },
  },
};
