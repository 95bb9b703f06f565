import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHmac,
  createPublicKey,
  createSecretKey,
  hash,
  type KeyObject,
  randomBytes,
  verify,
} from 'node:crypto';
import { toHex } from '../bytes/bytes.ts';
import { Secret } from '../bytes/secret.ts';
import type { DhGroup, DhKeyPair, HipCrypto } from '../hip/crypto-port.ts';
import { decodeEcdsaIdentity, type HostIdentity, hostIdentityAlgorithms } from '../hip/host-identity.ts';
import { signatureToDer } from './ecdsa-signature.ts';

const curveNames: Readonly<Record<DhGroup, string>> = { 7: 'prime256v1', 8: 'secp384r1', 9: 'secp521r1' };

/**
 * Node's cryptography behind the port of the HIP room. Keys are wrapped before use: Node finds out that an array is no
 * key object by catching its own exceptions, which costs more than an HMAC.
 */
export const hipCrypto: HipCrypto = {
  random: (length) => new Uint8Array(randomBytes(length)),
  hash: (algorithm, data) => new Uint8Array(hash(algorithm, data, 'buffer')),
  hmac: (algorithm, key, data) =>
    new Uint8Array(createHmac(algorithm, createSecretKey(key)).update(data).digest()),
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
    return (
      key !== undefined && isPaired(signature) && verify(algorithm, message, key, signatureToDer(signature))
    );
  },
};

/** r and s are of one length, up to that of P-384 (RFC 4754 §7). */
function isPaired(signature: Uint8Array): boolean {
  return signature.length > 0 && signature.length <= 96 && signature.length % 2 === 0;
}

function generateKeyPair(group: DhGroup): DhKeyPair {
  const ecdh = createECDH(curveNames[group]);
  const publicValue = new Uint8Array(ecdh.generateKeys()).subarray(1);
  return {
    group,
    publicValue,
    agree(peer) {
      if (peer.length !== publicValue.length) return undefined;
      try {
        return new Secret(new Uint8Array(ecdh.computeSecret(Buffer.concat([Buffer.of(4), peer]))));
      } catch {
        // A point that is not on the curve: the peer's doing, not a defect.
        return undefined;
      }
    },
  };
}

/** Every peer's key is used again and again, and parsing one costs about as much as a verification. */
const publicKeys = new Map<string, KeyObject>();
/** Above the largest overlay, so that peers do not push each other out. */
const mostPublicKeys = 16_384;

function publicKeyOf(identity: HostIdentity): KeyObject | undefined {
  const name = `${identity.algorithm}:${toHex(identity.octets)}`;
  const known = publicKeys.get(name);
  if (known !== undefined) return known;
  const key = parsePublicKey(identity);
  if (key === undefined) return undefined;
  if (publicKeys.size >= mostPublicKeys) publicKeys.clear();
  publicKeys.set(name, key);
  return key;
}

function parsePublicKey({ algorithm, octets }: HostIdentity): KeyObject | undefined {
  if (algorithm !== hostIdentityAlgorithms.ecdsa) return undefined;
  const point = decodeEcdsaIdentity(octets);
  if (!point.ok) return undefined;
  const { curve, x, y } = point.value;
  const coordinate = (value: Uint8Array) => Buffer.from(value).toString('base64url');
  try {
    const key = { kty: 'EC', crv: curve, x: coordinate(x), y: coordinate(y) };
    return createPublicKey({ key, format: 'jwk' });
  } catch {
    return undefined;
  }
}
