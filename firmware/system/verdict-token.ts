import { createPrivateKey, sign } from 'node:crypto';

const encoded = (part: object | Uint8Array) =>
  Buffer.from(part instanceof Uint8Array ? part : JSON.stringify(part)).toString('base64url');

/** A JSON Web Token (RFC 7519) of these claims, signed with ES256 (RFC 7518 §3.4). Throws where the PEM is no P-256 key. */
export function signToken(claims: object, privateKeyPem: string): string {
  const key = createPrivateKey(privateKeyPem);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new RangeError('the key is no P-256 key');
  const signed = `${encoded({ alg: 'ES256', typ: 'JWT' })}.${encoded(claims)}`;
  return `${signed}.${encoded(sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }))}`;
}
