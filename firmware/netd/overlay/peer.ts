import { type HipUri, parseHipUri } from '../../hip/hip-uri.ts';
import { formatHit } from '../../hip/host-identity-tag.ts';
import type { PeerSettings } from '../../store/settings-schema.ts';
import { OverlayError } from './error.ts';
import { containsPrefix, type Prefix, parsePrefix } from './prefix.ts';

/** A peer as its settings name it. */
export type Peer = {
  readonly name: string;
  readonly uri: HipUri;
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
  for (const { name, uri: text, protectedPrefixes } of settings) {
    const uri = parseHipUri(text);
    if (!uri.ok) throw new OverlayError('bad-peer', `${name}: ${uri.error}`);
    const hit = formatHit(uri.value.hit);
    if (peers.has(hit)) continue;
    const free = protectedPrefixes
      .map((prefix) => readPrefix(name, prefix))
      .filter(({ text }) => !taken.has(text));
    const own = largest(free);
    for (const { text } of own) taken.add(text);
    peers.set(hit, {
      name,
      uri: uri.value,
      hit,
      protectedPrefixes: own.map(({ text }) => text),
      mark: markOf(hit),
    });
  }
  return [...peers.values()];
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
