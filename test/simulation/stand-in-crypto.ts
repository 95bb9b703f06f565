import { createHmac, createSecretKey, hash } from 'node:crypto';
import { concatBytes, equalBytes, toHex } from '../../firmware/bytes/bytes.ts';
import { Secret } from '../../firmware/bytes/secret.ts';
import type { HashAlgorithm, HipCrypto } from '../../firmware/hip/crypto-port.ts';
import type { HostIdentity } from '../../firmware/hip/host-identity.ts';
import type { SeededRandom } from './random.ts';

/**
 * Cryptography for thousands of networks that repeat to the octet. Hashes are real. The public-key operations are
 * stand-ins with the same algebra: what two key pairs agree on is a hash over both public values, and a signature is a
 * hash over identity and message, which only the simulation's own signers make.
 */
export function standInCrypto(random: SeededRandom): HipCrypto {
  return {
    random: (length) => random.octets(length),
    hash: digest,
    hmac: (algorithm, key, data) =>
      new Uint8Array(createHmac(known(algorithm), createSecretKey(key)).update(data).digest()),
    generateKeyPair(group) {
      const publicValue = stretched(random.octets(32), publicValueLengths[group] ?? 64);
      return {
        group,
        publicValue,
        agree(peer) {
          if (peer.length !== publicValue.length) return undefined;
          const inOrder = [publicValue, peer].toSorted((left, right) =>
            toHex(left) < toHex(right) ? -1 : 1,
          );
          return new Secret(digest('sha256', concatBytes(...inOrder)));
        },
      };
    },
    encrypt: (_, key, iv, data) => masked(key, iv, data),
    decrypt: (_, key, iv, data) => masked(key, iv, data),
    verify: (identity, _, message, signature) => equalBytes(signature, standInSignature(identity, message)),
  };
}

/** An identity of P-256's form: curve, 0x04, X, Y (RFC 7401 §5.2.9). */
export function standInIdentity(random: SeededRandom): HostIdentity {
  return { algorithm: 7, octets: concatBytes(Uint8Array.of(0, 1, 4), random.octets(64)) };
}

/** Ninety-six octets, as of P-384: long enough that no group's signature is longer. */
export function standInSignature({ octets }: HostIdentity, message: Uint8Array): Uint8Array {
  return stretched(digest('sha256', concatBytes(octets, message)), 96);
}

/** RFC 3526 §2, §3 and §4, RFC 5903 §7: octets of a public value of each group. */
const publicValueLengths: Readonly<Record<number, number>> = {
  3: 192,
  4: 384,
  7: 64,
  8: 96,
  9: 132,
  11: 256,
};

function digest(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array {
  return new Uint8Array(hash(known(algorithm), data, 'buffer'));
}

/** What node:crypto has under this name; no gateway here has a HIT of any other hash. */
function known(algorithm: HashAlgorithm): 'sha256' | 'sha384' {
  if (algorithm !== 'sha256' && algorithm !== 'sha384') throw new RangeError(`no ${algorithm} here`);
  return algorithm;
}

function stretched(seed: Uint8Array, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  for (let index = 0; index < length; index++)
    octets[index] = (seed[index % seed.length] ?? 0) ^ (index >> 5);
  return octets;
}

function masked(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  return data.map((octet, index) => octet ^ (key[index % key.length] ?? 0) ^ (iv[index % iv.length] ?? 0));
}
