import { Writer } from '../bytes/writer.ts';
import { hashById } from './constants.ts';
import type { TpmCryptography } from './crypto-port.ts';
import { kdfE, labelOctets } from './kdf.ts';
import type { PublicArea } from './public-area.ts';
import { writeSized } from './sized.ts';

/** A secret that only the TPM with the private part of a key can read, as plain octets and as that TPM takes them. */
export type ProtectedSecret = {
  readonly secret: Uint8Array;
  /** The content of a TPM2B_ENCRYPTED_SECRET (Part 2, section 11.4.3). */
  readonly encrypted: Uint8Array;
};

/**
 * Makes a secret for the holder of a decryption key: OAEP for RSA (Part 1, annex B.10), one-pass ECDH with KDFe for ECC
 * (annex C.6). `label` says what for: `SECRET` for a session's salt, `IDENTITY` for a credential. undefined where the key
 * is not one that can be used so; keys come from outside.
 */
export function protectSecret(
  cryptography: TpmCryptography,
  { key, nameAlgorithm }: PublicArea,
  label: 'SECRET' | 'IDENTITY',
): ProtectedSecret | undefined {
  const hash = hashById(nameAlgorithm);
  if (hash === undefined || key.type === 'keyedhash') return undefined;
  if (key.type === 'rsa') {
    const secret = cryptography.random(hash.digestSize);
    const encrypted = cryptography.encryptOaep(key, hash.name, labelOctets(label), secret);
    return encrypted === undefined ? undefined : { secret, encrypted };
  }
  const agreement = cryptography.agree(key);
  if (agreement === undefined) return undefined;
  const { x, y, shared } = agreement;
  // Both x coordinates go in as long as the field, which is how the ephemeral one comes.
  const ownX = new Uint8Array(x.length);
  ownX.set(key.x, x.length - key.x.length);
  const secret = kdfE(cryptography, hash.name, shared, label, x, ownX, hash.digestSize);
  return { secret, encrypted: writeSized(writeSized(new Writer(), x), y).finish() };
}
