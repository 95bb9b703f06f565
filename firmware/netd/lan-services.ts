import type { LanSettings } from '../store/network-schema.ts';
import { type DhcpPool, dhcpPool } from './dhcp-server.ts';
import { limits } from './limits.ts';
import type { Segment } from './segments.ts';
import { programs, type SupervisedProgram } from './system-port.ts';

export type ServedNetwork = {
  readonly name: string;
  readonly link: string;
  readonly pool: DhcpPool | null;
  readonly reservations: NonNullable<LanSettings['reservations']>;
  /** The /64 that hosts make addresses in. */
  readonly prefix: string | null;
  /** Its /64s are whatever the bridge has: a provider's prefix comes and goes. */
  readonly delegated: boolean;
  /** Hosts are told to ask the gateway for the time. */
  readonly time: boolean;
};

/** What hosts are served: addresses, and answers to questions for names. */
export type LanServices = {
  readonly networks: readonly ServedNetwork[];
  /** Whom questions for names of the world go to; null where they are refused. */
  readonly forward: { readonly servers: readonly string[] } | null;
};

/** Seconds of a lease: short, so that a renumbered LAN is left within the hour. */
const leaseSeconds = 3600;

/** What is served on these networks, null where there are none. */
export function lanServicesFor(
  segments: readonly Segment[],
  dns: { readonly forward: boolean; readonly servers?: readonly string[] | undefined } | undefined,
  nameServers: readonly string[],
): LanServices | null {
  if (segments.length === 0) return null;
  const networks = segments.map(({ name, bridge, settings }) => ({
    name,
    link: bridge,
    pool: settings.dhcpServer ? dhcpPool(settings.address, settings.dhcpRange) : null,
    reservations: settings.reservations ?? [],
    prefix: settings.ipv6 === undefined ? null : (settings.ipv6.split('/')[0] ?? null),
    delegated: settings.delegated !== undefined,
    time: settings.ntpServer === true,
  }));
  return { networks, forward: dns?.forward ? { servers: dns.servers ?? nameServers } : null };
}

/** Configuration of dnsmasq. `folder`: where its own files lie. */
export function renderLanServices({ networks, forward }: LanServices, folder: string): string {
  const announces = networks.some(({ prefix, delegated }) => prefix !== null || delegated);
  // A pool that strangers have emptied leaves room for all that addresses are kept for.
  const leases = networks.reduce((sum, { pool, reservations }) => {
    return pool === null ? sum : sum + pool.size + reservations.length;
  }, 0);
  return [
    'keep-in-foreground',
    'log-facility=-',
    'user=nobody',
    'group=nogroup',
    `pid-file=${folder}/dnsmasq.pid`,
    // Addresses come and go while it runs; only the networks' own are listened on.
    'bind-dynamic',
    'except-interface=lo',
    'no-hosts',
    'no-resolv',
    'no-poll',
    'domain=lan',
    'local=/lan/',
    'domain-needed',
    'bogus-priv',
    `dns-forward-max=${limits.dnsQuestions}`,
    `cache-size=${limits.dnsCache}`,
    ...(forward?.servers ?? []).map((server) => `server=${server}`),
    `dhcp-leasefile=${folder}/clients`,
    'dhcp-authoritative',
    `dhcp-lease-max=${Math.max(leases, 1)}`,
    // For each address that it offers it would wait for echoes, for whole seconds in which it serves nobody; hosts look for
    // others with their address themselves (RFC 2131 §4.4.1).
    'no-ping',
    // A line a message would let any host write over the log.
    'quiet-dhcp',
    'quiet-dhcp6',
    'quiet-ra',
    ...(announces ? ['enable-ra'] : []),
    ...networks.flatMap(renderNetwork),
    '',
  ].join('\n');
}

function renderNetwork({ name, link, pool, reservations, prefix, delegated, time }: ServedNetwork): string[] {
  // dnsmasq follows the link's addresses, and announces one that goes as not to be used any more (RFC 9096 § 3.5).
  const announced = delegated ? `::,constructor:${link}` : prefix;
  return [
    `interface=${link}`,
    `interface-name=gateway.lan,${link}`,
    ...(pool === null
      ? []
      : [`dhcp-range=set:${name},${pool.first},${pool.last},${pool.netmask},${leaseSeconds}`]),
    // RFC 2132 § 8.3. The address is whichever of the gateway's the host is served from.
    ...(time && pool !== null ? [`dhcp-option=tag:${name},option:ntp-server,0.0.0.0`] : []),
    ...(pool === null ? [] : reservations).map(
      ({ mac, address, name: host }) => `dhcp-host=${mac},${address}${host === undefined ? '' : `,${host}`}`,
    ),
    // Hosts get their name servers with it (RFC 8106); addresses they make themselves.
    ...(announced === null ? [] : [`dhcp-range=set:${name},${announced},ra-stateless,64,${leaseSeconds}`]),
    ...(time && announced !== null ? timeOptions(link) : []),
  ];
}

/**
 * RFC 5908 § 4.1, and RFC 4075 § 4 for hosts that know only that; dnsmasq puts the link's own addresses for `[::]`. By the
 * link's tag: what `set:` names is lost where a link has several prefixes.
 */
function timeOptions(link: string): string[] {
  return ['ntp-server', 'sntp-server'].map((option) => `dhcp-option=tag:${link},option6:${option},[::]`);
}

export function lanServicesProgram(configurationFile: string): SupervisedProgram {
  return { command: programs.dnsmasq, args: [`--conf-file=${configurationFile}`] };
}
