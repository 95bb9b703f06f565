import type { Settings } from '../store/settings-schema.ts';
import { limits } from './limits.ts';

/** What is needed to see whether the box can still be reached. */
export interface ReachabilityPorts {
  /** Host identity tags of peers that a tunnel stands to. */
  tunnels(): readonly string[];
  /** Whether a peer answers an echo through its tunnel. */
  echo(hit: string): Promise<boolean>;
  /** Addresses that the page is served on. */
  pageAddresses(): readonly string[];
  /** Whether the page's server answers a request. */
  answersItself(): Promise<boolean>;
}

/** Who could be reached at one time. */
export type Reached = { readonly peers: readonly string[]; readonly page: boolean };

/**
 * Looks who can be reached now, so that later there is something to compare with: peers that answer through their
 * tunnels, of which a few speak for all, and whether the page is served anywhere.
 */
export async function lookAround(ports: ReachabilityPorts): Promise<Reached> {
  const asked = ports.tunnels().slice(0, limits.reachedPeers);
  const answered = await Promise.all(asked.map((hit) => ports.echo(hit)));
  return { peers: asked.filter((_, index) => answered[index]), page: ports.pageAddresses().length > 0 };
}

/**
 * What could be reached before and cannot be now, in words; empty where nothing, which is the proof that a change may
 * stay. Peers that the settings do not name any more are not missed.
 */
export async function missingSince(
  before: Reached,
  { overlay }: Pick<Settings, 'overlay'>,
  ports: ReachabilityPorts,
): Promise<readonly string[]> {
  const names = new Map(
    overlay.peers.map(({ uri, name }) => [canonicalHit(uri.slice(uri.lastIndexOf('/') + 1)), name]),
  );
  const wanted = before.peers.filter((hit) => names.has(canonicalHit(hit)));
  const [answered, page] = await Promise.all([
    Promise.all(wanted.map((hit) => ports.echo(hit))),
    ports.answersItself(),
  ]);
  const silent = wanted.filter((_, index) => !answered[index]);
  return [
    ...silent.map(
      (hit) => `the peer ${names.get(canonicalHit(hit))} (${hit}) does not answer through its tunnel`,
    ),
    ...(before.page && ports.pageAddresses().length === 0 ? ['the page is served nowhere any more'] : []),
    ...(page ? [] : ['the page does not answer']),
  ];
}

/** The platform's URL parser knows every spelling of an IPv6 address. */
function canonicalHit(text: string): string {
  const url = `http://[${text}]/`;
  return URL.canParse(url) ? new URL(url).hostname : text;
}
