import { hipUdpPort } from '../../hip/framing.ts';
import { overlayDevice } from '../desired.ts';
import { limits as networkLimits } from '../limits.ts';
import { limits } from './limits.ts';
import { narrowWayMark } from './narrow-way.ts';
import type { Peer } from './peer.ts';
import { segmentMtu } from './routes.ts';

const fragmentTable = 'inet hithe_fragments';
const segmentTable = 'inet hithe_segments';

/** The set of what routers said; arguments of `nft list set`. */
export const toldMtuSet = `${fragmentTable} told_mtus`;

/**
 * Lets every IPv6 packet of 1280 octets through a narrow IPv4 underlay: IPv6 knows nothing smaller (RFC 8200 §5), and
 * XFRM's BEET mode never fragments before ESP. So the ESP packets that such packets become may be fragmented outside (RFC
 * 2473 §7.1), each with a number of its own; larger ones still find out the path MTU. The kernel takes no path for
 * narrower than `leastKnownMtu`, or it would refuse them itself; what routers say below that is kept beside it. Over
 * narrow IPv6, and where the box's own link is narrow, see narrow-way.ts.
 */
export function renderFragments(): string {
  const fragmented = `ip frag-off set 0 ip id set numgen inc mod 65536`;
  return `add table ${fragmentTable}
delete table ${fragmentTable}
table ${fragmentTable} {
	set told_mtus {
		typeof @th,192,32 . icmp mtu
		size ${limits.toldMtus}
		flags dynamic,timeout
		timeout ${limits.toldMtuSeconds}s
	}
	chain told {
		type filter hook prerouting priority raw; policy accept;
		icmp type destination-unreachable icmp code frag-needed icmp mtu ${limits.leastToldMtu}-${networkLimits.leastKnownMtu - 1} @th,136,8 { 17, 50 } update @told_mtus { @th,192,32 . icmp mtu }
	}
	chain narrow_ways {
		type route hook output priority mangle; policy accept;
		meta mark & ${narrowWayMark} != 0 meta mark set meta mark & ${narrowWayMark - 1}
		ip length ${limits.wholeMtu + 1}-${networkLimits.leastKnownMtu} jump fragments
	}
	chain fragments {
		udp sport ${hipUdpPort} @th,64,32 != 0 ${fragmented}
		ip protocol esp ${fragmented}
	}
}
`;
}

/**
 * Holds TCP with the hosts behind each peer, in both directions, to what the way to that peer takes in one piece. Ways as
 * wide as the underlay's links need no entry: the table of the sources holds all to those.
 *
 * @param ways the path MTU in octets of each peer that has one below the links'
 */
export function renderSegments(ways: readonly { readonly peer: Peer; readonly pathMtu: number }[]): string {
  const widths = [...Map.groupBy(ways, ({ pathMtu }) => segmentMtu(pathMtu))].map(([mtu, narrow]) => {
    const prefixes = narrow.flatMap(({ peer }) => peer.protectedPrefixes);
    return {
      ipv4: width(
        'ip',
        mtu,
        40,
        prefixes.filter((prefix) => !prefix.includes(':')),
      ),
      ipv6: width(
        'ip6',
        mtu,
        60,
        prefixes.filter((prefix) => prefix.includes(':')),
      ),
    };
  });
  const both = widths.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]);
  return `add table ${segmentTable}
delete table ${segmentTable}
table ${segmentTable} {
${both.map(({ set }) => set).join('')}	chain segments {
		type filter hook forward priority mangle; policy accept;
		tcp flags & (syn | rst) != syn accept
		oifname "${overlayDevice}" jump to_peers
		iifname "${overlayDevice}" jump from_peers
	}
	chain to_peers {
${both.map(({ to }) => to).join('')}	}
	chain from_peers {
${both.map(({ from }) => from).join('')}	}
}
`;
}

/** Takes both tables away. */
export const pathMtuRemoval = [fragmentTable, segmentTable]
  .map((table) => `add table ${table}\ndelete table ${table}\n`)
  .join('');

/** Reads elements of `toldMtuSet`: `0x0a630202 . 1280 expires 9m48s`. The smallest of an address counts. */
export function parseToldMtus(text: string): ReadonlyMap<string, number> {
  const told = new Map<string, number>();
  for (const [, octets, mtu] of text.matchAll(/\b(0x[0-9a-f]{1,8}|\d{1,10}) \. (\d{2,5})\b/g)) {
    const address = formatIpv4(Number(octets));
    told.set(address, Math.min(Number(mtu), told.get(address) ?? Number.POSITIVE_INFINITY));
  }
  return told;
}

/** A set of prefixes and the rules that hold TCP with them to segments; nothing where there are no prefixes. */
function width(family: 'ip' | 'ip6', mtu: number, headers: number, prefixes: readonly string[]) {
  if (prefixes.length === 0) return { set: '', to: '', from: '' };
  const name = `${family}_${mtu}`;
  const clamp = (field: string) =>
    `\t\t${family} ${field} @${name} tcp option maxseg size set ${mtu - headers}\n`;
  return {
    set: `	set ${name} {
		typeof ${family} daddr
		flags interval
		auto-merge
		elements = { ${prefixes.join(', ')} }
	}
`,
    to: clamp('daddr'),
    from: clamp('saddr'),
  };
}

function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}
