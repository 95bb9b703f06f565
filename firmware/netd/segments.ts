import type { LanSettings, NetworkSettings } from '../store/network-schema.ts';
import { limits } from './limits.ts';
import type { Port } from './ports.ts';

/** The kernel's names of the port groups' bridges. */
export const bridgeNames = { lan: 'br-lan', management: 'br-mgmt' } as const;

/** A member of a bridge: a port itself, or a VLAN of it. */
export type Member = { readonly link: string; readonly parent: string | null; readonly mac: string | null };

/** One network of hosts behind the gateway: the LAN, or a VLAN on the LAN's ports. */
export type Segment = {
  readonly name: string;
  readonly bridge: string;
  readonly vlan: number | null;
  readonly members: readonly Member[];
  readonly settings: LanSettings;
};

/**
 * The networks that have a port. A VLAN stands on all of the LAN's ports, or on those of them that it names; a network
 * without one has ports of its own, which are not the LAN's then.
 */
export function segmentsOf({ lan, networks }: NetworkSettings, ports: readonly Port[]): readonly Segment[] {
  const lanPorts = ports.filter(({ role }) => role === 'lan');
  const further = Object.entries(networks ?? {});
  const own = new Set(
    further.flatMap(([, { vlan, ports: named }]) => (vlan === undefined ? (named ?? []) : [])),
  );
  const plain = (chosen: readonly Port[]) =>
    chosen.map(({ nic }): Member => ({ link: nic.kernelName, parent: null, mac: nic.mac }));
  const segments: Segment[] = [
    {
      name: 'lan',
      bridge: bridgeNames.lan,
      vlan: null,
      members: plain(lanPorts.filter(({ name }) => !own.has(name))),
      settings: lan,
    },
    ...further.map(([name, { vlan, ports: named, ...settings }]): Segment => {
      const carrying = lanPorts.filter((port) => named === undefined || named.includes(port.name));
      const bridge = `br-${name}`;
      if (vlan === undefined) return { name, bridge, vlan: null, members: plain(carrying), settings };
      const tagged = carrying.map(({ name: port, nic }) => ({
        link: vlanName(port, vlan, ports),
        parent: nic.kernelName,
        mac: nic.mac,
      }));
      return { name, bridge, vlan, members: tagged, settings };
    }),
  ];
  // A VLAN comes up only on a port that is up.
  const untaggedFirst = (a: Segment, b: Segment) => Number(a.vlan !== null) - Number(b.vlan !== null);
  return segments.filter((segment) => segment.members.length > 0).sort(untaggedFirst);
}

/** Underlay ports as the VLANs that the settings say their uplinks are in; the others as they are. */
export function uplinkPorts({ underlay }: NetworkSettings, ports: readonly Port[]): readonly Port[] {
  return ports.map((port) => {
    const own = Object.hasOwn(underlay.uplinks ?? {}, port.name) ? underlay.uplinks?.[port.name] : undefined;
    if (port.role !== 'underlay' || own?.vlan === undefined) return port;
    const kernelName = vlanName(port.name, own.vlan, ports);
    return { ...port, nic: { ...port.nic, kernelName }, carriedBy: port.nic.kernelName };
  });
}

/** `port2.10`; a port whose name leaves no room is counted instead. */
function vlanName(port: string, vlan: number, ports: readonly Port[]): string {
  const name = `${port}.${vlan}`;
  if (name.length <= limits.interfaceNameLength) return name;
  return `nic${ports.findIndex(({ name: other }) => other === port)}.${vlan}`;
}
