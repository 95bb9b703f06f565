import { type HipUri, parseHipUri } from '../../hip/hip-uri.ts';
import { formatHit, type HostIdentityTag } from '../../hip/host-identity-tag.ts';
import type { PeerSettings } from '../../store/settings-schema.ts';
import { OverlayError } from './error.ts';
import { containsPrefix, type Prefix, parsePrefix } from './prefix.ts';

/** Where a peer may be: a name or an address, and the UDP port, or null for HIP and ESP straight over IP. */
export type PeerPlace = { readonly host: string; readonly port: number | null };

/** A peer as its settings name it. */
export type Peer = {
  readonly name: string;
  readonly tag: HostIdentityTag;
  /** In the order in which they are tried. */
  readonly places: readonly [PeerPlace, ...PeerPlace[]];
  /** Whether the association is made when traffic asks for it, and left when there is none. */
  readonly onDemand: boolean;
  /** The HIT's canonical text: what policies, routes and maps use. */
  readonly hit: string;
  /** Canonical, none within another. */
  readonly protectedPrefixes: readonly string[];
  /**
   * Marks what the peer's key decrypted, and ties its policies to its security associations (XFRM's reqid). Stays the
   * peer's as long as this overlay runs.
   */
  readonly mark: number;
};

/** Marks start here, so that they are not taken for another program's. */
export const firstMark = 0x10000;

/**
 * Reads the peers of a settings document. Throws `OverlayError` for one that cannot be used: settings are checked
 * before they are saved, so that is a defect. A HIT or a prefix that stands twice belongs to who has it first.
 */
export function readPeers(
  settings: readonly PeerSettings[],
  markOf: (hit: string) => number,
): readonly Peer[] {
  const peers = new Map<string, Peer>();
  const taken = new Set<string>();
  for (const { name, uri: text, locators = [], protectedPrefixes, connect, framing } of settings) {
    const uri = readUri(name, text);
    const hit = formatHit(uri.hit);
    if (peers.has(hit)) continue;
    const further = locators.map((locator) => readUri(name, `hip://${locator}/${hit}`));
    const place = ({ host, port }: HipUri): PeerPlace => ({ host, port: framing === 'raw' ? null : port });
    const free = protectedPrefixes
      .map((prefix) => readPrefix(name, prefix))
      .filter(({ text }) => !taken.has(text));
    const own = largest(free);
    for (const { text } of own) taken.add(text);
    peers.set(hit, {
      name,
      tag: uri.hit,
      places: [place(uri), ...further.map(place)],
      onDemand: connect === 'on-demand',
      hit,
      protectedPrefixes: own.map(({ text }) => text),
      mark: markOf(hit),
    });
  }
  return [...peers.values()];
}

function readUri(name: string, text: string): HipUri {
  const uri = parseHipUri(text);
  if (!uri.ok) throw new OverlayError('bad-peer', `${name}: ${uri.error}`);
  return uri.value;
}

function readPrefix(name: string, text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new OverlayError('bad-peer', `${name}: ${text} is not a network`);
  return prefix;
}

/** Without those within another: nftables takes no overlapping elements. */
function largest(prefixes: readonly Prefix[]): Prefix[] {
  return prefixes.filter(
    (prefix, index) =>
      !prefixes.some(
        (other, place) => containsPrefix(other, prefix) && (other.length < prefix.length || place < index),
      ),
  );
}
