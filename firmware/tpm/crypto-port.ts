import type { HashName } from './constants.ts';
import type { EccKey, PublicArea, RsaKey } from './public-area.ts';
import type { Signature } from './signature.ts';

/** The shared value of a one-pass Diffie-Hellman exchange (Part 1, annex C.6.1): coordinates as long as the field. */
export type EphemeralAgreement = {
  /** The ephemeral public point. */
  readonly x: Uint8Array;
  readonly y: Uint8Array;
  /** The x coordinate of the shared point. */
  readonly shared: Uint8Array;
};

/** The cryptography that this room takes from its surroundings. */
export interface TpmCryptography {
  random(octets: number): Uint8Array;
  digest(hash: HashName, data: Uint8Array): Uint8Array;
  hmac(hash: HashName, key: Uint8Array, data: Uint8Array): Uint8Array;
  /** AES in CFB mode with 128 bits of feedback; the key has 16, 24 or 32 octets, the initialization vector 16. */
  encryptCfb(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  decryptCfb(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  /** RSAES-OAEP with MGF1 of the same hash; undefined for a key that is none. */
  encryptOaep(key: RsaKey, hash: HashName, label: Uint8Array, data: Uint8Array): Uint8Array | undefined;
  /** Makes an ephemeral key and agrees with `key`; undefined for a curve without a name or a point that is not on it. */
  agree(key: EccKey): EphemeralAgreement | undefined;
  /** True where `signature` over `data` was made by the private part of `key`; false for anything else, malformed keys too. */
  verify(key: PublicArea, data: Uint8Array, signature: Signature): boolean;
}
