import { concatBytes } from '../bytes/bytes.ts';
import { Writer } from '../bytes/writer.ts';
import { hashById } from './constants.ts';
import type { TpmCryptography } from './crypto-port.ts';
import { kdfA } from './kdf.ts';
import { limits } from './limits.ts';
import { protectSecret } from './protected-secret.ts';
import type { PublicArea } from './public-area.ts';
import { writeSized } from './sized.ts';

/** A credential as ActivateCredential takes it: the contents of a TPM2B_ID_OBJECT and a TPM2B_ENCRYPTED_SECRET. */
export type Credential = { readonly blob: Uint8Array; readonly encryptedSeed: Uint8Array };

/**
 * Encrypts `credential` so that only the TPM with `endorsementKey` gives it back, and only where it also holds the
 * object named `objectName` (Part 1, section 24). undefined where the key is no such storage key; keys come from outside.
 */
export function makeCredential(
  cryptography: TpmCryptography,
  endorsementKey: PublicArea,
  objectName: Uint8Array,
  credential: Uint8Array,
): Credential | undefined {
  const hash = hashById(endorsementKey.nameAlgorithm);
  if (hash === undefined || endorsementKey.key.type === 'keyedhash') return undefined;
  const { symmetric } = endorsementKey.key;
  if (symmetric === null || credential.length > hash.digestSize || objectName.length > limits.nameSize)
    return undefined;
  if (symmetric.keyBits !== 128 && symmetric.keyBits !== 256) return undefined;
  const seed = protectSecret(cryptography, endorsementKey, 'IDENTITY');
  if (seed === undefined) return undefined;
  const none = new Uint8Array();
  const keySize = symmetric.keyBits / 8;
  const key = kdfA(cryptography, hash.name, seed.secret, 'STORAGE', objectName, none, keySize);
  const identity = writeSized(new Writer(), credential).finish();
  const encrypted = cryptography.encryptCfb(key, new Uint8Array(16), identity);
  const macKey = kdfA(cryptography, hash.name, seed.secret, 'INTEGRITY', none, none, hash.digestSize);
  const mac = cryptography.hmac(hash.name, macKey, concatBytes(encrypted, objectName));
  return {
    blob: writeSized(new Writer(), mac).bytes(encrypted).finish(),
    encryptedSeed: seed.encrypted,
  };
}
