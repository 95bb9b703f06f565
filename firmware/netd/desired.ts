import type { NetworkSettings, PortRole } from '../store/network-schema.ts';
import { canonicalAddress } from './address-text.ts';
import { addressInDelegated, type Lease6 } from './dhcpv6-client.ts';
import { type FirewallInput, renderFirewall } from './firewall.ts';
import { networkOf } from './ipv4-prefix.ts';
import { type LanServices, lanServicesFor } from './lan-services.ts';
import { isOnLink, type Lease } from './lease.ts';
import { limits } from './limits.ts';
import { type Mirror, mirrorOf } from './mirror.ts';
import type { Port } from './ports.ts';
import { bridgeNames, type Segment, segmentsOf } from './segments.ts';

/** The kernel's name of the overlay's device. */
export const overlayDevice = 'hip0';

export type DesiredLink = {
  readonly name: string;
  readonly kind: 'port' | 'bridge' | 'vlan';
  /** Of a VLAN: the port that carries it, and its number. */
  readonly tagged: { readonly parent: string; readonly id: number } | null;
  readonly up: boolean;
  readonly master: string | null;
  /** null: whatever it has. */
  readonly mtu: number | null;
  /** A bridge's own address when it is made: one that does not change as ports come and go. */
  readonly mac: string | null;
  /** With prefix length, as the kernel writes them: exactly these, of IPv6 as `ipv6` says. */
  readonly addresses: readonly string[];
  /** Its IPv6 addresses: the kernel's own (SLAAC) and those listed with all 128 bits, those listed beside link-local ones, or none at all. */
  readonly ipv6: 'kernel' | 'listed' | 'none';
};

export type DesiredRoute = {
  readonly destination: string;
  readonly gateway: string | null;
  /** The gateway lies outside the link's own network. */
  readonly onLink: boolean;
  readonly link: string;
  readonly metric: number;
};

/** A file of /proc/sys or /sys and what it should hold. `link`: it exists only while that link does. */
export type KernelValue = { readonly path: string; readonly value: string; readonly link: string | null };

export type DesiredNetwork = {
  readonly links: readonly DesiredLink[];
  readonly routes: readonly DesiredRoute[];
  readonly kernelValues: readonly KernelValue[];
  /** Receive packet steering by link: the CPUs, as the kernel's hexadecimal mask, for each of its queues. */
  readonly steering: ReadonlyMap<string, string>;
  /** Links that a DHCP client runs on. */
  readonly dhcpClients: readonly string[];
  readonly dhcpv6Clients: readonly string[];
  /** Addresses and names for hosts. */
  readonly lanServices: LanServices | null;
  readonly nameServers: readonly string[];
  /** The same by the uplink that they came with. */
  readonly nameServersOf: ReadonlyMap<string, readonly string[]>;
  /** Input of nft: the whole ruleset. */
  readonly firewall: string;
  /** Loaded after it. */
  readonly mirror: Mirror | null;
};

export type DesiredInput = {
  readonly settings: NetworkSettings;
  readonly ports: readonly Port[];
  /** By the kernel's name of the port; of DHCP, or of a modem. */
  readonly leases: ReadonlyMap<string, Lease>;
  /** The same of DHCPv6. */
  readonly leases6?: ReadonlyMap<string, Lease6>;
  readonly claimed: boolean;
  /** False where nft could not load a ruleset: then nothing may reach the underlay and nothing is forwarded. */
  readonly firewallInForce: boolean;
  readonly cpus: number;
  /** Underlay ports by the kernel's name, most preferred first; their own order unless given. */
  readonly uplinkOrder?: readonly string[];
  /** IPv6 default routes that routers have announced. */
  readonly announced?: readonly DesiredRoute[];
};

/** Metrics of default routes: the most preferred underlay port wins, the next takes over when it has none. */
const firstMetric = 100;

function portsOf(ports: readonly Port[], role: PortRole): string[] {
  return ports.filter((port) => port.role === role).map(({ nic }) => nic.kernelName);
}

/** The facts that the ruleset depends on; none of them changes with a lease or a cable. */
function firewallInput(
  { settings, ports, claimed }: DesiredInput,
  segments: readonly Segment[],
): FirewallInput {
  const underlay = portsOf(ports, 'underlay');
  const management = portsOf(ports, 'management').length > 0 ? bridgeNames.management : null;
  const bridges = (fits: (segment: Segment) => boolean) => segments.filter(fits).map(({ bridge }) => bridge);
  return {
    underlay,
    dhcpClients: underlay.filter((name) => ipv4Of(settings, ports, name) === 'dhcp'),
    dhcpv6Clients: settings.underlay.dhcpv6 === true ? underlay : [],
    lans: bridges(() => true),
    apart: bridges(({ settings: { segmentation } }) => segmentation === 'ports'),
    management,
    dhcpServers: bridges(({ settings: { dhcpServer } }) => dhcpServer),
    timeServers: bridges(({ settings: { ntpServer } }) => ntpServer === true),
    announced: bridges(({ settings: { ipv6, delegated } }) => ipv6 !== undefined || delegated !== undefined),
    internet: bridges(({ settings: { internet } }) => internet === true),
    internetIpv6: bridges(
      ({ settings: { internet, delegated } }) => internet === true && delegated !== undefined,
    ),
    mapped: segments.flatMap(({ settings: { address, outside } }) =>
      outside === undefined ? [] : [{ inside: networkOf(address), outside: networkOf(outside) }],
    ),
    overlay: overlayDevice,
    pageOnUnderlay: segments.length === 0 && management === null && !claimed,
  };
}

/** What an underlay port gets its IPv4 address by: its own settings, or the group's. */
function ipv4Of(
  { underlay }: NetworkSettings,
  ports: readonly Port[],
  link: string,
): NetworkSettings['underlay']['ipv4'] | 'modem' | null {
  const uplinks = ports.filter(({ role }) => role === 'underlay');
  const at = uplinks.findIndex(({ nic }) => nic.kernelName === link);
  const name = uplinks[at]?.name ?? '';
  const own = Object.hasOwn(underlay.uplinks ?? {}, name) ? underlay.uplinks?.[name]?.ipv4 : undefined;
  // One static address cannot stand on two ports.
  return own ?? (underlay.ipv4 === 'dhcp' || at === 0 ? underlay.ipv4 : null);
}

function mtuOf(ports: readonly Port[], link: string): number | null {
  return ports.find(({ nic }) => nic.kernelName === link)?.mtu ?? null;
}

/** An uplink, after the NIC that carries it where it is a VLAN. */
function underlayLinks(input: DesiredInput, { nic, carriedBy }: Port): DesiredLink[] {
  const link = underlayLink(input, nic.kernelName);
  if (carriedBy === undefined) return [link];
  const id = Number(nic.kernelName.slice(nic.kernelName.lastIndexOf('.') + 1));
  // First the NIC's MTU, since a VLAN's cannot be larger.
  const carrier: DesiredLink = { ...plainPort(carriedBy, link.up), mtu: link.mtu, ipv6: 'none' };
  return [carrier, { ...link, kind: 'vlan', tagged: { parent: carriedBy, id } }];
}

function underlayLink(input: DesiredInput, name: string): DesiredLink {
  const { settings, ports, leases } = input;
  const ipv4 = ipv4Of(settings, ports, name);
  const lease = typeof ipv4 === 'string' ? (leases.get(name) ?? null) : null;
  const address = typeof ipv4 === 'string' ? lease?.address : ipv4?.address;
  const address6 = input.leases6?.get(name)?.address ?? undefined;
  return {
    ...plainPort(name, input.firewallInForce),
    mtu: mtuOf(ports, name) ?? lease?.mtu ?? null,
    addresses: [address, address6].filter((each) => each !== undefined),
    ipv6: settings.underlay.ipv6 === 'auto' ? 'kernel' : 'none',
  };
}

function plainPort(name: string, up: boolean): DesiredLink {
  const nothing = { tagged: null, master: null, mtu: null, mac: null, addresses: [] };
  return { name, kind: 'port', up, ...nothing, ipv6: 'kernel' };
}

function underlayRoutes(input: DesiredInput, name: string, metric: number): DesiredRoute[] {
  if (!input.firewallInForce) return [];
  const ipv4 = ipv4Of(input.settings, input.ports, name);
  if (ipv4 === null) return [];
  if (typeof ipv4 === 'string') {
    const lease = input.leases.get(name);
    return (lease?.routes ?? []).map((route) => ({
      ...route,
      onLink: route.gateway !== null && lease !== undefined && !isOnLink(lease.address, route.gateway),
      link: name,
      metric,
    }));
  }
  if (ipv4.gateway === undefined) return [];
  const onLink = !isOnLink(ipv4.address, ipv4.gateway);
  return [{ destination: 'default', gateway: ipv4.gateway, onLink, link: name, metric }];
}

/** Routes to routers that stand in one of the box's own networks; the others wait until there is such a network. */
function furtherRoutes({ settings }: DesiredInput, links: readonly DesiredLink[]): DesiredRoute[] {
  return (settings.routes ?? []).flatMap(({ destination, gateway }) => {
    const near = links.find(({ addresses }) =>
      addresses.some((address) => !address.includes(':') && isOnLink(address, gateway)),
    );
    if (near === undefined) return [];
    return [{ destination: networkOf(destination), gateway, onLink: false, link: near.name, metric: 0 }];
  });
}

function bridge(name: string, mac: string | null, addresses: readonly string[]): DesiredLink {
  return { ...plainPort(name, true), kind: 'bridge', mac, addresses, ipv6: 'listed' };
}

/** Delegated prefixes of all uplinks, most preferred first: a provider lets nobody out under another's addresses. */
function delegatedPrefixes({ leases6 }: DesiredInput, order: readonly string[]): readonly string[] {
  return order.flatMap((link) => leases6?.get(link)?.prefix ?? []);
}

function segmentLinks({ ports }: DesiredInput, segment: Segment, prefixes: readonly string[]): DesiredLink[] {
  const { address, ipv6, delegated } = segment.settings;
  const [prefix] = delegated === undefined ? [] : prefixes;
  const own = prefix === undefined ? null : addressInDelegated(prefix, delegated ?? 0);
  const further = [ipv6 === undefined ? null : canonicalAddress(ipv6), own];
  const addresses = [address, ...further.filter((each) => each !== null)];
  return [
    bridge(segment.bridge, segment.members[0]?.mac ?? null, addresses),
    ...segment.members.map(({ link, parent }): DesiredLink => {
      const tagged = parent === null || segment.vlan === null ? null : { parent, id: segment.vlan };
      const kind = tagged === null ? 'port' : 'vlan';
      const mtu = tagged === null ? mtuOf(ports, link) : null;
      return { ...plainPort(link, true), kind, tagged, mtu, master: segment.bridge };
    }),
  ];
}

function managementLinks({ settings, ports }: DesiredInput): DesiredLink[] {
  const members = ports.filter(({ role }) => role === 'management');
  if (members.length === 0) return [];
  const name = bridgeNames.management;
  return [
    bridge(name, members[0]?.nic.mac ?? null, [settings.management.address]),
    ...members.map(({ nic, mtu }) => ({ ...plainPort(nic.kernelName, true), mtu, master: name })),
  ];
}

function ipv4Values(link: string, values: Readonly<Record<string, string>>): KernelValue[] {
  return Object.entries(values).map(([key, value]) => ({
    path: `/proc/sys/net/ipv4/conf/${link}/${key}`,
    value,
    link,
  }));
}

function ipv6Values(link: string, values: Readonly<Record<string, string>>): KernelValue[] {
  return Object.entries(values).map(([key, value]) => ({
    path: `/proc/sys/net/ipv6/conf/${link}/${key}`,
    value,
    link,
  }));
}

/** Of all network namespaces together, which is why only the first one has these files. */
export const neighbourMemory = ['ipv4', 'ipv6'].flatMap((family) =>
  limits.neighbours.map((count, index) => ({
    path: `/proc/sys/net/${family}/neigh/default/gc_thresh${index + 1}`,
    value: String(count),
  })),
);

function globalValues(forward: boolean): KernelValue[] {
  const flag = forward ? '1' : '0';
  const everywhere = [
    ...ipv4Values('all', {
      rp_filter: '0',
      accept_redirects: '0',
      send_redirects: '0',
      accept_source_route: '0',
    }),
  ];
  const values = [
    { path: '/proc/sys/net/ipv4/ip_forward', value: flag },
    { path: '/proc/sys/net/ipv6/conf/all/forwarding', value: flag },
    // Seconds until XFRM asks again for an association that traffic wants: about as long as one takes to be made.
    { path: '/proc/sys/net/core/xfrm_acq_expires', value: '3' },
    // What is smaller the overlay fragments outside, so that IPv6's 1280 octets pass everywhere; see overlay/path-mtu.ts.
    { path: '/proc/sys/net/ipv4/route/min_pmtu', value: String(limits.leastKnownMtu) },
    ...everywhere,
    // The kernel answers ARP for any of its addresses on any port: the underlay would learn the LAN's.
    ...ipv4Values('all', { arp_ignore: '1', arp_announce: '2' }),
    ...neighbourMemory,
    // What comes up later (the overlay's device, a hot-plugged NIC) starts with these. Loose reverse path: a peer's
    // packets may come in by another uplink than the route to it.
    ...ipv4Values('default', { rp_filter: '2', accept_redirects: '0', send_redirects: '0' }),
    ...ipv6Values('default', { accept_ra: '0', accept_redirects: '0' }),
  ];
  return values.map(({ path, value }) => ({ path, value, link: null }));
}

function linkValues(input: DesiredInput, links: readonly DesiredLink[]): KernelValue[] {
  const underlay = new Set(portsOf(input.ports, 'underlay'));
  const ipv6 = input.settings.underlay.ipv6 === 'auto';
  return links.flatMap(({ name, kind }) => {
    if (underlay.has(name)) {
      return [
        ...ipv4Values(name, { rp_filter: '2', accept_redirects: '0', send_redirects: '0' }),
        ...ipv6Values(name, {
          // 2: also while forwarding (Documentation/networking/ip-sysctl.rst).
          accept_ra: ipv6 ? '2' : '0',
          // A locator that peers hold must last: no temporary addresses (RFC 8981 § 3.8 leaves it to the node).
          use_tempaddr: '0',
          accept_redirects: '0',
          // 1: none is made, not even a link-local one. Switched off altogether, what ESP carries between HITs would be
          // dropped with the link's own.
          addr_gen_mode: ipv6 ? '0' : '1',
          // Last: the link-local address and the router solicitation follow at once.
          disable_ipv6: '0',
        }),
      ];
    }
    // A bridge's members and unused ports have no addresses of their own, not even link-local ones.
    if (kind !== 'bridge') return ipv6Values(name, { disable_ipv6: '1' });
    return [
      ...ipv4Values(name, { rp_filter: '1', accept_redirects: '0', send_redirects: '0' }),
      ...ipv6Values(name, { accept_ra: '0', accept_redirects: '0', disable_ipv6: '0' }),
    ];
  });
}

function nameServers({ settings, leases, leases6, ports }: DesiredInput, link: string): readonly string[] {
  const ipv4 = ipv4Of(settings, ports, link);
  const further = leases6?.get(link)?.dns ?? [];
  if (ipv4 === null) return further;
  return [...(typeof ipv4 === 'string' ? (leases.get(link)?.dns ?? []) : ipv4.dns), ...further];
}

/**
 * The kernel gives all routers' default routes one metric. Copies of them in the uplinks' order come before those, and go
 * when those do.
 */
function rankedRoutes({ announced = [], firewallInForce }: DesiredInput, order: readonly string[]) {
  if (!firewallInForce) return [];
  const byLink = Map.groupBy(announced, ({ link }) => link);
  return order.flatMap((link, place): DesiredRoute[] => {
    // Of several routers on a link the kernel has put the one to be preferred first.
    const [route] = byLink.get(link) ?? [];
    return route === undefined ? [] : [{ ...route, metric: firstMetric + place }];
  });
}

/**
 * The underlay's packets, which are decrypted, go to one half of the CPUs, those to be encrypted to the other: both ways of
 * a connection are worked at side by side, and packets of one stay in order. Where only one kind of port is, it has all
 * CPUs; a single CPU has nobody to steer to.
 */
function steering({ ports, cpus }: DesiredInput): ReadonlyMap<string, string> {
  const all = (1n << BigInt(cpus)) - 1n;
  const isUnderlay = ports.map(({ role }) => role === 'underlay');
  const inside = new Set(isUnderlay).size === 2 ? (1n << BigInt(Math.floor(cpus / 2))) - 1n : 0n;
  const mask = (underlay: boolean) => (underlay || inside === 0n ? all ^ inside : inside).toString(16);
  return new Map(
    ports.map(({ nic, carriedBy, role }) => [
      carriedBy ?? nic.kernelName,
      cpus < 2 ? '0' : mask(role === 'underlay'),
    ]),
  );
}

/** What the network should be. Pure: the same settings, ports and leases give the same state. */
export function desiredNetwork(input: DesiredInput): DesiredNetwork {
  const { settings, ports } = input;
  const underlay = portsOf(ports, 'underlay');
  const order = input.uplinkOrder ?? underlay;
  const segments = segmentsOf(settings, ports);
  const mirror = mirrorOf(settings, ports);
  // Bridges first: the page's side of the box is up before the underlay's.
  const links = [
    ...segments.flatMap((segment) => segmentLinks(input, segment, delegatedPrefixes(input, order))),
    ...managementLinks(input),
    ...ports.filter(({ role }) => role === 'underlay').flatMap((port) => underlayLinks(input, port)),
    ...portsOf(ports, 'unused').map((name) =>
      name === mirror?.link
        ? { ...plainPort(name, input.firewallInForce), mtu: mtuOf(ports, name) }
        : plainPort(name, false),
    ),
  ];
  const firewall = firewallInput(input, segments);
  const nameServersOf = new Map(order.map((link) => [link, nameServers(input, link)]));
  const servers = [...new Set([...nameServersOf.values()].flat())].slice(0, 3);
  return {
    links,
    routes: [
      ...underlay.flatMap((name) => underlayRoutes(input, name, firstMetric + order.indexOf(name))),
      ...rankedRoutes(input, order),
      ...furtherRoutes(input, links),
    ],
    kernelValues: [...globalValues(input.firewallInForce), ...linkValues(input, links)],
    steering: steering(input),
    dhcpClients: input.firewallInForce ? firewall.dhcpClients : [],
    dhcpv6Clients: input.firewallInForce ? firewall.dhcpv6Clients : [],
    lanServices: lanServicesFor(segments, settings.dns, servers),
    nameServers: servers,
    nameServersOf,
    firewall: renderFirewall(firewall),
    mirror,
  };
}
