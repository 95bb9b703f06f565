import type { LanSettings, NetworkSettings } from '../../../../store/network-schema.ts';
import type { SettingsLayer } from '../../../../store/settings-schema.ts';
import type { EditedSettings } from '../../settings/change-flow.ts';
import { put, take } from '../../settings/document.ts';
import type { GroupName } from './network-facts.ts';

/**
 * What forms hold is text, as it was typed; what they make of it is for the box to check, which says at each path what is
 * wrong with it. So text that is no number stays text, and an empty field is a setting that is not there.
 */
export interface LanDraft {
  readonly address: string;
  readonly dhcpServer: boolean;
  readonly first: string;
  readonly last: string;
  readonly reservations: readonly ReservationDraft[];
  readonly ipv6: string;
  readonly delegated: string;
  readonly ntpServer: boolean;
  readonly outside: string;
  readonly internet: boolean;
  readonly segmentation: 'none' | 'ports';
  readonly vlan: string;
  /** Empty: all of the LAN's, which only a VLAN can have. */
  readonly ports: readonly string[];
}
export interface ReservationDraft {
  readonly mac: string;
  readonly address: string;
  readonly name: string;
}

type Further = LanSettings & {
  readonly vlan?: number | undefined;
  readonly ports?: readonly string[] | undefined;
};

export const noNetwork: LanDraft = lanDraft({ address: '', dhcpServer: true });

export function lanDraft(settings: Further): LanDraft {
  const [first = '', last = ''] = settings.dhcpRange ?? [];
  return {
    ...{ address: settings.address, dhcpServer: settings.dhcpServer, first, last },
    reservations: (settings.reservations ?? []).map(({ mac, address, name = '' }) => ({
      mac,
      address,
      name,
    })),
    ...{ ipv6: settings.ipv6 ?? '', outside: settings.outside ?? '', internet: settings.internet ?? false },
    segmentation: settings.segmentation ?? 'none',
    ...{ vlan: textOf(settings.vlan), delegated: textOf(settings.delegated) },
    ntpServer: settings.ntpServer ?? false,
    ports: settings.ports ?? [],
  };
}

/** The settings that a draft means; undefined is what is not set. */
export function lanSettings(draft: LanDraft): Readonly<Record<string, unknown>> {
  const { address, dhcpServer, first, last, reservations, ipv6, outside, internet, segmentation } = draft;
  return {
    ...{ address: address.trim(), dhcpServer },
    dhcpRange: first.trim() === '' && last.trim() === '' ? undefined : [first.trim(), last.trim()],
    reservations:
      reservations.length === 0
        ? undefined
        : reservations.map(({ mac, address: at, name }) => ({
            mac: mac.trim().toLowerCase(),
            address: at.trim(),
            ...(name.trim() === '' ? {} : { name: name.trim() }),
          })),
    ...{ ipv6: typed(ipv6), outside: typed(outside) },
    ...{ delegated: numberOf(draft.delegated), ntpServer: draft.ntpServer || undefined },
    internet: internet || undefined,
    segmentation: segmentation === 'none' ? undefined : segmentation,
    vlan: numberOf(draft.vlan),
    ports: draft.ports.length === 0 ? undefined : [...draft.ports],
  };
}

/** The document with those members put or taken away in which a group differs from what is in force. */
export function putChanged(
  { saved, inForce }: EditedSettings,
  path: readonly string[],
  wanted: Readonly<Record<string, unknown>>,
): SettingsLayer {
  return Object.entries(wanted).reduce((document, [name, value]) => {
    const before = take(inForce, [...path, name]);
    return JSON.stringify(before) === JSON.stringify(value)
      ? document
      : put(document, [...path, name], value);
  }, saved);
}

/** The port in another group. An MTU of its own stays; a network that has ports of its own gives it away or gets it. */
export function movePort({ saved, inForce }: EditedSettings, port: string, to: GroupName): SettingsLayer {
  const network = to.startsWith('network:') ? to.slice('network:'.length) : null;
  const role = network === null ? to : 'lan';
  const own = take(inForce, ['network', 'ports', port]);
  const moved = put(
    saved,
    ['network', 'ports', port],
    typeof own === 'object' && own !== null ? { ...own, role } : role,
  );
  return Object.entries(inForce.network.networks ?? {}).reduce((document, [name, { ports, vlan }]) => {
    const named = ports ?? [];
    const has = named.includes(port);
    const leaves = has && name !== network && (vlan === undefined || role !== 'lan');
    if (!leaves && !(name === network && !has)) return document;
    const left = leaves ? named.filter((other) => other !== port) : [...named, port];
    return put(document, ['network', 'networks', name, 'ports'], left);
  }, moved);
}

/** The port's MTU beside its group, which stays that of its profile where nobody has said another. */
export function portMtu({ saved, inForce }: EditedSettings, port: string, mtu: string): SettingsLayer {
  const path = ['network', 'ports', port];
  const own = take(inForce, path);
  const role = typeof own === 'string' ? own : take(own, ['role']);
  const wanted = numberOf(mtu);
  if (wanted === undefined) return put(saved, path, role);
  return put(saved, path, { ...(role === undefined ? {} : { role }), mtu: wanted });
}

export interface Ipv4Draft {
  /** `group`: what the group has, for one port of it. */
  readonly kind: 'group' | 'dhcp' | 'static' | 'modem';
  readonly address: string;
  readonly gateway: string;
  readonly dns: string;
}

type Ipv4Settings = NetworkSettings['underlay']['ipv4'] | 'modem' | undefined;

export function ipv4Draft(settings: Ipv4Settings): Ipv4Draft {
  if (settings === undefined || typeof settings === 'string')
    return { kind: settings ?? 'group', address: '', gateway: '', dns: '' };
  const { address, gateway = '', dns } = settings;
  return { kind: 'static', address, gateway, dns: dns.join(', ') };
}

export function ipv4Settings({ kind, address, gateway, dns }: Ipv4Draft): unknown {
  if (kind === 'group') return undefined;
  if (kind !== 'static') return kind;
  const by = typed(gateway);
  return { address: address.trim(), ...(by === undefined ? {} : { gateway: by }), dns: listOf(dns) };
}

/** `a, b c` as a list. */
export function listOf(words: string): readonly string[] {
  return words.split(/[\s,]+/).filter((word) => word !== '');
}

/** Nothing typed is no setting. */
export function typed(words: string): string | undefined {
  const trimmed = words.trim();
  return trimmed === '' ? undefined : trimmed;
}

/** The text of a number, empty where none is set. */
export function textOf(number: number | undefined): string {
  return String(number ?? '');
}

/** A number, or what stands in its place for the box to refuse. */
export function numberOf(words: string): number | string | undefined {
  const trimmed = typed(words);
  return trimmed !== undefined && /^\d+$/.test(trimmed) ? Number(trimmed) : trimmed;
}
