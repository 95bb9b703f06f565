import type { LogEntry, Status } from './api/status-schema.ts';

/** Small secrets on the state partition, one file each, readable by the owner alone. */
export interface SecretFiles {
  /** The file's text, or null where there is none. Rejects where it is there but cannot be read. */
  read(name: string): Promise<string | null>;
  /** Replaces the file in one step, so that a power cut leaves the old or the new one. */
  write(name: string, text: string): Promise<void>;
}

/** The box's log: a bounded ring whose lines are numbered from 1 upwards. */
export interface LogReader {
  /** The newest `limit` lines with a number above `after`, oldest first, and the number of the newest line there is. */
  read(after: number, limit: number): { readonly entries: readonly LogEntry[]; readonly newest: number };
}

export type WriteLog = (level: LogEntry['level'], message: string) => void;

/** Everything that the status shows, as far as it is known now; cheap, since it is asked for every two seconds. */
export type ReadStatus = () => Omit<Status, 'time' | 'claimed' | 'log'>;

/** What came of the word to give the host identity up. */
export type ReplaceIdentityOutcome =
  | { readonly outcome: 'replaced'; readonly identity: Status['identity'] }
  /** The identity that was named is not the one that the box has or had. */
  | { readonly outcome: 'other-identity'; readonly hit: string | null }
  | { readonly outcome: 'failed'; readonly problem: Status['warnings'][number] };

/** Gives up the identity with this HIT (`none`: one that nothing is known of) and makes a new one. */
export type ReplaceIdentity = (hit: string) => Promise<ReplaceIdentityOutcome>;

/** Whether somebody has just pressed the button on the box's front panel. */
export interface ShownPresence {
  /** True on a box without such a panel. Where nobody has, the panel asks for it from now on. */
  shown(): boolean;
  /** What it was needed for is done: the next time it takes another press. */
  used(): void;
}

/** A credential in a security key: what the key knows it by, and what its signatures are verified with. */
export interface KeyCredential {
  /** SHA-256 of what it was made for. */
  readonly application: Uint8Array;
  readonly handle: Uint8Array;
  /** An uncompressed point of P-256 (SEC 1 § 2.3.3). */
  readonly publicKey: Uint8Array;
}

/**
 * Why no key has done what was asked.
 * - `none`: none is plugged in.
 * - `other-key`: those that are have none of these credentials; `known-key`: they have one already.
 * - `not-touched`: nobody touched it in time.
 * - `no-u2f`: it does not speak U2F; `unfit`: it did not keep to the protocol.
 * - `cancelled`: the signal said so.
 */
export type KeyRefusal =
  | 'none'
  | 'other-key'
  | 'known-key'
  | 'not-touched'
  | 'no-u2f'
  | 'unfit'
  | 'cancelled';

/** The security keys in the box's USB ports. Both wait for a touch. */
export interface SecurityKeys {
  /** A new credential, unless the key has one of those that are known. */
  register(
    application: Uint8Array,
    known: readonly KeyCredential[],
    signal: AbortSignal,
  ): Promise<KeyCredential | KeyRefusal>;
  /** Which credential's key was touched, and how often it says to have signed. */
  prove(
    credentials: readonly KeyCredential[],
    signal: AbortSignal,
  ): Promise<{ readonly index: number; readonly counter: number } | KeyRefusal>;
}

/** Milliseconds since 1970 by the box's clock, which may be wrong until the network has set it. */
export type ReadClock = () => number;

export type RandomBytes = (length: number) => Uint8Array;

/** scrypt (RFC 7914) off the main thread; takes 128·n·r octets of memory. */
export type DerivePassword = (
  password: string,
  salt: Uint8Array,
  cost: { readonly n: number; readonly r: number; readonly p: number },
  octets: number,
) => Promise<Uint8Array>;

/** SHA-256 of the text's UTF-8, in lower-case hexadecimal. */
/**
 * The OpenAPI document of this very version, as JSON, where it was written beforehand: it takes a second of a small
 * processor, in which nothing else is answered. Does not fail: null where there is none.
 */
export type ReadApiDocument = () => Promise<string | null>;

export type Sha256 = (text: string) => string;

/** Something that somebody did to the box, or tried to. */
export interface AuditEntry {
  readonly who: string;
  /** Address; null where it came from none. */
  readonly from: string | null;
  readonly act: string;
  readonly what: string;
  readonly outcome: 'done' | 'refused' | 'failed';
}

export interface StoredAuditEntry extends AuditEntry {
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** Who did what; kept by the box through restarts. */
export interface AuditLog {
  /** Never fails: what cannot be kept is told in the box's own log. */
  add(entry: AuditEntry): void;
  /** Newest first, from below `before` on; null where the entries cannot be read. */
  page(options: { readonly before?: number | undefined; readonly limit: number }): Promise<{
    readonly entries: readonly StoredAuditEntry[];
    readonly before: number | null;
  } | null>;
}

/** A key pair for TLS on the curve P-256. */
export interface SigningKey {
  /** PKCS #8, PEM. */
  readonly privateKeyPem: string;
  /** SubjectPublicKeyInfo, DER (RFC 5480 § 2). */
  readonly publicKeyDer: Uint8Array;
  /** ECDSA with SHA-256; the signature as DER (RFC 3279 § 2.2.3). */
  sign(message: Uint8Array): Uint8Array;
}

/** What X.509 says about a stored certificate, read without trusting the file. */
export interface CertificateFacts {
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  /** SHA-256 over the DER, upper-case hexadecimal with colons, as browsers show it. */
  readonly fingerprint: string;
}

export interface CertificateKeys {
  generate(): Promise<SigningKey>;
  /** Null where the two PEM texts cannot be read or do not belong together. */
  inspect(privateKeyPem: string, certificatePem: string): CertificateFacts | null;
}

export interface TlsCredentials {
  readonly privateKeyPem: string;
  readonly certificatePem: string;
  readonly fingerprint: string;
}

/** How a request came: over HTTPS or HTTP from a port, or over the socket that only the box's root may open. */
export interface Connection {
  readonly transport: 'https' | 'http' | 'local';
  readonly remoteAddress: string;
  /** Whether an earlier request on the same connection has no whole answer yet. */
  readonly isPipelined: boolean;
}

/** Of an answer to what never became a request that a handler sees. */
export type BrokenStatus = 400 | 408 | 431 | 500;

export type WebHandler = (request: Request, connection: Connection) => Response | Promise<Response>;

/** One address that could not be listened on, in words for the log. */
export interface ListenFailure {
  readonly address: string;
  readonly reason: string;
}

/** Sockets of the page: one listener an address and port, never the wildcard address. */
export interface WebListeners {
  /** Starts what is new, closes what is no longer listed, leaves alone what stays. */
  setAddresses(addresses: readonly string[]): Promise<readonly ListenFailure[]>;
  /** A UNIX socket with mode 0600, for the command line. */
  listenLocally(path: string): Promise<void>;
  close(): Promise<void>;
}

/** How much of a box one or all clients may hold; `limits.ts` has the values and their reasons. Times in milliseconds. */
export interface ConnectionBounds {
  readonly headerBytes: number;
  readonly headerCount: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly handshakeMs: number;
  readonly headersMs: number;
  readonly requestMs: number;
  readonly idleMs: number;
  readonly keepAliveMs: number;
}

export interface ListenerOptions {
  readonly bounds: ConnectionBounds;
  readonly credentials: TlsCredentials;
  readonly handler: WebHandler;
  /** Answer to a request that is not understood well enough to become a `Request`. */
  readonly broken: (status: BrokenStatus) => Response;
  readonly httpsPort: number;
  /** Null: no plain HTTP at all. */
  readonly httpPort: number | null;
}
