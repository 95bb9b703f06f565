import { overlayDevice } from '../desired.ts';
import { limits } from './limits.ts';
import type { Peer } from './peer.ts';
import { renderSetChange } from './set-change.ts';

const table = 'inet hithe_overlay';

/** The set that counts, by mark, what was dropped for its source; arguments of `nft list set`. */
export const wrongSourceSet = `${table} wrong_sources`;

/**
 * The overlay's own nftables table as one transaction for `nft -f -`. What comes out of `hip0` carries the mark of the
 * security association that decrypted it, and may have no source outside that peer's prefixes: a peer cannot speak for
 * another. TCP is held to what ESP carries in one piece, in both directions, since the other end may be another make of
 * gateway.
 *
 * @param before the peers that the table has been made for, or undefined to make it from nothing
 */
export function renderAntiSpoofing(peers: readonly Peer[], mtu: number, before?: readonly Peer[]): string {
  const elements = ipVersions.map((version) =>
    renderSetChange(
      `${table} peer_sources_${version}`,
      sources(before ?? [], version),
      sources(peers, version),
    ),
  );
  const flush = chains.map((name) => `flush chain ${table} ${name}\n`);
  return [
    ...(before === undefined ? [antiSpoofingRemoval, declarations] : flush),
    rules(peers, mtu),
    ...elements,
  ].join('');
}

const chains = ['sources', 'raw', 'segments', 'clamp'] as const;

const declarations = `table ${table} {
	set peer_sources_ipv4 {
		typeof meta mark . ip saddr
		flags interval
	}
	set peer_sources_ipv6 {
		typeof meta mark . ip6 saddr
		flags interval
	}
	set wrong_sources {
		type mark
		size ${limits.wrongSources}
		flags dynamic
		counter
	}
}
`;

function rules(peers: readonly Peer[], mtu: number): string {
  return `table ${table} {
	chain sources {
		type filter hook prerouting priority raw; policy accept;
		iifname != "${overlayDevice}" accept
		meta mark . ip saddr @peer_sources_ipv4 accept
		meta mark . ip6 saddr @peer_sources_ipv6 accept
		update @wrong_sources { meta mark counter }
		counter drop comment "source is not the peer's"
	}
	chain raw {
		type filter hook input priority filter - 1; policy accept;
${peers.some(isRaw) ? '' : noRaw}	}
	chain segments {
		type filter hook forward priority mangle; policy accept;
		tcp flags & (syn | rst) != syn accept
		oifname "${overlayDevice}" jump clamp
		iifname "${overlayDevice}" jump clamp
	}
	chain clamp {
		meta nfproto ipv4 tcp flags & (syn | rst) == syn tcp option maxseg size set ${mtu - 40}
		meta nfproto ipv6 tcp flags & (syn | rst) == syn tcp option maxseg size set ${mtu - 60}
	}
}
`;
}

/** Takes the table away. */
export const antiSpoofingRemoval = `add table ${table}\ndelete table ${table}\n`;

const ipVersions = ['ipv4', 'ipv6'] as const;

function sources(peers: readonly Peer[], version: (typeof ipVersions)[number]): string[] {
  return peers.flatMap(({ mark, protectedPrefixes }) =>
    protectedPrefixes
      .filter((prefix) => prefix.includes(':') === (version === 'ipv6'))
      .map((prefix) => `0x${mark.toString(16)} . ${prefix}`),
  );
}

function isRaw({ places }: Peer): boolean {
  return places.some(({ port }) => port === null);
}

/** Where no peer is met without UDP, HIP (139) and ESP (50) straight over IP get nowhere. */
const noRaw = `		meta l4proto { 50, 139 } counter drop comment "HIP or ESP without UDP"
`;
