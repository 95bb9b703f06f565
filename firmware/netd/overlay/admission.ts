import { toHex } from '../../bytes/bytes.ts';
import { hipProtocol } from '../../hip/checksum.ts';
import { hipUdpPort } from '../../hip/framing.ts';
import { type HostIdentityTag, parseHit } from '../../hip/host-identity-tag.ts';
import { header, packetTypes } from '../../hip/packet.ts';
import { OverlayError } from './error.ts';
import { limits } from './limits.ts';
import type { Peer } from './peer.ts';
import { renderSetChange } from './set-change.ts';

const table = 'inet hithe_admission';

/** Bits from the transport header to HIP's: nothing over IP; over UDP its own header and the marker of RFC 9028 §5.1. */
const ways = { udp: (8 + 4) * 8, ip: 0 } as const;

/**
 * What of HIP reaches this program at all, as one transaction for `nft -f -`: only packets from a peer's HIT to ours, a
 * few a second from one address. The kernel drops the rest before it is queued, so that a flood neither fills the socket
 * nor costs a process its time, and another peer's packets find room. A HIT can be claimed by anybody who has seen one,
 * from ever new addresses; so packets are counted by HIT too: who floods under one peer's name is in nobody else's way.
 * I1 and I2, which open associations, are counted apart: a flood of them leaves the open association its UPDATEs.
 *
 * @param before the peers that the table has been made for, or undefined to make it from nothing
 */
export function renderAdmission(localHit: string, peers: readonly Peer[], before?: readonly Peer[]): string {
  const own = parseHit(localHit);
  if (own === undefined) throw new OverlayError('bad-peer', `${localHit} is not a HIT`);
  const tags = (of: readonly Peer[]) => of.map(({ tag }) => hex(tag));
  const change = renderSetChange(`${table} peer_tags`, tags(before ?? []), tags(peers));
  return before === undefined ? `${admissionRemoval}${tableOf(own)}${change}` : change;
}

function tableOf(own: HostIdentityTag): string {
  return `table ${table} {
	set peer_tags {
		typeof @th,0,128
	}
${rates('senders_ipv4', '@th,0,128 . ip saddr')}
${rates('senders_ipv6', '@th,0,128 . ip6 saddr')}
${rates('openers', '@th,0,128')}
${rates('speakers', '@th,0,128')}
	chain arrivals {
		type filter hook prerouting priority raw - 10; policy accept;
		udp dport ${hipUdpPort} @th,64,32 0 jump over_udp
		meta l4proto ${hipProtocol} jump over_ip
	}
${chain('over_udp', ways.udp, own)}
${chain('over_ip', ways.ip, own)}
}
`;
}

/** Takes the table away. */
export const admissionRemoval = `add table ${table}\ndelete table ${table}\n`;

/** Entries that nobody renews go by themselves; where there is no room for another, its packets are not counted. */
function rates(name: string, fields: string): string {
  return `	set ${name} {
		typeof ${fields}
		size ${limits.countedSenders}
		flags dynamic
		timeout ${limits.senderForgottenSeconds}s
	}`;
}

function chain(name: string, start: number, own: HostIdentityTag): string {
  const sender = `@th,${start + header.sender * 8},128`;
  const receiver = `@th,${start + header.receiver * 8},128`;
  // The upper bit is SHIM6's and not looked at (RFC 7401 §5.1).
  const type = `@th,${start + 16},8 & 0x7f`;
  const openers = [packetTypes.I1, packetTypes.I2].join(', ');
  const over = (perSecond: number) => `limit rate over ${perSecond}/second burst ${2 * perSecond} packets`;
  const perSender = over(limits.packetsPerSender);
  return `	chain ${name} {
		${receiver} != ${hex(own)} counter drop comment "HIP for another host"
		${sender} != @peer_tags counter drop comment "HIP from no peer"
		update @senders_ipv4 { ${sender} . ip saddr ${perSender} } counter drop comment "HIP too often"
		update @senders_ipv6 { ${sender} . ip6 saddr ${perSender} } counter drop comment "HIP too often"
		${type} { ${openers} } update @openers { ${sender} ${over(limits.openingsPerPeer)} } counter drop comment "HIP opened too often"
		${type} != { ${openers} } update @speakers { ${sender} ${over(limits.packetsPerPeer)} } counter drop comment "HIP spoken too often"
	}`;
}

const hex = (tag: Uint8Array) => `0x${toHex(tag)}`;
