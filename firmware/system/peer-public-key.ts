import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { toHex } from '../bytes/bytes.ts';
import {
  decodeEcdsaIdentity,
  decodeEddsaIdentity,
  decodeRsaIdentity,
  type HostIdentity,
  hostIdentityAlgorithms,
} from '../hip/host-identity.ts';

/** Every peer's key is used again and again, and parsing one costs about as much as a verification. */
const publicKeys = new Map<string, KeyObject>();
/** Above the largest overlay, so that peers do not push each other out. */
const mostPublicKeys = 16_384;

/** The key of a host identity, or undefined where its octets are none of an algorithm that signatures are checked for. */
export function publicKeyOf(identity: HostIdentity): KeyObject | undefined {
  const name = `${identity.algorithm}:${toHex(identity.octets)}`;
  const known = publicKeys.get(name);
  if (known !== undefined) return known;
  const jwk = jsonWebKey(identity);
  const key = jwk && importKey(jwk);
  if (key === undefined) return undefined;
  if (publicKeys.size >= mostPublicKeys) publicKeys.clear();
  publicKeys.set(name, key);
  return key;
}

function jsonWebKey({ algorithm, octets }: HostIdentity): JsonWebKey | undefined {
  switch (algorithm) {
    case hostIdentityAlgorithms.ecdsa: {
      const point = decodeEcdsaIdentity(octets);
      if (!point.ok) return undefined;
      const { curve, x, y } = point.value;
      return { kty: 'EC', crv: curve, x: base64(x), y: base64(y) };
    }
    case hostIdentityAlgorithms.rsa: {
      const key = decodeRsaIdentity(octets);
      return key.ok ? { kty: 'RSA', e: base64(key.value.exponent), n: base64(key.value.modulus) } : undefined;
    }
    case hostIdentityAlgorithms.eddsa: {
      const key = decodeEddsaIdentity(octets);
      return key.ok ? { kty: 'OKP', crv: key.value.curve, x: base64(key.value.publicKey) } : undefined;
    }
    default:
      return undefined;
  }
}

function importKey(key: JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch {
    // A point that is not on its curve: the peer's doing, not a defect.
    return undefined;
  }
}

function base64(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64url');
}
