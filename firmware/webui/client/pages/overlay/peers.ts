import type { PeerSettings, SettingsLayer } from '../../../../store/settings-schema.ts';
import { hitGroups } from '../../format.ts';
import type { EditedSettings } from '../../settings/change-flow.ts';
import { put, take } from '../../settings/document.ts';
import { type Tunnel, type TunnelCondition, tunnelCondition } from '../../tunnel-state.ts';

export const sorts = ['state', 'name', 'traffic', 'roundTrip'] as const;
export type Sort = (typeof sorts)[number];

/** What needs somebody comes first. */
const urgency: readonly TunnelCondition[] = ['down', 'connecting', 'closing', 'up', 'idle'];

/** Tunnels in the order that somebody asked for; those that are the same in it by name. */
export function sortTunnels(tunnels: readonly Tunnel[], sort: Sort): readonly Tunnel[] {
  const keys: Record<Sort, (tunnel: Tunnel) => number> = {
    name: () => 0,
    state: (tunnel) => urgency.indexOf(tunnelCondition(tunnel)),
    traffic: ({ traffic }) => -(traffic.sentBytes + traffic.receivedBytes),
    roundTrip: ({ roundTripMs }) => -(roundTripMs ?? -1),
  };
  const key = keys[sort];
  return tunnels.toSorted(
    (one, other) => key(one) - key(other) || one.peer.localeCompare(other.peer, 'en', { numeric: true }),
  );
}

/** Whether a tunnel is one of those that are looked for: by name, HIT, address or network. */
export function tunnelMatches(tunnel: Tunnel, wanted: string): boolean {
  const { peer, hit, locator, protectedPrefixes } = tunnel;
  const looked = wanted.trim().toLowerCase();
  return [peer, hit, hitGroups(hit).join(':'), locator ?? '', ...protectedPrefixes].some((text) =>
    text.toLowerCase().includes(looked),
  );
}

/**
 * How a HIT that somebody pasted, alone or in a `hip://` URI, compares with one: the places of the groups that differ, or
 * null where it is no HIT at all.
 */
export function compareHit(hit: string, pasted: string): readonly number[] | null {
  const text = pasted.trim();
  const found = hitGroups(
    (text.startsWith('hip://') ? text.slice(text.lastIndexOf('/') + 1) : text).toLowerCase(),
  );
  if (found.length !== 8 || found.some((group) => !/^[0-9a-f]{4}$/.test(group))) return null;
  return hitGroups(hit).flatMap((group, index) => (group === found[index] ? [] : [index]));
}

const path = ['overlay', 'peers'];

/** The list of peers that a change starts from: a list of the saved settings takes the place of any other. */
export function peersOf({ saved, inForce }: EditedSettings): readonly PeerSettings[] {
  const list = take(saved, path);
  return Array.isArray(list) ? (list as PeerSettings[]) : inForce.overlay.peers;
}

/** Where a peer stands in the list once it is in the settings: in the place of the one with this name, or at the end. */
export function placeOfPeer(settings: EditedSettings, replaces: string | null): number {
  const peers = peersOf(settings);
  const at = peers.findIndex(({ name }) => name === replaces);
  return at < 0 ? peers.length : at;
}

/** The settings with a peer in them: in the place of the one with the name `replaces`, or at the end. */
export function withPeer(
  settings: EditedSettings,
  peer: PeerSettings,
  replaces: string | null,
): SettingsLayer {
  return put(settings.saved, path, peersOf(settings).toSpliced(placeOfPeer(settings, replaces), 1, peer));
}

export function withoutPeer(settings: EditedSettings, name: string): SettingsLayer {
  return put(
    settings.saved,
    path,
    peersOf(settings).filter((peer) => peer.name !== name),
  );
}

/** A peer as it is typed; all is kept, also what the settings would refuse. */
export interface PeerDraft {
  readonly name: string;
  readonly uri: string;
  /** A network a line, or with commas between them. */
  readonly networks: string;
  readonly connect: 'always' | 'on-demand';
}

export const emptyPeer: PeerDraft = { name: '', uri: '', networks: '', connect: 'always' };

export function draftOfPeer({ name, uri, protectedPrefixes, connect = 'always' }: PeerSettings): PeerDraft {
  return { name, uri, networks: protectedPrefixes.join('\n'), connect };
}

/** What is not in the form stays as it was. */
export function peerOfDraft(
  { name, uri, networks, connect }: PeerDraft,
  before: PeerSettings | undefined,
): PeerSettings {
  const { connect: _, ...kept } = before ?? {};
  return {
    ...kept,
    name: name.trim(),
    uri: uri.trim(),
    protectedPrefixes: networks.split(/[\s,;]+/).filter((network) => network !== ''),
    ...(connect === 'always' ? {} : { connect }),
  };
}
