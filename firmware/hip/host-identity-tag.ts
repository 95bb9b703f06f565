import { compareBytes, concatBytes, fromHex } from '../bytes/bytes.ts';
import { formatIpv6, parseIpv6 } from '../bytes/ipv6-text.ts';
import type { HipCrypto } from './crypto-port.ts';
import type { HostIdentity } from './host-identity.ts';
import { hashLengths, hashOfSuite } from './suites.ts';

declare const brand: unique symbol;

/** Sixteen octets below 2001:20::/28 (RFC 7343 §2). Made by `hostIdentityTag`, `parseHit` or `computeHit` alone. */
export type HostIdentityTag = Uint8Array & { readonly [brand]: 'HostIdentityTag' };

const hitLength = 16;

/** The ORCHIDv2 prefix as it stands in policies and routes (RFC 7343 §6). */
export const hitPrefix = '2001:20::/28';

/** HIP's context identifier (RFC 7401 §3.2). */
const contextId = fromHex('f0eff02fbff43d0fe7930c3c6e6174ea') ?? new Uint8Array();

/** Takes sixteen octets as a HIT if they have the ORCHIDv2 prefix. */
export function hostIdentityTag(octets: Uint8Array): HostIdentityTag | undefined {
  return hasHitForm(octets) ? octets : undefined;
}

function hasHitForm(octets: Uint8Array): octets is HostIdentityTag {
  return (
    octets.length === hitLength &&
    octets[0] === 0x20 &&
    octets[1] === 0x01 &&
    octets[2] === 0x00 &&
    ((octets[3] ?? 0) & 0xf0) === 0x20
  );
}

/** Reads a HIT written as an IPv6 address. */
export function parseHit(text: string): HostIdentityTag | undefined {
  const octets = parseIpv6(text);
  return octets === undefined ? undefined : hostIdentityTag(octets);
}

/** The canonical text of a HIT (RFC 5952), also used as a map key. */
export function formatHit(hit: Uint8Array): string {
  return formatIpv6(hit);
}

/** Negative when `left` is the smaller 128-bit number (RFC 7401 §6.5). */
export function compareHits(left: HostIdentityTag, right: HostIdentityTag): number {
  return compareBytes(left, right);
}

/** HI algorithms (RFC 7401 §5.2.9, RFC 9374 §3.4.1) and the HIT suite of each. */
const suiteOfAlgorithm: ReadonlyMap<number, number> = new Map([
  [3, 1],
  [5, 1],
  [7, 2],
  [9, 3],
  [13, 5],
]);

/**
 * The HIT of a host identity: 2001:20::/28 ‖ suite ‖ 96 bits of the suite's hash, the middle ones (RFC 7343 §2) or, of
 * cSHAKE128, which gives as many as are asked for, the first (RFC 9374 §3.5.2.1). Undefined for an unknown algorithm.
 */
export function computeHit(
  identity: HostIdentity,
  crypto: Pick<HipCrypto, 'hash'>,
): HostIdentityTag | undefined {
  const suite = suiteOfAlgorithm.get(identity.algorithm);
  const algorithm = suite === undefined ? undefined : hashOfSuite(suite);
  if (suite === undefined || algorithm === undefined) return undefined;
  const hash = crypto.hash(algorithm, concatBytes(contextId, identity.octets));
  const start = algorithm === 'cshake128' ? 0 : (hashLengths[algorithm] - 12) / 2;
  return hostIdentityTag(
    concatBytes(Uint8Array.of(0x20, 0x01, 0x00, 0x20 | suite), hash.subarray(start, start + 12)),
  );
}
