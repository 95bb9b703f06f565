import {
  constants,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  verify,
} from 'node:crypto';
import { eccCurve, type HashName, hashById } from '../tpm/constants.ts';
import type { TpmCryptography } from '../tpm/crypto-port.ts';
import type { EccKey, PublicArea, RsaKey } from '../tpm/public-area.ts';
import type { Signature } from '../tpm/signature.ts';

/** RFC 7518, section 6.2.1.1: names and coordinate sizes in octets of the curves that a TPM has too. */
const curves = new Map<number, { readonly crv: string; readonly openssl: string; readonly size: number }>([
  [eccCurve.p256, { crv: 'P-256', openssl: 'prime256v1', size: 32 }],
  [eccCurve.p384, { crv: 'P-384', openssl: 'secp384r1', size: 48 }],
  [eccCurve.p521, { crv: 'P-521', openssl: 'secp521r1', size: 66 }],
]);

/** A TPM writes 0 for the exponent that nearly every key has (Part 2, section 12.2.3.5). */
const defaultExponent = 65_537;

export const tpmCryptography: TpmCryptography = {
  random: (octets) => new Uint8Array(randomBytes(octets)),
  digest: (hash: HashName, data: Uint8Array) => new Uint8Array(createHash(hash).update(data).digest()),
  hmac: (hash, key, data) => new Uint8Array(createHmac(hash, createSecretKey(key)).update(data).digest()),
  encryptCfb: (key, iv, data) => concatenated(createCipheriv(`aes-${key.length * 8}-cfb`, key, iv), data),
  decryptCfb: (key, iv, data) => concatenated(createDecipheriv(`aes-${key.length * 8}-cfb`, key, iv), data),
  encryptOaep(key: RsaKey, hash, label, data) {
    try {
      const options = { key: publicKeyOf({ key }), padding: constants.RSA_PKCS1_OAEP_PADDING };
      return new Uint8Array(publicEncrypt({ ...options, oaepHash: hash, oaepLabel: label }, data));
    } catch {
      // OpenSSL throws for a modulus that is none.
      return undefined;
    }
  },
  agree(key: EccKey) {
    const curve = curves.get(key.curve);
    if (curve === undefined || key.x.length > curve.size || key.y.length > curve.size) return undefined;
    const { openssl, size } = curve;
    const ephemeral = createECDH(openssl);
    const point = ephemeral.generateKeys();
    try {
      const peer = Buffer.concat([Buffer.of(4), leftPad(key.x, size), leftPad(key.y, size)]);
      return {
        x: new Uint8Array(point.subarray(1, 1 + size)),
        y: new Uint8Array(point.subarray(1 + size)),
        shared: leftPad(ephemeral.computeSecret(peer), size),
      };
    } catch {
      // A point that is not on the curve.
      return undefined;
    }
  },
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
  if (key.type === 'keyedhash') throw new RangeError('a sealed object is no key');
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

function concatenated(cipher: ReturnType<typeof createCipheriv>, data: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([cipher.update(data), cipher.final()]));
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
