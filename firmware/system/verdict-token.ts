import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';

const encoded = (part: object | Uint8Array) =>
  Buffer.from(part instanceof Uint8Array ? part : JSON.stringify(part)).toString('base64url');

/** A JSON Web Token (RFC 7519) of these claims, signed with ES256 (RFC 7518 §3.4). Throws where the PEM is no P-256 key. */
export function signToken(claims: object, privateKeyPem: string): string {
  const key = createPrivateKey(privateKeyPem);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new RangeError('the key is no P-256 key');
  const signed = `${encoded({ alg: 'ES256', typ: 'JWT' })}.${encoded(claims)}`;
  return `${signed}.${encoded(sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }))}`;
}

/** The claims of a token that one of these keys (PEM) signed; null for any other text, and where no key is one. */
export function readToken(token: string, publicKeysPem: readonly string[]): unknown {
  const [header = '', claims = '', signature = '', ...more] = token.split('.');
  if (more.length > 0 || field(header, 'alg') !== 'ES256') return null;
  const signed = Buffer.from(`${header}.${claims}`);
  const octets = Buffer.from(signature, 'base64url');
  const isGood = publicKeysPem.some((pem) => {
    try {
      const key = createPublicKey(pem);
      if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false;
      return verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, octets);
    } catch {
      return false;
    }
  });
  return isGood ? decoded(claims) : null;
}

function field(part: string, name: string): unknown {
  const value = decoded(part);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function decoded(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown;
  } catch {
    return null;
  }
}
