import { formatIpv4, netmask, parseIpv4, parseIpv4Prefix } from './ipv4-prefix.ts';
import { limits } from './limits.ts';

/** The addresses that a network's hosts are given. */
export type DhcpPool = {
  readonly netmask: string;
  readonly first: string;
  readonly last: string;
  readonly size: number;
};

/**
 * The pool for a network: the range that is wished for, or .100 to .249 as OpenWrt's users know it; in networks smaller
 * than a /24 the longer run of addresses beside the gateway's own. Null where no address is left for a client (/31, /32).
 *
 * @param address the gateway's address with its prefix length
 */
export function dhcpPool(address: string, range?: readonly [string, string]): DhcpPool | null {
  const own = parseIpv4Prefix(address);
  if (own.length > 30) return null;
  const mask = netmask(own.length);
  const network = (own.address & mask) >>> 0;
  const broadcast = (network | ~mask) >>> 0;
  const wished = range?.map((end) => parseIpv4(end) ?? 0);
  let [low = 0, high = 0] =
    wished ??
    (own.length <= 24 ? [network + 100, network + 99 + limits.poolSize] : [network + 1, broadcast - 1]);
  // A server does not give away its own address, so a range that a person wished for may have it in the middle.
  if (wished === undefined && own.address >= low && own.address <= high) {
    [low, high] = own.address - low > high - own.address ? [low, own.address - 1] : [own.address + 1, high];
  }
  if (low > high) return null;
  return {
    netmask: formatIpv4(mask),
    first: formatIpv4(low),
    last: formatIpv4(high),
    size: high - low + 1,
  };
}
