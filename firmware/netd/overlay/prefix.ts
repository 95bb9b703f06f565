import { formatIpv6, parseIpv6 } from '../../bytes/ipv6-text.ts';

/** An IPv4 or IPv6 network without host bits. */
export type Prefix = { readonly text: string; readonly octets: Uint8Array; readonly length: number };

/** Reads `address/length`; host bits are cleared, since the kernel refuses a route that has any. Undefined for anything else. */
export function parsePrefix(text: string): Prefix | undefined {
  const [address = '', lengthText = '', ...rest] = text.split('/');
  const octets = address.includes(':') ? parseIpv6(address) : parseIpv4(address);
  const length = Number(lengthText);
  if (
    octets === undefined ||
    rest.length > 0 ||
    !/^\d{1,3}$/.test(lengthText) ||
    length > octets.length * 8
  ) {
    return undefined;
  }
  const network = octets.map((octet, index) => octet & mask(length, index));
  const shown = network.length === 4 ? network.join('.') : formatIpv6(network);
  return { text: `${shown}/${length}`, octets: network, length };
}

/** Whether every address of `inner` is one of `outer`, the same network included. */
export function containsPrefix(outer: Prefix, inner: Prefix): boolean {
  if (outer.octets.length !== inner.octets.length || outer.length > inner.length) return false;
  return outer.octets.every(
    (octet, index) => octet === ((inner.octets[index] ?? 0) & mask(outer.length, index)),
  );
}

function mask(length: number, index: number): number {
  const bits = Math.min(8, Math.max(0, length - index * 8));
  return (0xff00 >> bits) & 0xff;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  const isAddress =
    parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
  return isAddress ? Uint8Array.from(parts, Number) : undefined;
}
