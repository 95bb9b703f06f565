import { algorithm, eccCurve, objectAttribute } from './constants.ts';
import type { PublicArea } from './public-area.ts';

/** The members of a JSON Web Key (RFC 7518, sections 6.2 and 6.3) that a public key has. */
export type PublicJwk = {
  readonly kty?: string | undefined;
  readonly crv?: string | undefined;
  readonly x?: string | undefined;
  readonly y?: string | undefined;
  readonly n?: string | undefined;
  readonly e?: string | undefined;
};

/** RFC 7518, section 6.3.1.2: 65537, which a TPM writes as 0. */
const commonExponent = 'AQAB';

/**
 * The public area that a key which approves policies is loaded with. Its name is part of every authPolicy made for it, so
 * nothing of this may ever change: it is the one that systemd-cryptenroll uses for the key of `.pcrpkey`. P-256 and RSA
 * from 2048 to 4096 bits; undefined for other keys.
 */
export function releaseKeyArea({ kty, crv, x, y, n, e }: PublicJwk): PublicArea | undefined {
  const common = {
    nameAlgorithm: algorithm.sha256,
    attributes: objectAttribute.decrypt | objectAttribute.sign | objectAttribute.userWithAuth,
    authPolicy: new Uint8Array(),
  };
  if (kty === 'EC' && crv === 'P-256') {
    const [pointX, pointY] = [base64urlOctets(x ?? ''), base64urlOctets(y ?? '')];
    if (pointX?.length !== 32 || pointY?.length !== 32) return undefined;
    const parameters = { symmetric: null, scheme: null, curve: eccCurve.p256, kdf: null };
    return { ...common, key: { type: 'ecc', ...parameters, x: pointX, y: pointY } };
  }
  const modulus = base64urlOctets(n ?? '');
  if (kty !== 'RSA' || e !== commonExponent || modulus === undefined) return undefined;
  if (modulus.length < 256 || modulus.length > 512) return undefined;
  const parameters = { symmetric: null, scheme: null, keyBits: modulus.length * 8, exponent: 0 };
  return { ...common, key: { type: 'rsa', ...parameters, modulus } };
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** RFC 4648, section 5, without padding; undefined for anything else. */
function base64urlOctets(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined;
  const octets = new Uint8Array(Math.floor((text.length * 6) / 8));
  let [bits, count, length] = [0, 0, 0];
  for (const character of text) {
    const value = alphabet.indexOf(character);
    if (value < 0) return undefined;
    bits = ((bits << 6) | value) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      octets[length++] = (bits >>> count) & 0xff;
    }
  }
  return octets;
}
