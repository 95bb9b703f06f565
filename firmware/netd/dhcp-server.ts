import { formatIpv4, netmask, parseIpv4Prefix } from './ipv4-prefix.ts';
import { limits } from './limits.ts';
import { programs, type SupervisedProgram } from './system-port.ts';

export type DhcpServer = {
  readonly link: string;
  /** The gateway's own address, the router that clients get. */
  readonly router: string;
  readonly netmask: string;
  readonly first: string;
  readonly last: string;
};

/** Seconds of a lease: short, so that a renumbered LAN is left within the hour. */
const leaseSeconds = 3600;

/**
 * The pool for a LAN: .100 to .249 of the network, as OpenWrt's users know it; in networks smaller than a /24 the
 * longer run of addresses beside the gateway's own. Null where no address is left for a client (/31 and /32).
 *
 * @param address the gateway's address with its prefix length
 */
export function dhcpServerFor(link: string, address: string): DhcpServer | null {
  const own = parseIpv4Prefix(address);
  if (own.length > 30) return null;
  const mask = netmask(own.length);
  const network = (own.address & mask) >>> 0;
  const broadcast = (network | ~mask) >>> 0;
  let [low, high] =
    own.length <= 24 ? [network + 100, network + 99 + limits.poolSize] : [network + 1, broadcast - 1];
  if (own.address >= low && own.address <= high) {
    [low, high] = own.address - low > high - own.address ? [low, own.address - 1] : [own.address + 1, high];
  }
  if (low > high) return null;
  return {
    link,
    router: formatIpv4(own.address),
    netmask: formatIpv4(mask),
    first: formatIpv4(low),
    last: formatIpv4(high),
  };
}

/** Configuration of busybox's udhcpd, which binds to the one link that it names. `folder`: where its own files lie. */
export function renderDhcpServer(server: DhcpServer, folder: string): string {
  return [
    `interface ${server.link}`,
    `start ${server.first}`,
    `end ${server.last}`,
    `max_leases ${limits.poolSize}`,
    `lease_file ${folder}/${server.link}.clients`,
    `pidfile ${folder}/udhcpd.pid`,
    // Never written while it runs: an address that is in use is found by an ARP probe before it is offered.
    'auto_time 0',
    `option subnet ${server.netmask}`,
    `option router ${server.router}`,
    `option lease ${leaseSeconds}`,
    '',
  ].join('\n');
}

export function dhcpServerProgram(configurationFile: string): SupervisedProgram {
  return { command: programs.busybox, args: ['udhcpd', '-f', configurationFile] };
}
