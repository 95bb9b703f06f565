import type { Result } from '../bytes/decode.ts';
import type { TpmCryptography } from '../tpm/crypto-port.ts';
import type { PublicArea } from '../tpm/public-area.ts';
import type { PublicJwk } from '../tpm/release-key.ts';

/** The public key that releases are signed with, as the verifier was told it. */
export interface ReleaseKey {
  readonly jwk: PublicJwk;
  /** SHA-256 over its SubjectPublicKeyInfo in DER, lower-case hexadecimal. */
  readonly keySha256: string;
  /** RSASSA-PKCS1-v1_5 with SHA-256. */
  verify(data: Uint8Array, signature: Uint8Array): boolean;
}

/** What appraising takes of its surroundings. */
export interface VerifierPorts {
  readonly cryptography: TpmCryptography;
  /**
   * Whether certificates (the endorsement key's own first, DER) lead to one of the verifier's roots, are in force, are for
   * an endorsement key (EKU 2.23.133.8.1), and are for this key. The value is the certificate's subject.
   */
  checkEndorsement(certificates: readonly Uint8Array[], key: PublicArea): Result<string, string>;
  /** The HIT of a P-256 key as text (RFC 7401 §3.2). */
  hitOf(key: { readonly x: Uint8Array; readonly y: Uint8Array }): string;
}
