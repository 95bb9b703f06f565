import type { Secret } from '../bytes/secret.ts';
import type { HostIdentity } from './host-identity.ts';

/**
 * What RHASH may be. cSHAKE128 gives 256 bits and has neither name nor customisation, which makes it SHAKE128; the HMAC
 * beside it is KMAC128, of 256 bits too (RFC 9374 §3.4.2, NIST SP 800-185).
 */
export type HashAlgorithm = 'sha1' | 'sha256' | 'sha384' | 'cshake128';
export type BlockCipher = 'aes-128-cbc' | 'aes-256-cbc';

/** MODP of 1536 and 3072 bits, NIST P-256, P-384 and P-521, MODP of 2048 bits (RFC 7401 §5.2.7). */
export type DhGroup = 3 | 4 | 7 | 8 | 9 | 11;

export type DhKeyPair = {
  readonly group: DhGroup;
  /** X ‖ Y, each as long as the curve's field (RFC 5903 §7), or a number as long as the MODP prime. */
  readonly publicValue: Uint8Array;
  /**
   * The X coordinate of the shared point (RFC 5903 §9), or the shared number as long as the prime, with its leading zeros.
   * Undefined when the peer's value is no point of the curve or no usable number. A number without its leading zeros is
   * taken: some peers strip them.
   */
  agree(peerPublicValue: Uint8Array): Secret | undefined;
};

/** What this room needs of cryptography and randomness, all synchronous. Host identity signatures are effects instead: that key may live in a TPM. */
export type HipCrypto = {
  random(length: number): Uint8Array;
  hash(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array;
  hmac(algorithm: HashAlgorithm, key: Uint8Array, data: Uint8Array): Uint8Array;
  generateKeyPair(group: DhGroup): DhKeyPair;
  /** CBC without padding: the data is a multiple of 16 octets. */
  encrypt(cipher: BlockCipher, key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  decrypt(cipher: BlockCipher, key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  /**
   * False for a wrong signature as for a key that cannot be used. ECDSA signatures are r ‖ s (RFC 4754 §7); RSA's are PSS
   * with a salt of any length; EdDSA hashes by itself.
   */
  verify(identity: HostIdentity, hash: HashAlgorithm, message: Uint8Array, signature: Uint8Array): boolean;
};
