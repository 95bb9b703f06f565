import type { BlockCipher, DhGroup, HashAlgorithm } from './crypto-port.ts';
import type { HostIdentityTag } from './host-identity-tag.ts';

/** HIT suites (RFC 7401 §5.2.10, RFC 9374 §3.4.2): four bits in the HIT, the high four of an octet in HIT_SUITE_LIST. */
const hitSuiteHashes: ReadonlyMap<number, HashAlgorithm> = new Map([
  [1, 'sha256'],
  [2, 'sha384'],
  [3, 'sha1'],
  [5, 'cshake128'],
]);

/** The suites of peers' HITs that we take: ECDSA, RSA and EdDSA. */
export const peerHitSuites: readonly number[] = [2, 1, 5];

/**
 * Octets of each RHASH and of its HMAC. For suite 5, RFC 9374 §3.4.2 names cSHAKE128 and KMAC128 without their lengths or
 * a key derivation: here both give 256 bits, their full strength, and KMAC128 stands in HKDF where HMAC does (RFC 7401
 * §6.5). That concerns Responders of suite 5 alone; an Initiator's HIT has no say in RHASH.
 */
export const hashLengths: Readonly<Record<HashAlgorithm, number>> = {
  sha1: 20,
  sha256: 32,
  sha384: 48,
  cshake128: 32,
};

/** The suite that a HIT names. Our own is 2: ECDSA with SHA-384. */
export function hitSuite(hit: Uint8Array): number {
  return (hit[3] ?? 0) & 0x0f;
}

/** The hash of a HIT's suite, which is RHASH when the HIT is the Responder's (RFC 7401 §2.3), or undefined for an unknown suite. */
export function suiteHash(hit: Uint8Array): HashAlgorithm | undefined {
  return hitSuiteHashes.get(hitSuite(hit));
}

export function hashOfSuite(suite: number): HashAlgorithm | undefined {
  return hitSuiteHashes.get(suite);
}

/** RHASH where the suite was checked before: an unknown one is a defect. */
export function responderHash(responder: HostIdentityTag): HashAlgorithm {
  const hash = suiteHash(responder);
  if (hash === undefined) throw new RangeError(`HIT suite ${hitSuite(responder)} has no hash`);
  return hash;
}

/** Octets of a public value in each group that we know: X ‖ Y (RFC 5903 §7), or a number as long as the prime (RFC 3526). */
export const publicValueLengths: Readonly<Record<DhGroup, number>> = {
  3: 192,
  4: 384,
  7: 64,
  8: 96,
  9: 132,
  11: 256,
};

export function isDhGroup(group: number): group is DhGroup {
  return group in publicValueLengths;
}

/** HIP_CIPHER values (RFC 7401 §5.2.8). */
export type HipCipher = {
  readonly id: number;
  readonly name: BlockCipher | 'null';
  readonly keyLength: number;
};

export const hipCiphers: readonly HipCipher[] = [
  { id: 4, name: 'aes-256-cbc', keyLength: 32 },
  { id: 2, name: 'aes-128-cbc', keyLength: 16 },
  { id: 1, name: 'null', keyLength: 0 },
];

export type EspSuiteName =
  | 'aes-gcm-16'
  | 'aes-128-cbc-hmac-sha-256'
  | 'aes-256-cbc-hmac-sha-256'
  | 'aes-ccm-16'
  | 'null-hmac-sha-256';

export type EspSuite = {
  readonly id: number;
  readonly name: EspSuiteName;
  /** Octets drawn for encryption; AES-GCM's are a 128-bit key and the 4-octet salt (RFC 4106 §8.1), AES-CCM's salt has 3 (RFC 4309 §7.1). */
  readonly encryptionKeyLength: number;
  readonly authenticationKeyLength: number;
};

/** ESP_TRANSFORM values (RFC 7402 §5.1.2); 8 is mandatory. */
export const espSuites: readonly EspSuite[] = [
  { id: 13, name: 'aes-gcm-16', encryptionKeyLength: 20, authenticationKeyLength: 0 },
  { id: 8, name: 'aes-128-cbc-hmac-sha-256', encryptionKeyLength: 16, authenticationKeyLength: 32 },
  { id: 9, name: 'aes-256-cbc-hmac-sha-256', encryptionKeyLength: 32, authenticationKeyLength: 32 },
  { id: 11, name: 'aes-ccm-16', encryptionKeyLength: 19, authenticationKeyLength: 0 },
  { id: 7, name: 'null-hmac-sha-256', encryptionKeyLength: 0, authenticationKeyLength: 32 },
];

/** What a host offers and accepts in a base exchange, each list most preferred first. */
export type Offers = {
  readonly groups: readonly DhGroup[];
  readonly ciphers: readonly HipCipher[];
  readonly espSuites: readonly EspSuite[];
};

/**
 * Makes offers. P-256 comes first by default, being as strong as our own key; the MODP groups (3, 4, 11) and AES-CCM are
 * for peers that have nothing else. Encryption by NULL comes last and only where a setting allows it (RFC 7401 §5.2.8:
 * MUST NOT otherwise).
 */
export function makeOffers({
  groups = [7, 8, 9],
  ciphers = ['aes-256-cbc', 'aes-128-cbc'],
  suites = ['aes-gcm-16', 'aes-128-cbc-hmac-sha-256', 'aes-256-cbc-hmac-sha-256'],
  allowNullEncryption = false,
}: {
  readonly groups?: readonly DhGroup[];
  readonly ciphers?: readonly BlockCipher[];
  readonly suites?: readonly Exclude<EspSuiteName, 'null-hmac-sha-256'>[];
  readonly allowNullEncryption?: boolean;
} = {}): Offers {
  const cipherNames = [...ciphers, ...(allowNullEncryption ? ['null'] : [])];
  const suiteNames = [...suites, ...(allowNullEncryption ? ['null-hmac-sha-256'] : [])];
  return {
    groups,
    ciphers: cipherNames.flatMap((name) => hipCiphers.filter((cipher) => cipher.name === name)),
    espSuites: suiteNames.flatMap((name) => espSuites.filter((suite) => suite.name === name)),
  };
}

export const defaultOffers: Offers = makeOffers();

/** The ESP transport format in TRANSPORT_FORMAT_LIST: the type of ESP_TRANSFORM (RFC 7402 §4.1.1). */
export const espTransportFormat = 4095;
