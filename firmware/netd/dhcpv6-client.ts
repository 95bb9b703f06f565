import { formatAddress, parseAddressRange } from '../policy/address-line.ts';
import { canonicalAddress } from './address-text.ts';
import { limits } from './limits.ts';
import { programs, type SupervisedProgram } from './system-port.ts';

/** What a DHCPv6 server gave to one uplink (RFC 8415). */
export type Lease6 = {
  /** Alone on its link: with it comes no prefix (RFC 8415 § 18.2.10.1), so its length is 128. */
  readonly address: string | null;
  /** Delegated to the box, for the networks behind it: `2001:db8:ff00::/56`. */
  readonly prefix: string | null;
  readonly dns: readonly string[];
  /** Seconds that the first of the two is valid: dhcpcd tells only when the last has run out. */
  readonly seconds: number;
};

export type Lease6Parse =
  | { readonly ok: true; readonly value: Lease6 | null }
  | { readonly ok: false; readonly reason: string };

/** Where the event script leaves what the client on this link last heard. `folder`: of all leases. */
export function lease6File(folder: string, link: string): string {
  return `${folder}/${link}.lease6`;
}

export function dhcpv6ConfigurationFile(folder: string, link: string): string {
  return `${folder}/${link}.dhcpcd.conf`;
}

/**
 * dhcpcd asks and tells; who changes the network is netd alone (`noconfigure`), and routers are the kernel's business. The
 * client is known by the link's MAC, which outlives a boot: it is given the same prefix again.
 */
export function renderDhcpv6Client(link: string, folder: string): string {
  return [
    'duid ll',
    'noipv6rs',
    'ipv6only',
    'nodev',
    // The script has no other environment than this.
    `env HITHE_DHCP_FOLDER=${folder}`,
    `interface ${link}`,
    'ia_na 1',
    'ia_pd 2 -',
    '',
  ].join('\n');
}

export function dhcpv6ClientProgram(link: string, script: string, folder: string): SupervisedProgram {
  const file = dhcpv6ConfigurationFile(folder, link);
  return {
    command: programs.dhcpcd,
    args: ['-B', '-q', '-6', '--noconfigure', '-f', file, '-c', script, link],
  };
}

const globalUnicast = parseAddressRange('2000::/3');
const uniqueLocal = parseAddressRange('fc00::/7');
const tags = parseAddressRange('2001:20::/28');

/** Addresses and networks that a provider may give: global or unique local ones, and no host identity tags. */
function isGivable(text: string): boolean {
  const range = parseAddressRange(text);
  if (range === undefined || !text.includes(':')) return false;
  const within = (outer: typeof range | undefined) =>
    outer !== undefined && range.from >= outer.from && range.to <= outer.to;
  const meets = tags !== undefined && range.from <= tags.to && range.to >= tags.from;
  return (within(globalUnicast) || within(uniqueLocal)) && !meets;
}

/**
 * Reads what /usr/share/hithe/dhcpcd-event wrote: one `key=value` a line. The server is not trusted: what does not parse is
 * left out, and a lease without anything that can be used is refused. null: there is no lease any more.
 */
export function parseLease6(text: string): Lease6Parse {
  if (text.length > limits.leaseText) return { ok: false, reason: 'the lease file is too long' };
  const fields = new Map(
    text.split('\n').map((line): [string, string] => {
      const equals = line.indexOf('=');
      return [line.slice(0, Math.max(equals, 0)), line.slice(equals + 1)];
    }),
  );
  const field = (name: string) => fields.get(name) ?? '';
  if (field('event') === 'gone') return { ok: true, value: null };
  if (field('event') !== 'bound') return { ok: false, reason: 'unknown event' };
  const address = isGivable(`${field('address')}/128`) ? `${canonicalAddress(field('address'))}/128` : null;
  const length = /^\d{1,3}$/.test(field('length')) ? Number(field('length')) : 0;
  const [shortest, longest] = limits.delegatedLengths;
  const whole = `${field('prefix')}/${length}`;
  const fits = length >= shortest && length <= longest && isGivable(whole);
  const prefix = fits ? `${formatAddress(parseAddressRange(whole)?.from ?? 0n)}/${length}` : null;
  if (address === null && prefix === null)
    return { ok: false, reason: 'neither an address nor a prefix that can be used' };
  const lifetimes = [
    ...(address === null ? [] : [field('addressSeconds')]),
    ...(prefix === null ? [] : [field('prefixSeconds')]),
  ];
  const seconds = Math.min(...lifetimes.map((text) => (/^\d{1,10}$/.test(text) ? Number(text) : 0)));
  const dns = field('dns')
    .split(' ')
    .filter((server) => isGivable(server))
    .slice(0, 3)
    .map(canonicalAddress);
  return { ok: true, value: { address, prefix, dns, seconds } };
}

/** The box's address in the /64 of that number, from 0, of a delegated prefix; null where the prefix has not so many. */
export function addressInDelegated(prefix: string, number: number): string | null {
  const range = parseAddressRange(prefix);
  const length = Number(prefix.split('/')[1]);
  if (range === undefined || number >= 2 ** (64 - length)) return null;
  return `${formatAddress(range.from + (BigInt(number) << 64n) + 1n)}/64`;
}
