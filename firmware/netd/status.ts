import { overlayDevice } from './desired.ts';
import type { ModemFacts } from './modem/modem-machine.ts';
import type { Observation, ObservedLink } from './observed.ts';
import type { Port } from './ports.ts';
import { bridgeNames } from './segments.ts';
import { type UplinkHealth, unknownHealth } from './uplinks.ts';

/** The `network` part of `GET /api/v1/status` (firmware/webui/api/status-schema.ts). */
export type NetworkStatus = {
  state: 'applied' | 'applying' | 'failed';
  detail: string | null;
  interfaces: InterfaceStatus[];
};
export type InterfaceStatus = {
  name: string;
  kernelName: string;
  role: 'underlay' | 'lan' | 'management' | 'overlay' | 'unused';
  driver: string | null;
  mac: string | null;
  link: 'up' | 'down' | 'unknown';
  mtu: number;
  addresses: string[];
  receivedBytes: number;
  sentBytes: number;
  receivedPackets: number;
  sentPackets: number;
  /** Of an underlay port: how it does, 0 to 100, and its place among them, from 1. */
  uplink: { works: boolean; score: number; place: number; modem: ModemStatus | null } | null;
};
/** What a modem is shown with; its address is its link's. */
type ModemStatus = Omit<ModemFacts, 'lease'>;

/** Which uplinks are preferred, and how they do, by the kernel's names. */
export type UplinkFacts = {
  readonly order: readonly string[];
  readonly health: ReadonlyMap<string, UplinkHealth>;
  readonly modem: (link: string) => ModemFacts | null;
};

/** An address that peers on the underlay can reach. */
export type UplinkAddress = {
  readonly link: string;
  readonly family: 4 | 6;
  readonly address: string;
  readonly prefixLength: number;
};

/** What stands beside the ports: the networks' bridges and the tunnel. */
function roleOf({ name, kind }: ObservedLink): 'lan' | 'management' | 'overlay' | null {
  if (name === overlayDevice) return 'overlay';
  if (kind !== 'bridge' || !name.startsWith('br-')) return null;
  return name === bridgeNames.management ? 'management' : 'lan';
}

function describe(
  identity: Pick<InterfaceStatus, 'name' | 'kernelName' | 'role' | 'driver'> & { mac: string | null },
  link: ObservedLink | undefined,
): InterfaceStatus {
  const none = { receivedBytes: 0, sentBytes: 0, receivedPackets: 0, sentPackets: 0 };
  return {
    ...identity,
    mac: link?.mac ?? identity.mac,
    link: link?.carrier ?? 'unknown',
    mtu: link?.mtu ?? 0,
    addresses: (link?.addresses ?? []).map(({ address, prefixLength }) => `${address}/${prefixLength}`),
    ...(link?.counters ?? none),
    uplink: null,
  };
}

function describeUplink(
  { order, health, modem }: UplinkFacts,
  link: string,
): NonNullable<InterfaceStatus['uplink']> {
  const { works, score } = health.get(link) ?? unknownHealth;
  const facts = modem(link);
  const shown = ({ lease: _, ...rest }: ModemFacts): ModemStatus => rest;
  return { works, score, place: order.indexOf(link) + 1, modem: facts === null ? null : shown(facts) };
}

/** Every port in its order, then the bridges and the tunnel that exist. */
export function interfaceStatus(
  ports: readonly Port[],
  observation: Observation,
  uplinks: UplinkFacts,
): InterfaceStatus[] {
  const links = new Map(observation.links.map((link) => [link.name, link]));
  const physical = ports.map(({ name, role, nic }) => ({
    ...describe(
      { name, kernelName: nic.kernelName, role, driver: nic.driver, mac: nic.mac },
      links.get(nic.kernelName),
    ),
    uplink: role === 'underlay' ? describeUplink(uplinks, nic.kernelName) : null,
  }));
  const made = observation.links.flatMap((link) => {
    const role = roleOf(link);
    if (role === null) return [];
    const { name, kind } = link;
    return [describe({ name, kernelName: name, role, driver: kind, mac: null }, link)];
  });
  return [...physical, ...made];
}

/**
 * Usable addresses of global scope on the underlay, IPv4 first on each link.
 *
 * @param order the uplinks by the kernel's names, most preferred first
 */
export function uplinkAddresses(
  order: readonly string[],
  observation: Observation,
): readonly UplinkAddress[] {
  return order
    .flatMap((link) => observation.links.filter(({ name }) => name === link))
    .flatMap(({ name, addresses }) =>
      addresses
        .filter(({ scope, usable }) => scope === 'global' && usable)
        .map(({ family, address, prefixLength }) => ({ link: name, family, address, prefixLength }))
        .sort((a, b) => a.family - b.family),
    );
}
