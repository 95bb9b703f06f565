import type { NetworkSettings } from '../../../../store/network-schema.ts';
import type { StatusUpdate } from '../../../api/status-schema.ts';
import { isGlobal } from '../../is-global.ts';
import { type MarkName, type Summary, unfinishedNetwork } from '../../summary.ts';
import { texts } from '../../texts.ts';

export type Interface = StatusUpdate['network']['interfaces'][number];
export type Uplink = NonNullable<Interface['uplink']>;

/** Where a port can be: a port group, or a network of the administrator's that has ports of its own. */
export type GroupName = 'underlay' | 'lan' | 'management' | 'unused' | `network:${string}`;

export interface Group {
  readonly name: GroupName;
  readonly title: string;
  readonly role: 'underlay' | 'lan' | 'management' | 'unused';
  readonly ports: readonly Interface[];
  /** A VLAN has no ports of its own: it stands on those of the LAN, with a tag. */
  readonly vlan: number | null;
  readonly addresses: readonly string[];
}

const text = texts.network;

/** Ports in their order on the box's face; bridges and tunnels have no socket. */
export function portsOnFace(interfaces: readonly Interface[]): readonly Interface[] {
  const number = ({ name }: Interface) => Number(name.slice('port'.length));
  return interfaces.filter(({ name }) => /^port\d+$/.test(name)).sort((a, b) => number(a) - number(b));
}

/** Port groups and networks with the ports that are theirs. Without settings, which nobody may be shown, by the status alone. */
export function groupsOf(
  interfaces: readonly Interface[],
  settings: Pick<NetworkSettings, 'networks'> | null,
): readonly Group[] {
  const ports = portsOnFace(interfaces);
  const networks = Object.entries(settings?.networks ?? {});
  const own = networks.flatMap(([, { vlan, ports: named }]) => (vlan === undefined ? (named ?? []) : []));
  const withRole = (role: Interface['role']) => ports.filter((port) => port.role === role);
  const lan = withRole('lan');
  const addressesOf = (bridge: string) =>
    interfaces.find(({ kernelName }) => kernelName === bridge)?.addresses.filter(isGlobal) ?? [];
  const plain = (role: 'underlay' | 'management' | 'unused', addresses: readonly string[]): Group => {
    return { name: role, title: text.role[role], role, ports: withRole(role), vlan: null, addresses };
  };
  const uplinks = withRole('underlay').flatMap(({ addresses }) => addresses.filter(isGlobal));
  return [
    plain('underlay', uplinks),
    {
      ...{ name: 'lan', title: text.role.lan, role: 'lan', vlan: null },
      ports: lan.filter(({ name }) => !own.includes(name)),
      addresses: addressesOf('br-lan'),
    },
    ...networks.map(
      ([name, { vlan, ports: named }]): Group => ({
        ...{ name: `network:${name}`, title: name, role: 'lan', vlan: vlan ?? null },
        ports: lan.filter((port) => named?.includes(port.name) ?? vlan !== undefined),
        addresses: addressesOf(`br-${name}`),
      }),
    ),
    plain('management', addressesOf('br-mgmt')),
    plain('unused', []),
  ];
}

/** The group whose ports a port is among; VLANs only borrow ports. */
export function groupOfPort(groups: readonly Group[], port: string): Group | undefined {
  return groups.find(({ vlan, ports }) => vlan === null && ports.some(({ name }) => name === port));
}

/** How the network is, in one sentence, and the one thing to do. */
export function networkAnswer({ network }: Pick<StatusUpdate, 'network'>): Summary {
  const unfinished = unfinishedNetwork(network);
  if (unfinished !== null) return unfinished;
  const ports = portsOnFace(network.interfaces);
  if (ports.length === 0) return { mark: 'attention', sentence: text.none, advice: text.noneAdvice };
  const uplinks = ports
    .filter(({ role }) => role === 'underlay')
    .sort((a, b) => (a.uplink?.place ?? 0) - (b.uplink?.place ?? 0));
  const [first, ...others] = uplinks;
  if (first === undefined)
    return { mark: 'down', sentence: text.answer.noUplink, advice: text.answer.noUplinkAdvice };
  if (uplinks.every(({ link }) => link === 'down'))
    return {
      mark: 'down',
      sentence: texts.summary.noLink(uplinks.map(({ name }) => name)),
      advice: texts.summary.noLinkAdvice,
    };
  if (!first.addresses.some(isGlobal))
    return {
      mark: 'degraded',
      sentence: texts.summary.noAddress,
      advice: texts.summary.noAddressAdvice([first.name]),
    };
  const failing = uplinks.filter(({ uplink }) => uplink?.works === false).map(({ name }) => name);
  if (failing.length === uplinks.length)
    return { mark: 'down', sentence: text.answer.noneWorks, advice: text.answer.noneWorksAdvice };
  if (failing.length > 0)
    return {
      mark: 'degraded',
      sentence: text.answer.carriesDespite(first.name, failing),
      advice: text.answer.failingAdvice,
    };
  return {
    mark: 'up',
    sentence: text.answer.carries(
      first.name,
      others.map(({ name }) => name),
    ),
    advice: null,
  };
}

export interface Reason {
  readonly mark: MarkName;
  readonly words: string;
}

/** What an uplink's score is made of, what weighs most first. */
export function uplinkReasons({ link, uplink }: Pick<Interface, 'link' | 'uplink'>): readonly Reason[] {
  if (link === 'down') return [{ mark: 'down', words: text.uplink.noLink }];
  const look = uplink?.look ?? null;
  if (look === null) return [{ mark: 'off', words: text.uplink.notLooked }];
  const several = (
    words: (answered: number, asked: number) => string,
    { asked, answered }: typeof look.peers,
  ) => (asked === 0 ? [] : [{ mark: markOf(answered / asked), words: words(answered, asked) }]);
  const one = (words: (answers: boolean) => string, answers: boolean | null) =>
    answers === null ? [] : [{ mark: markOf(Number(answers)), words: words(answers) }];
  const reasons = [
    ...several(text.uplink.peers, look.peers),
    ...several(text.uplink.destinations, look.destinations),
    ...one(text.uplink.gateway, look.gateway),
    ...one(text.uplink.names, look.names),
  ];
  return reasons.length === 0 ? [{ mark: 'off', words: text.uplink.nobodyAsked }] : reasons;
}

function markOf(share: number): MarkName {
  return share === 1 ? 'up' : share === 0 ? 'down' : 'degraded';
}

/** `1 Gbit/s`, `2.5 Gbit/s`, `100 Mbit/s`, and half duplex, which is mostly a fault. */
export function speedWords(speed: Interface['speed']): string | null {
  if (speed === null) return null;
  const { megabits, duplex } = speed;
  const rate = megabits < 1000 ? `${megabits} Mbit/s` : `${megabits / 1000} Gbit/s`;
  return duplex === 'half' ? `${rate}, ${text.halfDuplex}` : rate;
}
