import { overlayDevice } from './desired.ts';
import type { LinkSpeed } from './link-speed.ts';
import type { MirrorStatus } from './mirror.ts';
import type { ModemFacts } from './modem/modem-machine.ts';
import type { Observation, ObservedLink } from './observed.ts';
import type { Port } from './ports.ts';
import { bridgeNames } from './segments.ts';
import { secondsToChange, type UplinkHealth, type UplinkLook, unknownHealth } from './uplinks.ts';

/** The `network` part of `GET /api/v1/status` (firmware/webui/api/status-schema.ts). */
export type NetworkStatus = {
  state: 'applied' | 'applying' | 'failed';
  detail: string | null;
  interfaces: InterfaceStatus[];
  /** Where the settings want one. */
  mirror?: MirrorStatus;
};
export type InterfaceStatus = {
  name: string;
  kernelName: string;
  /** What is printed beside the port on the case. */
  label: string | null;
  role: 'underlay' | 'lan' | 'management' | 'overlay' | 'unused';
  driver: string | null;
  mac: string | null;
  link: 'up' | 'down' | 'unknown';
  mtu: number;
  speed: LinkSpeed | null;
  addresses: string[];
  receivedBytes: number;
  sentBytes: number;
  receivedPackets: number;
  sentPackets: number;
  /** Of an underlay port: how it does, 0 to 100, and its place among them, from 1. */
  uplink: UplinkStatus | null;
};
type UplinkStatus = {
  works: boolean;
  score: number;
  place: number;
  /** What the score is of; null before the first look. */
  look: (Omit<UplinkLook, 'carrier' | 'destinations'> & { destinations: UplinkLook['peers'] }) | null;
  /** Until it fails, or is used again, if it goes on as it last did. */
  secondsToChange: number | null;
  modem: ModemStatus | null;
  /** The prefix that its provider delegates (DHCPv6), where it does. */
  delegated?: string;
};
/** What a modem is shown with; its address is its link's. */
type ModemStatus = Omit<ModemFacts, 'lease'>;

/** Which uplinks are preferred, and how they do, by the kernel's names. */
export type UplinkFacts = {
  readonly order: readonly string[];
  readonly health: ReadonlyMap<string, UplinkHealth>;
  readonly modem: (link: string) => ModemFacts | null;
  readonly delegated: (link: string) => string | null;
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
  identity: Pick<InterfaceStatus, 'name' | 'kernelName' | 'role' | 'driver' | 'mac' | 'label' | 'speed'>,
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

function describeUplink({ order, health, modem, delegated }: UplinkFacts, link: string): UplinkStatus {
  const known = health.get(link) ?? unknownHealth;
  const { works, score } = known;
  const facts = modem(link);
  const prefix = delegated(link);
  const shown = ({ lease: _, ...rest }: ModemFacts): ModemStatus => rest;
  return {
    ...{ works, score, place: order.indexOf(link) + 1 },
    ...{
      look: known.last === null ? null : describeLook(known.last),
      secondsToChange: secondsToChange(known),
    },
    modem: facts === null ? null : shown(facts),
    ...(prefix !== null && { delegated: prefix }),
  };
}

function describeLook({ gateway, names, destinations, peers }: UplinkLook): UplinkStatus['look'] {
  const answered = destinations.filter(Boolean).length;
  return { gateway, names, destinations: { asked: destinations.length, answered }, peers };
}

/**
 * Every port in its order, then the bridges and the tunnel that exist.
 *
 * @param speeds by the kernel's name
 */
export function interfaceStatus(
  ports: readonly Port[],
  observation: Observation,
  uplinks: UplinkFacts,
  speeds: ReadonlyMap<string, LinkSpeed>,
): InterfaceStatus[] {
  const links = new Map(observation.links.map((link) => [link.name, link]));
  const physical = ports.map(({ name, role, label, nic: { kernelName, driver, mac } }) => ({
    ...describe(
      { name, kernelName, role, label, driver, mac, speed: speeds.get(kernelName) ?? null },
      links.get(kernelName),
    ),
    uplink: role === 'underlay' ? describeUplink(uplinks, kernelName) : null,
  }));
  const made = observation.links.flatMap((link) => {
    const role = roleOf(link);
    if (role === null) return [];
    const { name, kind } = link;
    const nothing = { mac: null, label: null, speed: null };
    return [describe({ name, kernelName: name, role, driver: kind, ...nothing }, link)];
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
