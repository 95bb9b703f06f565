/** A key that is open; reports have 64 octets. */
export interface KeyLine {
  /** Rejects once the key is gone. */
  write(report: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface KeySystem {
  /** What is plugged in and says that it is a security key, by what `open` takes. */
  list(): Promise<readonly string[]>;
  /** Rejects where it is gone again. */
  open(
    path: string,
    on: { readonly report: (report: Uint8Array) => void; readonly gone: () => void },
  ): Promise<KeyLine>;
}

export interface KeyCryptography {
  /** Whether this is the signature (DER) of the message by an uncompressed point of P-256, with SHA-256. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** The point of P-256 in a certificate (DER); null where it is none. */
  publicKeyOf(certificate: Uint8Array): Uint8Array | null;
}

export interface KeyPorts {
  readonly system: KeySystem;
  readonly cryptography: KeyCryptography;
  random(octets: number): Uint8Array;
  /** Milliseconds since any moment; does not jump. */
  elapsed(): number;
  /** Ends early where the signal says so, without an error. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}
