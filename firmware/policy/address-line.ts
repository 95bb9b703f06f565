import { formatIpv6, parseIpv6 } from '../bytes/ipv6-text.ts';

/**
 * Addresses from the first to the last, both included. Both families lie on one line: all of IPv6, then all of IPv4.
 */
export type AddressRange = { readonly from: bigint; readonly to: bigint };

/** Sorted, apart from one another. */
export type AddressRanges = readonly AddressRange[];

const ipv4Start = 1n << 128n;
const lineEnd = ipv4Start + 0xffff_ffffn;

export const everyAddress: AddressRanges = [{ from: 0n, to: lineEnd }];

/** Reads an address, or a network as `address/length`; its host bits do not count. Undefined for anything else. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const place = parseAddress(address);
  if (place === undefined || rest.length > 0) return undefined;
  if (length === undefined) return { from: place, to: place };
  const bits = address.includes(':') ? 128 : 32;
  if (!/^\d{1,3}$/.test(length) || Number(length) > bits) return undefined;
  const host = BigInt(bits - Number(length));
  const from = (place >> host) << host;
  return { from, to: from + (1n << host) - 1n };
}

/** The place of an address on the line, or undefined where the text is none. */
export function parseAddress(text: string): bigint | undefined {
  const octets = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  return octets === undefined ? undefined : placeOf(octets);
}

/** The place of an address of 4 or 16 octets. */
export function placeOf(octets: Uint8Array): bigint {
  const value = octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
  return octets.length === 4 ? ipv4Start + value : value;
}

export function formatAddress(place: bigint): string {
  if (place >= ipv4Start) {
    const value = Number(place - ipv4Start);
    return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
  }
  return formatIpv6(
    Uint8Array.from({ length: 16 }, (_, index) => Number((place >> BigInt(120 - index * 8)) & 0xffn)),
  );
}

/** Sorts ranges and joins those that touch. */
export function unionOf(ranges: readonly AddressRange[]): AddressRanges {
  const sorted = ranges.toSorted((left, right) =>
    left.from < right.from ? -1 : left.from > right.from ? 1 : 0,
  );
  const joined: AddressRange[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && range.from <= last.to + 1n) {
      if (range.to > last.to) joined[joined.length - 1] = { from: last.from, to: range.to };
    } else {
      joined.push(range);
    }
  }
  return joined;
}

export function intersectionOf(left: AddressRanges, right: AddressRanges): AddressRanges {
  const common: AddressRange[] = [];
  let [index, other] = [0, 0];
  for (;;) {
    const [a, b] = [left[index], right[other]];
    if (a === undefined || b === undefined) return common;
    const from = later(a.from, b.from);
    const to = earlier(a.to, b.to);
    if (from <= to) common.push({ from, to });
    if (a.to < b.to) index++;
    else other++;
  }
}

/** What of `ranges` is not in `taken`. */
export function differenceOf(ranges: AddressRanges, taken: AddressRanges): AddressRanges {
  const gaps: AddressRange[] = [];
  let next = 0n;
  for (const { from, to } of taken) {
    if (from > next) gaps.push({ from: next, to: from - 1n });
    next = to + 1n;
  }
  if (next <= lineEnd) gaps.push({ from: next, to: lineEnd });
  return intersectionOf(ranges, gaps);
}

/** The range that holds an address, by its index, or -1. */
export function findRange(ranges: readonly AddressRange[], place: bigint): number {
  let [low, high] = [0, ranges.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle];
    if (range === undefined) return -1;
    if (place < range.from) high = middle - 1;
    else if (place > range.to) low = middle + 1;
    else return middle;
  }
  return -1;
}

/** The parts of a range in each family. */
export function byFamily(range: AddressRange): {
  readonly ipv4: AddressRanges;
  readonly ipv6: AddressRanges;
} {
  const ipv4 = [{ from: ipv4Start, to: lineEnd }];
  return { ipv4: intersectionOf([range], ipv4), ipv6: differenceOf([range], ipv4) };
}

/** As nftables reads it. */
export function formatRange({ from, to }: AddressRange): string {
  return from === to ? formatAddress(from) : `${formatAddress(from)}-${formatAddress(to)}`;
}

function earlier(left: bigint, right: bigint): bigint {
  if (left < right) return left;
  return right;
}

function later(left: bigint, right: bigint): bigint {
  if (left > right) return left;
  return right;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  const isAddress =
    parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
  return isAddress ? Uint8Array.from(parts, Number) : undefined;
}
