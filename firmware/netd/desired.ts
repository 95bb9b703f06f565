import type { NetworkSettings, PortRole } from '../store/settings-schema.ts';
import { type DhcpServer, dhcpServerFor } from './dhcp-server.ts';
import { type FirewallInput, renderFirewall } from './firewall.ts';
import { isOnLink, type Lease } from './lease.ts';
import { limits } from './limits.ts';
import type { Port } from './ports.ts';

/** The kernel's names of the port groups' bridges and of the overlay's device. */
export const bridgeNames = { lan: 'br-lan', management: 'br-mgmt' } as const;
export const overlayDevice = 'hip0';

export type DesiredLink = {
  readonly name: string;
  readonly kind: 'port' | 'bridge';
  readonly up: boolean;
  readonly master: string | null;
  /** null: whatever it has. */
  readonly mtu: number | null;
  /** A bridge's own address when it is made: one that does not change as ports come and go. */
  readonly mac: string | null;
  /** IPv4 addresses with prefix length: exactly these. IPv6 addresses are the kernel's own (SLAAC, link-local). */
  readonly addresses: readonly string[];
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
  /** Receive packet steering: the CPUs, as the kernel's hexadecimal mask, for every queue of these links. */
  readonly steering: { readonly mask: string; readonly links: readonly string[] };
  /** Links that a DHCP client runs on. */
  readonly dhcpClients: readonly string[];
  readonly dhcpServer: DhcpServer | null;
  readonly nameServers: readonly string[];
  /** Input of nft: the whole ruleset. */
  readonly firewall: string;
};

export type DesiredInput = {
  readonly settings: NetworkSettings;
  readonly ports: readonly Port[];
  /** By the kernel's name of the port. */
  readonly leases: ReadonlyMap<string, Lease>;
  readonly claimed: boolean;
  /** False where nft could not load a ruleset: then nothing may reach the underlay and nothing is forwarded. */
  readonly firewallInForce: boolean;
  readonly cpus: number;
};

/** Metrics of default routes: the first underlay port wins, the next takes over when it has none. */
const firstMetric = 100;

function portsOf(ports: readonly Port[], role: PortRole): string[] {
  return ports.filter((port) => port.role === role).map(({ nic }) => nic.kernelName);
}

/** The facts that the ruleset depends on; none of them changes with a lease or a cable. */
function firewallInput({ settings, ports, claimed }: DesiredInput): FirewallInput {
  const underlay = portsOf(ports, 'underlay');
  const groups = (['lan', 'management'] as const).filter((role) => portsOf(ports, role).length > 0);
  return {
    underlay,
    dhcpClients: settings.underlay.ipv4 === 'dhcp' ? underlay : [],
    lan: groups.includes('lan') ? bridgeNames.lan : null,
    management: groups.includes('management') ? bridgeNames.management : null,
    dhcpServer: groups.includes('lan') && settings.lan.dhcpServer,
    overlay: overlayDevice,
    pageOnUnderlay: groups.length === 0 && !claimed,
  };
}

function underlayLink(input: DesiredInput, name: string, first: boolean): DesiredLink {
  const { ipv4 } = input.settings.underlay;
  const lease = input.leases.get(name) ?? null;
  // One static address cannot stand on two ports.
  const address = ipv4 === 'dhcp' ? lease?.address : first ? ipv4.address : undefined;
  return {
    name,
    kind: 'port',
    up: input.firewallInForce,
    master: null,
    mtu: ipv4 === 'dhcp' ? (lease?.mtu ?? null) : null,
    mac: null,
    addresses: address === undefined ? [] : [address],
  };
}

function underlayRoutes(input: DesiredInput, name: string, index: number): DesiredRoute[] {
  if (!input.firewallInForce) return [];
  const metric = firstMetric + index;
  const { ipv4 } = input.settings.underlay;
  if (ipv4 === 'dhcp') {
    const lease = input.leases.get(name);
    return (lease?.routes ?? []).map((route) => ({
      ...route,
      onLink: route.gateway !== null && lease !== undefined && !isOnLink(lease.address, route.gateway),
      link: name,
      metric,
    }));
  }
  if (ipv4.gateway === undefined || index > 0) return [];
  const onLink = !isOnLink(ipv4.address, ipv4.gateway);
  return [{ destination: 'default', gateway: ipv4.gateway, onLink, link: name, metric }];
}

function groupLinks(input: DesiredInput, role: 'lan' | 'management'): DesiredLink[] {
  const members = input.ports.filter((port) => port.role === role);
  if (members.length === 0) return [];
  const name = bridgeNames[role];
  const { address } = input.settings[role];
  return [
    {
      name,
      kind: 'bridge',
      up: true,
      master: null,
      mtu: null,
      mac: members[0]?.nic.mac ?? null,
      addresses: [address],
    },
    ...members.map(
      ({ nic }): DesiredLink => ({
        name: nic.kernelName,
        kind: 'port',
        up: true,
        master: name,
        mtu: null,
        mac: null,
        addresses: [],
      }),
    ),
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
          // Last: the link-local address and the router solicitation follow at once.
          disable_ipv6: ipv6 ? '0' : '1',
        }),
      ];
    }
    // A bridge's ports and unused ports have no addresses of their own, not even link-local ones.
    if (kind === 'port') return ipv6Values(name, { disable_ipv6: '1' });
    return [
      ...ipv4Values(name, { rp_filter: '1', accept_redirects: '0', send_redirects: '0' }),
      ...ipv6Values(name, { accept_ra: '0', accept_redirects: '0', disable_ipv6: '0' }),
    ];
  });
}

function nameServers({ settings, leases, ports }: DesiredInput): string[] {
  const { ipv4 } = settings.underlay;
  if (ipv4 !== 'dhcp') return [...ipv4.dns];
  return [...new Set(portsOf(ports, 'underlay').flatMap((name) => leases.get(name)?.dns ?? []))].slice(0, 3);
}

/** The hexadecimal mask of all CPUs; a single one has nobody to steer to. */
function steeringMask(cpus: number): string {
  return cpus < 2 ? '0' : ((1n << BigInt(cpus)) - 1n).toString(16);
}

/** What the network should be. Pure: the same settings, ports and leases give the same state. */
export function desiredNetwork(input: DesiredInput): DesiredNetwork {
  const underlay = portsOf(input.ports, 'underlay');
  const groups = [...groupLinks(input, 'lan'), ...groupLinks(input, 'management')];
  const unused = portsOf(input.ports, 'unused').map(
    (name): DesiredLink => ({
      name,
      kind: 'port',
      up: false,
      master: null,
      mtu: null,
      mac: null,
      addresses: [],
    }),
  );
  // Bridges first: the page's side of the box is up before the underlay's.
  const links = [
    ...groups,
    ...underlay.map((name, index) => underlayLink(input, name, index === 0)),
    ...unused,
  ];
  const firewall = firewallInput(input);
  return {
    links,
    routes: underlay.flatMap((name, index) => underlayRoutes(input, name, index)),
    kernelValues: [...globalValues(input.firewallInForce), ...linkValues(input, links)],
    steering: { mask: steeringMask(input.cpus), links: input.ports.map(({ nic }) => nic.kernelName) },
    dhcpClients: input.firewallInForce ? firewall.dhcpClients : [],
    dhcpServer: firewall.dhcpServer ? dhcpServerFor(bridgeNames.lan, input.settings.lan.address) : null,
    nameServers: nameServers(input),
    firewall: renderFirewall(firewall),
  };
}
