import { toHex } from '../bytes/bytes.ts';
import { parseIpv6 } from '../bytes/ipv6-text.ts';

const mappedIpv4 = '00000000000000000000ffff';

/**
 * What of a client's address stays the same and is its own: an IPv4 address whole, also as IPv6 writes it (RFC 4291
 * § 2.5.5.2); of IPv6 the first 64 bits, since a host changes the others as it likes (RFC 8981).
 */
export function networkOf(address: string): string {
  const plain = address.toLowerCase().split('%')[0] ?? '';
  const dotted = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/.exec(plain);
  if (dotted?.[1] !== undefined) return dotted[1];
  const bytes = parseIpv6(plain);
  if (bytes === undefined) return plain;
  const digits = toHex(bytes);
  if (digits.startsWith(mappedIpv4)) return [...bytes.subarray(12)].join('.');
  return `${digits.slice(0, 16)}/64`;
}
