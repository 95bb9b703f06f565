import { NetworkError } from './error.ts';

/** An IPv4 address on a link: the address and the length of its network's prefix. */
export type Ipv4Prefix = { readonly address: number; readonly length: number };

const dottedQuad = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** The 32-bit number of a dotted quad, or null where the text is none. */
export function parseIpv4(text: string): number | null {
  const octets = dottedQuad.exec(text)?.slice(1).map(Number);
  if (octets === undefined || octets.some((octet) => octet > 255)) return null;
  return octets.reduce((value, octet) => value * 256 + octet, 0);
}

export function formatIpv4(value: number): string {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.');
}

/** Reads `192.168.1.1/24`. Throws NetworkError `bad-address`: settings are validated before they come here. */
export function parseIpv4Prefix(text: string): Ipv4Prefix {
  const [host = '', digits = '', ...rest] = text.split('/');
  const address = parseIpv4(host);
  const length = /^\d{1,2}$/.test(digits) ? Number(digits) : 33;
  if (address === null || length > 32 || rest.length > 0) {
    throw new NetworkError('bad-address', `not an IPv4 address with a prefix length: ${text}`);
  }
  return { address, length };
}

export function netmask(length: number): number {
  return length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
}

export function contains(prefix: Ipv4Prefix, address: number): boolean {
  const mask = netmask(prefix.length);
  return (prefix.address & mask) >>> 0 === (address & mask) >>> 0;
}

/** The network that an address with a prefix length stands in: `10.0.0.0/24` of `10.0.0.7/24`, `default` of `0.0.0.0/0`. */
export function networkOf(text: string): string {
  const { address, length } = parseIpv4Prefix(text);
  return length === 0 ? 'default' : `${formatIpv4((address & netmask(length)) >>> 0)}/${length}`;
}
