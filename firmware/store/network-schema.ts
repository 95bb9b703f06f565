import { z } from 'zod';
import { boundedRecord } from './bounded-record.ts';
import { limits } from './limits.ts';
import { secret } from './secret-settings.ts';

const ipv4Cidr = z.cidrv4();
const address = z.union([z.ipv4(), z.ipv6()]);

/** Port groups (OpenWrt's "interfaces" by job): every physical port belongs to one. */
export const portRole = z.enum(['underlay', 'lan', 'management', 'unused']);
export type PortRole = z.infer<typeof portRole>;

/** A port as the box labels it: `port1`, `port2`, … */
const portName = z.string().regex(/^[a-z][a-z0-9-]{0,14}$/);
/** A network of the administrator's; its bridge is `br-NAME`, and interfaces have 15 characters. */
const networkName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,11}$/)
  .refine(
    (name) => !['lan', 'mgmt', 'management', 'underlay', 'overlay'].includes(name),
    'is taken by the box',
  );
const mtu = z.int().min(limits.mtu[0]).max(limits.mtu[1]);
const mac = z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/, 'must read 02:00:00:00:00:01, in lower case');

const portSettings = z.strictObject({ role: portRole.optional(), mtu: mtu.optional() });

const staticIpv4 = z.strictObject({
  address: ipv4Cidr,
  gateway: z.ipv4().optional(),
  dns: z.array(z.ipv4()).max(3).default([]),
});
const underlayIpv4 = z.union([z.literal('dhcp'), staticIpv4]);

/** A cellular modem whose data goes through a port: what takes its AT commands, and where it is to connect to. */
const modemSettings = z.strictObject({
  device: z.string().regex(/^tty(USB|ACM|S)\d{1,3}$/, 'must read ttyUSB2, ttyACM0 or ttyS1'),
  /** Labels of DNS (3GPP TS 23.003 § 9.1). */
  apn: z
    .string()
    .max(limits.apnLength)
    .regex(/^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/, 'must be a name such as internet'),
  /** Of the SIM, where it wants one. */
  pin: secret(z.string().regex(/^\d{4,8}$/, 'must be four to eight digits')).optional(),
});

/** What one underlay port has of its own instead of what the group has. */
const uplinkSettings = z.strictObject({
  /** `modem`: what the network gives the modem, which tells it; many modems have a DHCP server instead. */
  ipv4: z.union([underlayIpv4, z.literal('modem')]).optional(),
  modem: modemSettings.optional(),
  /** IEEE 802.1Q: the provider's frames are tagged with it, as over many fibre and DSL lines. */
  vlan: z.int().min(1).max(4094).optional(),
  /** Lower ones are preferred while they work; ports without one come after those with one, in their order. */
  priority: z.int().min(1).max(limits.uplinkPriority).optional(),
});

const dhcpReservation = z.strictObject({
  mac,
  address: z.ipv4(),
  name: z.hostname().max(limits.labelLength).optional(),
});

const lanFields = {
  address: ipv4Cidr,
  dhcpServer: z.boolean(),
  /** Addresses handed out, first and last; beside the gateway's own unless given. */
  dhcpRange: z.tuple([z.ipv4(), z.ipv4()]).optional(),
  reservations: z.array(dhcpReservation).max(limits.reservations).optional(),
  /** The gateway's IPv6 address; its /64 is announced to hosts, which make addresses of their own (SLAAC). */
  ipv6: z.cidrv6().optional(),
  /**
   * Which /64 of the prefix that an uplink's provider delegates it has, counted from 0; announced to hosts like `ipv6`, and
   * changed when the provider's does.
   */
  delegated: z.int().min(0).max(limits.delegatedNumber).optional(),
  /** Networks that this one has addresses in common with: inside is what hosts have, outside what peers see, one to one. */
  outside: ipv4Cidr.optional(),
  /** Hosts may ask the gateway for the time, which its own servers tell it (`ntp`), and are told so by DHCP. */
  ntpServer: z.boolean().optional(),
  /** Hosts may reach the underlay directly, in the clear, under the gateway's address. */
  internet: z.boolean().optional(),
  /** `ports`: what goes between two ports of the network is the policy's, too. `none`, unless told: they are a switch. */
  segmentation: z.enum(['none', 'ports']).optional(),
};
const lan = z.strictObject(lanFields);

const furtherNetwork = z.strictObject({
  ...lanFields,
  /** IEEE 802.1Q, tagged on the LAN's ports, or on those named. Without one, the ports named leave the LAN for this one. */
  vlan: z.int().min(1).max(4094).optional(),
  ports: z.array(portName).min(1).max(limits.portsPerNetwork).optional(),
});

/** Copies of what passes ports or networks, to an analyser at a port of its own. */
const mirrorSettings = z.strictObject({
  /** A network goes before a port of the same name; `underlay` and `management` are all ports of the group. */
  from: z.array(portName).min(1).max(limits.portsPerNetwork),
  to: portName,
});

const staticRoute = z.strictObject({ destination: ipv4Cidr, gateway: z.ipv4() });

export const networkSettings = z.strictObject({
  /** Roles by port name; a port that is not named keeps its profile's role. */
  ports: boundedRecord(portName, z.union([portRole, portSettings]), limits.ports, 'ports').default({}),
  underlay: z.strictObject({
    ipv4: underlayIpv4,
    ipv6: z.enum(['auto', 'off']),
    /** Uplinks ask for an address and for a prefix for the hosts' networks, too (DHCPv6, RFC 8415). */
    dhcpv6: z.boolean().optional(),
    uplinks: boundedRecord(portName, uplinkSettings, limits.ports, 'ports').optional(),
    /** Addresses that are asked whether an uplink leads anywhere. */
    probes: z.array(address).max(limits.probes).optional(),
  }),
  lan,
  /** Further networks, by name. */
  networks: boundedRecord(networkName, furtherNetwork, limits.networks, 'networks').optional(),
  management: z.strictObject({ address: ipv4Cidr }),
  routes: z.array(staticRoute).max(limits.routes).optional(),
  /** Servers that the box's clock is kept by. None unless told otherwise: whoever answers says what time it is. */
  ntp: z
    .strictObject({ servers: z.array(z.union([address, z.hostname()])).max(limits.timeServers) })
    .optional(),
  /**
   * Whether hosts may ask for names of the world, which the underlay's name servers or these then answer. Names of the
   * hosts themselves are answered in any case. Off unless told otherwise: questions for names carry data out.
   */
  dns: z.strictObject({ forward: z.boolean(), servers: z.array(address).max(3).optional() }).optional(),
  mirror: mirrorSettings.optional(),
});
export type NetworkSettings = z.infer<typeof networkSettings>;
export type LanSettings = z.infer<typeof lan>;

const { underlay, management } = networkSettings.shape;

/** Any part of it, as a layer has it. */
export const networkLayer = networkSettings
  .extend({ underlay: underlay.partial(), lan: lan.partial(), management: management.partial() })
  .partial();

export type NetworkConflict = { readonly path: readonly (string | number)[]; readonly problem: string };

/** What two networks of one document must not have in common, and parts that do not fit each other. */
export function networkConflicts(settings: NetworkSettings): readonly NetworkConflict[] {
  const networks = Object.entries(settings.networks ?? {});
  const all: [string, LanSettings, string[]][] = [
    ['lan', settings.lan, ['lan']],
    ...networks.map(([name, network]): [string, LanSettings, string[]] => [
      name,
      network,
      ['networks', name],
    ]),
  ];
  const conflicts: NetworkConflict[] = mirrorConflicts(settings);
  const modems = new Map<string, string>();
  for (const [port, { ipv4, modem }] of Object.entries(settings.underlay.uplinks ?? {})) {
    const path = ['underlay', 'uplinks', port];
    const other = modem === undefined ? undefined : modems.get(modem.device);
    if (other !== undefined)
      conflicts.push({ path: [...path, 'modem', 'device'], problem: `is the modem of ${other}` });
    if (modem !== undefined) modems.set(modem.device, port);
    else if (ipv4 === 'modem')
      conflicts.push({ path: [...path, 'ipv4'], problem: 'there is no modem to tell it' });
  }
  const [vlans, untagged] = [new Map<number, string>(), new Map<string, string>()];
  for (const [name, { vlan, ports }] of networks) {
    const path = ['networks', name];
    const other = vlan === undefined ? undefined : vlans.get(vlan);
    if (other !== undefined)
      conflicts.push({ path: [...path, 'vlan'], problem: `the VLAN is that of ${other}` });
    if (vlan !== undefined) vlans.set(vlan, name);
    else if (ports === undefined)
      conflicts.push({ path, problem: 'has to have a VLAN, or ports of its own' });
    else {
      const taken = ports.find((port) => untagged.has(port));
      if (taken !== undefined)
        conflicts.push({ path: [...path, 'ports'], problem: `${taken} is a port of ${untagged.get(taken)}` });
      for (const port of ports) untagged.set(port, name);
    }
  }
  const { ipv6, dhcpv6 } = settings.underlay;
  if (dhcpv6 === true && ipv6 === 'off')
    conflicts.push({ path: ['underlay', 'dhcpv6'], problem: 'the underlay has no IPv6' });
  const numbers = new Map<number, string>();
  for (const [name, { delegated }, path] of all) {
    if (delegated === undefined) continue;
    const other = numbers.get(delegated);
    if (other !== undefined)
      conflicts.push({ path: [...path, 'delegated'], problem: `is the number of ${other}` });
    else if (dhcpv6 !== true)
      conflicts.push({
        path: [...path, 'delegated'],
        problem: 'nobody asks for a prefix: see underlay.dhcpv6',
      });
    numbers.set(delegated, name);
  }
  for (const [index, [name, network, path]] of all.entries()) {
    if (network.ntpServer === true && !settings.ntp?.servers.length)
      conflicts.push({
        path: [...path, 'ntpServer'],
        problem: 'nobody tells the box the time: see ntp.servers',
      });
    for (const [other, { address }] of all.slice(0, index))
      if (overlaps(network.address, address))
        conflicts.push({
          path: [...path, 'address'],
          problem: `${name} and ${other} have addresses in common`,
        });
    if (network.outside !== undefined && lengthOf(network.outside) !== lengthOf(network.address))
      conflicts.push({ path: [...path, 'outside'], problem: 'must be as large as the network itself' });
    for (const [place, { address }] of (network.reservations ?? []).entries())
      if (!overlaps(network.address, `${address}/32`))
        conflicts.push({
          path: [...path, 'reservations', place, 'address'],
          problem: 'is not in the network',
        });
    for (const [place, address] of (network.dhcpRange ?? []).entries())
      if (!overlaps(network.address, `${address}/32`))
        conflicts.push({ path: [...path, 'dhcpRange', place], problem: 'is not in the network' });
    const [first = '', last = ''] = network.dhcpRange ?? [];
    if (numberOf(first) > numberOf(last))
      conflicts.push({ path: [...path, 'dhcpRange'], problem: 'ends before it begins' });
    if (network.ipv6 !== undefined && lengthOf(network.ipv6) !== 64)
      conflicts.push({ path: [...path, 'ipv6'], problem: 'hosts make addresses only in a /64 (RFC 4862)' });
  }
  return conflicts;
}

/** The analyser's port is given up by name: no default and no profile makes a port of the LAN or the underlay one. */
function mirrorConflicts({ mirror, ports, networks }: NetworkSettings): NetworkConflict[] {
  if (mirror === undefined) return [];
  const isUnused = (name: string) => {
    const own = Object.hasOwn(ports, name) ? ports[name] : undefined;
    return (typeof own === 'string' ? own : own?.role) === 'unused';
  };
  const conflicts: NetworkConflict[] = [];
  const problem = `an analyser needs a port of its own: set network.ports.${mirror.to} to unused`;
  if (!isUnused(mirror.to)) conflicts.push({ path: ['mirror', 'to'], problem });
  for (const [place, name] of mirror.from.entries())
    if (isUnused(name) && !Object.hasOwn(networks ?? {}, name))
      conflicts.push({ path: ['mirror', 'from', place], problem: `${name} is unused: nothing passes it` });
  return conflicts;
}

function lengthOf(prefix: string): number {
  return Number(prefix.split('/')[1]);
}

function overlaps(one: string, other: string): boolean {
  const length = Math.min(lengthOf(one), lengthOf(other));
  return length === 0 || numberOf(one) >>> (32 - length) === numberOf(other) >>> (32 - length);
}

function numberOf(prefix: string): number {
  const octets = (prefix.split('/')[0] ?? '').split('.').map(Number);
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}
