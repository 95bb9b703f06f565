import { toHex } from '../bytes/bytes.ts';
import { parseIpv6 } from '../bytes/ipv6-text.ts';

const mappedIpv4 = '00000000000000000000ffff';

/** A client's address in one spelling: without its link, and an IPv4 address as such (RFC 4291 § 2.5.5.2). */
export function hostOf(address: string): string {
  const plain = address.toLowerCase().split('%')[0] ?? '';
  const bytes = parseIpv6(plain);
  if (bytes === undefined) return /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/.exec(plain)?.[1] ?? plain;
  const digits = toHex(bytes);
  return digits.startsWith(mappedIpv4) ? [...bytes.subarray(12)].join('.') : digits;
}

/**
 * What of a client's address stays the same and is its own: an IPv4 address whole; of IPv6 the first 64 bits, since a host
 * changes the others as it likes (RFC 8981).
 */
export function networkOf(address: string): string {
  const host = hostOf(address);
  return /^[0-9a-f]{32}$/.test(host) ? `${host.slice(0, 16)}/64` : host;
}
