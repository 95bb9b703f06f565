import { overlayDevice } from '../desired.ts';
import type { Peer } from './peer.ts';

const table = 'inet hithe_overlay';

/** The set that counts, by mark, what was dropped for its source; arguments of `nft list set`. */
export const wrongSourceSet = `${table} wrong_sources`;

/**
 * The overlay's own nftables table, whole, as one transaction for `nft -f -`. What comes out of `hip0` carries the mark
 * of the security association that decrypted it, and may have no source outside that peer's prefixes: a peer cannot
 * speak for another. TCP is held to what ESP carries in one piece, in both directions, since the other end may be
 * another make of gateway.
 */
export function renderAntiSpoofing(peers: readonly Peer[], mtu: number): string {
  const sources = peers.flatMap(({ mark, protectedPrefixes }) =>
    protectedPrefixes.map((prefix) => ({ mark, prefix })),
  );
  return `add table ${table}
delete table ${table}
table ${table} {
${set(
  'peer_sources_ipv4',
  'ip saddr',
  sources.filter(({ prefix }) => !prefix.includes(':')),
)}
${set(
  'peer_sources_ipv6',
  'ip6 saddr',
  sources.filter(({ prefix }) => prefix.includes(':')),
)}
	set wrong_sources {
		type mark
		size ${Math.max(1, peers.length)}
		flags dynamic
		counter
	}
	chain sources {
		type filter hook prerouting priority raw; policy accept;
		iifname != "${overlayDevice}" accept
		meta mark . ip saddr @peer_sources_ipv4 accept
		meta mark . ip6 saddr @peer_sources_ipv6 accept
		update @wrong_sources { meta mark counter }
		counter drop comment "source is not the peer's"
	}
${peers.some(isRaw) ? '' : noRaw}	chain segments {
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

function isRaw({ places }: Peer): boolean {
  return places.some(({ port }) => port === null);
}

/** Where no peer is met without UDP, HIP (139) and ESP (50) straight over IP get nowhere. */
const noRaw = `	chain raw {
		type filter hook input priority filter - 1; policy accept;
		meta l4proto { 50, 139 } counter drop comment "HIP or ESP without UDP"
	}
`;

function set(name: string, field: string, sources: readonly { mark: number; prefix: string }[]): string {
  const elements = sources.map(({ mark, prefix }) => `0x${mark.toString(16)} . ${prefix}`);
  return `	set ${name} {
		typeof meta mark . ${field}
		flags interval
${elements.length === 0 ? '' : `		elements = { ${elements.join(', ')} }\n`}	}`;
}
