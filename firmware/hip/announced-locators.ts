import { equalBytes } from '../bytes/bytes.ts';
import { formatIpv6, parseIpv6 } from '../bytes/ipv6-text.ts';
import type { PeerLocator } from './association-contents.ts';
import { hipUdpPort } from './framing.ts';
import { limits } from './limits.ts';
import { type Locator, sameLocator } from './locator.ts';
import type { AnnouncedLocator, ParameterOf } from './parameter-fields.ts';

/** A lifetime of all ones does not end (RFC 8046 §5.1). */
const unbounded = 0xffff_ffff;

/** IPv4 addresses stand in IPv6 ones after this (RFC 4291 §2.5.5.2). */
const mappedPrefix = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/**
 * A LOCATOR_SET of addresses that receive ESP under one SPI (RFC 8046 §5.2), the first preferred. What is no address is
 * left out.
 */
export function announceAddresses(addresses: readonly string[], spi: number): ParameterOf<'LOCATOR_SET'> {
  const locators = addresses
    .flatMap((text) => addressOctets(text) ?? [])
    .slice(0, limits.locators)
    .map((address, index): AnnouncedLocator => {
      return { kind: 'esp', spi, address, trafficType: 0, preferred: index === 0, lifetime: unbounded };
    });
  return { name: 'LOCATOR_SET', locators };
}

/** What a LOCATOR_SET says, as far as we can act on it. */
export type ReadLocators = {
  /** The preferred one first. */
  readonly locators: readonly PeerLocator[];
  /** Whether the preferred one is of a type that we do not know (RFC 8046 §5.3). */
  readonly preferredIsUnsupported: boolean;
};

/**
 * Reads a LOCATOR_SET that came from somewhere at `now`. Used are unicast addresses for all traffic, bound to one of
 * these SPIs or to none. Most locators name no port: where the packet came from the same address its port holds, and
 * elsewhere HIP's own.
 */
export function readLocatorSet(
  { locators: announced }: ParameterOf<'LOCATOR_SET'>,
  { from, spis, now }: { readonly from: Locator; readonly spis: readonly number[]; readonly now: number },
): ReadLocators {
  const usable = announced.flatMap((entry) => {
    const locator = usableLocator(entry, from, spis);
    if (locator === undefined) return [];
    const until = entry.lifetime === unbounded ? Number.POSITIVE_INFINITY : now + entry.lifetime * 1000;
    return [{ locator, until, preferred: entry.preferred }];
  });
  const distinct = usable.filter(
    ({ locator }, index) => index === usable.findIndex((other) => sameLocator(other.locator, locator)),
  );
  return {
    locators: distinct
      .toSorted((left, right) => Number(right.preferred) - Number(left.preferred))
      .slice(0, limits.locators)
      .map(({ locator, until }) => ({ locator, until })),
    preferredIsUnsupported: announced.some(({ kind, preferred }) => kind === 'unknown' && preferred),
  };
}

function usableLocator(entry: AnnouncedLocator, from: Locator, spis: readonly number[]): Locator | undefined {
  if (entry.kind === 'unknown' || entry.trafficType !== 0 || entry.lifetime === 0) return undefined;
  if (entry.kind !== 'address' && !spis.includes(entry.spi)) return undefined;
  if (!isUnicast(entry.address)) return undefined;
  const address = addressText(entry.address);
  if (from.port === null) return { address, port: null };
  if (entry.kind === 'transport') return { address, port: entry.port };
  return { address, port: address === from.address ? from.port : hipUdpPort };
}

/** Not the unspecified address, no multicast or broadcast one (RFC 8046 §5.3), and no link-local one, which needs a zone. */
function isUnicast(address: Uint8Array): boolean {
  if (isMapped(address)) {
    const [first = 0, second = 0] = address.subarray(12);
    return first !== 0 && first < 224 && !(first === 169 && second === 254);
  }
  const [first = 0, second = 0] = address;
  return (
    address.some((octet) => octet !== 0) && first !== 0xff && !(first === 0xfe && (second & 0xc0) === 0x80)
  );
}

function isMapped(address: Uint8Array): boolean {
  return equalBytes(address.subarray(0, 12), mappedPrefix);
}

function addressText(address: Uint8Array): string {
  return isMapped(address) ? address.subarray(12).join('.') : formatIpv6(address);
}

function addressOctets(text: string): Uint8Array | undefined {
  if (text.includes(':')) return parseIpv6(text);
  const parts = text.split('.').map(Number);
  const isIpv4 =
    parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255);
  return isIpv4 ? Uint8Array.of(...mappedPrefix, ...parts) : undefined;
}
