import { createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import type { KeyCryptography } from '../security-key/ports.ts';

/** SubjectPublicKeyInfo of P-256 up to the point (RFC 5480 §2). */
const p256Header = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');
const pointOctets = 65;

/** What security keys sign, verified with Node's OpenSSL. */
export const keyCryptography: KeyCryptography = {
  verify(publicKey, message, signature) {
    const key = keyOf(publicKey);
    return key !== null && verify('sha256', message, key, signature);
  },
  publicKeyOf(certificate) {
    try {
      const der = new X509Certificate(certificate).publicKey.export({ format: 'der', type: 'spki' });
      const isP256 = der.length === p256Header.length + pointOctets && der.indexOf(p256Header) === 0;
      return isP256 ? new Uint8Array(der.subarray(p256Header.length)) : null;
    } catch {
      return null;
    }
  },
};

/** Null where it is no point of the curve. */
function keyOf(point: Uint8Array): KeyObject | null {
  if (point.length !== pointOctets) return null;
  try {
    return createPublicKey({ key: Buffer.concat([p256Header, point]), format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}
