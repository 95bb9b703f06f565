import { algorithm, eccCurve, objectAttribute } from '../../firmware/tpm/constants.ts';
import type { PublicArea } from '../../firmware/tpm/public-area.ts';

const own =
  objectAttribute.fixedTpm |
  objectAttribute.fixedParent |
  objectAttribute.userWithAuth |
  objectAttribute.noDictionaryAttack;

/** A storage key: a parent for objects. */
export const storageTemplate: PublicArea = {
  nameAlgorithm: algorithm.sha256,
  attributes:
    own | objectAttribute.sensitiveDataOrigin | objectAttribute.restricted | objectAttribute.decrypt,
  authPolicy: new Uint8Array(),
  key: {
    type: 'ecc',
    symmetric: { algorithm: algorithm.aes, keyBits: 128, mode: algorithm.cfb },
    scheme: null,
    curve: eccCurve.p256,
    kdf: null,
    x: new Uint8Array(),
    y: new Uint8Array(),
  },
};

/** A sealed data object: its secret comes from the caller. */
export const sealedTemplate: PublicArea = {
  nameAlgorithm: algorithm.sha256,
  attributes: own,
  authPolicy: new Uint8Array(),
  key: { type: 'keyedhash', unique: new Uint8Array() },
};

/** An unrestricted P-256 signing key; the scheme is chosen at each signature. */
export const signingTemplate: PublicArea = {
  nameAlgorithm: algorithm.sha256,
  attributes: own | objectAttribute.sensitiveDataOrigin | objectAttribute.sign,
  authPolicy: new Uint8Array(),
  key: {
    type: 'ecc',
    symmetric: null,
    scheme: null,
    curve: eccCurve.p256,
    kdf: null,
    x: new Uint8Array(),
    y: new Uint8Array(),
  },
};
