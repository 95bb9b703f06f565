import {
  constants,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hash,
  randomBytes,
  verify,
} from 'node:crypto';
import type { HashAlgorithm, HipCrypto } from '../hip/crypto-port.ts';
import { hostIdentityAlgorithms } from '../hip/host-identity.ts';
import { hashLengths } from '../hip/suites.ts';
import { generateKeyPair } from './diffie-hellman.ts';
import { signatureToDer } from './ecdsa-signature.ts';
import { kmac128 } from './kmac.ts';
import { publicKeyOf } from './peer-public-key.ts';

/**
 * Node's cryptography behind the port of the HIP room. An exchange takes dozens of hashes of a few hundred octets, a
 * puzzle thousands, and there Node's objects cost more than the hashing: results come as strings, and an HMAC is two
 * hashes. Cipher keys are wrapped before use: Node finds out that an array is no key object by catching its own exceptions.
 */
export const hipCrypto: HipCrypto = {
  random: (length) => new Uint8Array(randomBytes(length)),
  hash: digest,
  hmac(algorithm, key, data) {
    if (algorithm === 'cshake128') return kmac128(key, data, hashLengths.cshake128);
    return hmac(algorithm, key, data);
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

function digest(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array {
  const text =
    algorithm === 'cshake128'
      ? hash('shake128', data, { outputEncoding: 'binary', outputLength: hashLengths.cshake128 })
      : hash(algorithm, data, 'binary');
  const octets = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) octets[index] = text.charCodeAt(index);
  return octets;
}

/** Octets that each hash takes in at once, to which HMAC fills its key (RFC 2104 §2). */
const blockLengths = { sha1: 64, sha256: 64, sha384: 128 } as const;

function hmac(algorithm: keyof typeof blockLengths, key: Uint8Array, data: Uint8Array): Uint8Array {
  const blockLength = blockLengths[algorithm];
  const shortKey = key.length > blockLength ? digest(algorithm, key) : key;
  const inner = new Uint8Array(blockLength + data.length).fill(0x36, 0, blockLength);
  const outer = new Uint8Array(blockLength + hashLengths[algorithm]).fill(0x5c, 0, blockLength);
  for (let index = 0; index < shortKey.length; index++) {
    const octet = shortKey[index] ?? 0;
    inner[index] = octet ^ 0x36;
    outer[index] = octet ^ 0x5c;
  }
  inner.set(data, blockLength);
  outer.set(digest(algorithm, inner), blockLength);
  return digest(algorithm, outer);
}
