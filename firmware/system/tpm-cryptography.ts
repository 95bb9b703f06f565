import { constants, createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { eccCurve, type HashName, hashById } from '../tpm/constants.ts';
import type { EccKey, PublicArea } from '../tpm/public-area.ts';
import type { TpmCryptography } from '../tpm/quoted-pcrs.ts';
import type { Signature } from '../tpm/signature.ts';

/** RFC 7518, section 6.2.1.1: names and coordinate sizes in octets of the curves that a TPM has too. */
const curves = new Map<number, { readonly crv: string; readonly size: number }>([
  [eccCurve.p256, { crv: 'P-256', size: 32 }],
  [eccCurve.p384, { crv: 'P-384', size: 48 }],
  [eccCurve.p521, { crv: 'P-521', size: 66 }],
]);

/** A TPM writes 0 for the exponent that nearly every key has (Part 2, section 12.2.3.5). */
const defaultExponent = 65_537;

export const tpmCryptography: TpmCryptography = {
  digest: (hash: HashName, data: Uint8Array) => new Uint8Array(createHash(hash).update(data).digest()),
  verify({ key }, data, signature) {
    const hash = hashById(signature.hash);
    if (hash === undefined) return false;
    try {
      return verifyWith(key, hash.name, data, signature);
    } catch {
      // OpenSSL throws for a point that is not on its curve, a modulus that is none, a signature of another key type.
      return false;
    }
  },
};

/** A TPM's public key as Node's cryptography takes it. Throws for a curve without a name here or a key that is none. */
export function publicKeyOf({ key }: Pick<PublicArea, 'key'>): KeyObject {
  if (key.type === 'rsa') {
    const exponent = new Uint8Array(4);
    new DataView(exponent.buffer).setUint32(0, key.exponent === 0 ? defaultExponent : key.exponent);
    return createPublicKey({
      key: { kty: 'RSA', n: base64url(key.modulus), e: base64url(exponent) },
      format: 'jwk',
    });
  }
  const { crv, size } = curveOf(key);
  const [x, y] = [base64url(leftPad(key.x, size)), base64url(leftPad(key.y, size))];
  return createPublicKey({ key: { kty: 'EC', crv, x, y }, format: 'jwk' });
}

function verifyWith(key: PublicArea['key'], hash: HashName, data: Uint8Array, signature: Signature): boolean {
  const publicKey = publicKeyOf({ key });
  if (signature.scheme === 'ecdsa') {
    if (key.type !== 'ecc') return false;
    const { size } = curveOf(key);
    const bothHalves = Buffer.concat([leftPad(signature.r, size), leftPad(signature.s, size)]);
    return verify(hash, data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, bothHalves);
  }
  if (key.type !== 'rsa') return false;
  if (signature.scheme === 'rsassa') {
    return verify(hash, data, { key: publicKey, padding: constants.RSA_PKCS1_PADDING }, signature.signature);
  }
  // Part 1, annex B.7: TPMs differ in the length of the salt, which a verifier can tell from the signature.
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
  return verify(hash, data, { key: publicKey, ...padding }, signature.signature);
}

function curveOf({ curve }: EccKey): { readonly crv: string; readonly size: number } {
  const found = curves.get(curve);
  if (found === undefined) throw new RangeError(`no name for the curve 0x${curve.toString(16)}`);
  return found;
}

/** A TPM may leave out leading zeros of a number. */
function leftPad(value: Uint8Array, size: number): Uint8Array {
  if (value.length > size) throw new RangeError(`${value.length} octets where ${size} are the most`);
  const padded = new Uint8Array(size);
  padded.set(value, size - value.length);
  return padded;
}

function base64url(value: Uint8Array): string {
  return Buffer.from(value).toString('base64url');
}
