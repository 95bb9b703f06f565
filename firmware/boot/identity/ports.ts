import type { TpmCryptography } from '../../tpm/crypto-port.ts';
import type { PublicJwk } from '../../tpm/release-key.ts';
import type { TpmAccess } from '../tpm-status.ts';

/** The private half of a host identity, wherever it lives: ECDSA P-256. Coordinates have 32 octets. */
export interface IdentityKey {
  readonly x: Uint8Array;
  readonly y: Uint8Array;
  /** ECDSA over the message's SHA-384 as r ‖ s. Rejects where the key cannot sign now. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

export type OpenTpm = Pick<Extract<TpmAccess, { state: 'open' }>, 'transmit' | 'close'>;

/** The release's public key as the image carries it. */
export type ReleasePublicKey = {
  readonly jwk: PublicJwk;
  /** SHA-256 over the key's RSAPublicKey in DER, lower-case hexadecimal: how the signed policies name their signer. */
  readonly fingerprint: string;
};

/** What the identity needs of the operating system. */
export interface IdentityPorts {
  openTpm(): Promise<TpmAccess>;
  readonly cryptography: TpmCryptography;
  wait(milliseconds: number): Promise<void>;
  /** Milliseconds that only advance. */
  now(): number;
  /** What is kept on the state partition of the identity that was made; null where none ever was. */
  readonly record: { read(): Promise<string | null>; write(text: string): Promise<void> };
  /** The signed PCR policies and the key that the loader handed on from the kernel image; null where it has none. */
  release(): { readonly policies: string | null; readonly key: ReleasePublicKey | null };
  /** True where everybody has the private half of the release key. */
  readonly developmentImage: boolean;
  readonly software: {
    /** Null where there is no key; rejects where one is there that cannot be used. */
    open(): Promise<IdentityKey | null>;
    /** Makes a key in the place of the one that is there. */
    make(): Promise<IdentityKey>;
    forget(): Promise<void>;
  };
  /** The HIT of a public key as text (RFC 7401 §3.2). */
  hitOf(key: Pick<IdentityKey, 'x' | 'y'>): string;
}
