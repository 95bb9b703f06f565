/** HIP's protocol number, also where a HIP checksum is made over a datagram that UDP carries (RFC 7401 §5.1.1). */
export const hipProtocol = 139;

/**
 * The Internet checksum over a pseudo-header and a message (RFC 7401 §5.1.1 and §4.5.1; RFC 8200 §8.1, RFC 768).
 * Addresses are 4 or 16 octets; the message's own checksum field must be zero to compute one, or filled in to check one:
 * then the result is 0.
 */
export function internetChecksum(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  message: Uint8Array,
): number {
  // The IPv4 and IPv6 pseudo-headers hold their length and protocol in different widths, but the same sum.
  let sum =
    sum16(source) + sum16(destination) + protocol + (message.length & 0xffff) + (message.length >>> 16);
  sum += sum16(message);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

function sum16(octets: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < octets.length; index += 2)
    sum += ((octets[index] ?? 0) << 8) | (octets[index + 1] ?? 0);
  return sum;
}
