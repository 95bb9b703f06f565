import type { BlockCipher, DhGroup, HashAlgorithm } from './crypto-port.ts';
import type { HostIdentityTag } from './host-identity-tag.ts';

/** HIT suites (RFC 7401 §5.2.10): four bits in the HIT, the high four of an octet in HIT_SUITE_LIST. */
const hitSuiteHashes: ReadonlyMap<number, HashAlgorithm> = new Map([
  [1, 'sha256'],
  [2, 'sha384'],
  [3, 'sha1'],
]);

/** The suite of our own HIT: ECDSA with SHA-384. */
export const ownHitSuite = 2;

export const hashLengths: Readonly<Record<HashAlgorithm, number>> = { sha1: 20, sha256: 32, sha384: 48 };

function hitSuite(hit: Uint8Array): number {
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

/** Our groups, most preferred first: P-256 is as strong as our own key, and the others serve peers that want more. */
export const dhGroups: readonly DhGroup[] = [7, 8, 9];

export function isDhGroup(group: number): group is DhGroup {
  return group === 7 || group === 8 || group === 9;
}

export type HipCipher = { readonly id: number; readonly name: BlockCipher; readonly keyLength: number };

/** HIP_CIPHER values that we take part in, most preferred first (RFC 7401 §5.2.8). NULL-ENCRYPT is for debugging and is refused. */
export const hipCiphers: readonly HipCipher[] = [
  { id: 4, name: 'aes-256-cbc', keyLength: 32 },
  { id: 2, name: 'aes-128-cbc', keyLength: 16 },
];

export type EspSuiteName = 'aes-gcm-16' | 'aes-128-cbc-hmac-sha-256' | 'aes-256-cbc-hmac-sha-256';

export type EspSuite = {
  readonly id: number;
  readonly name: EspSuiteName;
  /** Octets drawn for encryption; AES-GCM's are a 128-bit key and the 4-octet salt (RFC 4106 §8.1). */
  readonly encryptionKeyLength: number;
  readonly authenticationKeyLength: number;
};

/** ESP_TRANSFORM values that we take part in, most preferred first (RFC 7402 §5.1.2); 8 is mandatory. Authentication-only suites are refused. */
export const espSuites: readonly EspSuite[] = [
  { id: 13, name: 'aes-gcm-16', encryptionKeyLength: 20, authenticationKeyLength: 0 },
  { id: 8, name: 'aes-128-cbc-hmac-sha-256', encryptionKeyLength: 16, authenticationKeyLength: 32 },
  { id: 9, name: 'aes-256-cbc-hmac-sha-256', encryptionKeyLength: 32, authenticationKeyLength: 32 },
];

/** The ESP transport format in TRANSPORT_FORMAT_LIST: the type of ESP_TRANSFORM (RFC 7402 §4.1.1). */
export const espTransportFormat = 4095;
