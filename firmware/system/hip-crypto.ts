import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  randomBytes,
  verify,
} from 'node:crypto';
import type { HipCrypto } from '../hip/crypto-port.ts';
import { hostIdentityAlgorithms } from '../hip/host-identity.ts';
import { hashLengths } from '../hip/suites.ts';
import { generateKeyPair } from './diffie-hellman.ts';
import { signatureToDer } from './ecdsa-signature.ts';
import { kmac128 } from './kmac.ts';
import { publicKeyOf } from './peer-public-key.ts';

/**
 * Node's cryptography behind the port of the HIP room. Keys are wrapped before use: Node finds out that an array is no
 * key object by catching its own exceptions, which costs more than an HMAC.
 */
export const hipCrypto: HipCrypto = {
  random: (length) => new Uint8Array(randomBytes(length)),
  hash(algorithm, data) {
    if (algorithm !== 'cshake128') return new Uint8Array(hash(algorithm, data, 'buffer'));
    return new Uint8Array(
      hash('shake128', data, { outputEncoding: 'buffer', outputLength: hashLengths.cshake128 }),
    );
  },
  hmac(algorithm, key, data) {
    if (algorithm === 'cshake128') return kmac128(key, data, hashLengths.cshake128);
    return new Uint8Array(createHmac(algorithm, createSecretKey(key)).update(data).digest());
  },
  generateKeyPair,
  encrypt(cipher, key, iv, data) {
    const encryption = createCipheriv(cipher, createSecretKey(key), iv).setAutoPadding(false);
    return new Uint8Array(Buffer.concat([encryption.update(data), encryption.final()]));
  },
  decrypt(cipher, key, iv, data) {
    const decryption = createDecipheriv(cipher, createSecretKey(key), iv).setAutoPadding(false);
    return new Uint8Array(Buffer.concat([decryption.update(data), decryption.final()]));
  },
  verify(identity, algorithm, message, signature) {
    const key = publicKeyOf(identity);
    if (key === undefined) return false;
    switch (identity.algorithm) {
      case hostIdentityAlgorithms.ecdsa:
        return isPaired(signature) && verify(algorithm, message, key, signatureToDer(signature));
      case hostIdentityAlgorithms.rsa: {
        const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_AUTO: saltLength } = constants;
        return verify(algorithm, message, { key, padding, saltLength }, signature);
      }
      default:
        return verify(null, message, key, signature);
    }
  },
};

/** r and s are of one length, up to that of P-384 (RFC 4754 §7). */
function isPaired(signature: Uint8Array): boolean {
  return signature.length > 0 && signature.length <= 96 && signature.length % 2 === 0;
}
