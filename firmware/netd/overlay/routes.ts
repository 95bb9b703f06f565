import { hitPrefix } from '../../hip/host-identity-tag.ts';
import { overlayDevice } from '../desired.ts';
import { limits } from './limits.ts';
import { narrowBelow } from './narrow-way.ts';
import type { Peer } from './peer.ts';

/** Routes of the overlay carry HIP's protocol number, so that they can be told from everybody else's. */
const overlayRouteProtocol = 139;

/** Above the kernel's and the underlay's metrics: a protected prefix never takes the place of a LAN of our own. */
const metric = 4096;

/**
 * What may be left of an earlier run, and what `close` takes away: keys first, and last the policies that keep HITs off
 * the wire. `state flush`, since ip ends its whole batch after `state deleteall`.
 */
export function renderTeardown(): string {
  return [
    'xfrm state flush proto esp',
    `link delete ${overlayDevice}`,
    `address flush dev lo to ${hitPrefix}`,
    'xfrm policy flush',
    '',
  ].join('\n');
}

/** The overlay's device, which sends nothing by itself. */
export function renderDevice(): string {
  return `link add ${overlayDevice} type ip6tnl external\nlink set ${overlayDevice} up\n`;
}

/**
 * The box's HIT and the way to all HITs. That way leads to the overlay's own device: the security policies turn a packet
 * to a HIT into ESP before it gets there, or drop it.
 */
export function renderHit(localHit: string, underlayMtu: number): string {
  return `address replace ${localHit}/128 dev lo nodad\n${renderDeviceMtu(localHit, underlayMtu)}`;
}

/** The MTU of the underlay, or another one, for what `renderDevice` and `renderHit` made. */
export function renderDeviceMtu(localHit: string, underlayMtu: number): string {
  return `link set ${overlayDevice} mtu ${overlayMtu(underlayMtu)}\n${renderHitRoute(localHit, underlayMtu)}\n`;
}

/** Over a link of the box that is narrow itself, too, XFRM takes what becomes fragments outside. */
function renderHitRoute(localHit: string, underlayMtu: number): string {
  const mtu = Math.max(underlayMtu, narrowBelow);
  return `route replace ${hitPrefix} dev ${overlayDevice} src ${localHit} proto ${overlayRouteProtocol} mtu ${mtu}`;
}

/**
 * The largest packet that the kernel takes into the tunnel in one piece, with any ESP suite, over UDP and either IP
 * version, so that no path MTU has to be found out on a plain underlay. AES-CBC with HMAC-SHA-256 costs most: 8 (UDP) +
 * 8 (ESP) + 16 (IV) + 16 (ICV), and the rest is whole 16-octet blocks of which the trailer takes 2 octets. Over IPv4 the
 * kernel reckons with 20 octets less than there are, since it takes the inner header, which BEET leaves out, for as long
 * as the outer one. TCP is held to this even where the device's own MTU is larger.
 */
export function segmentMtu(underlayMtu: number): number {
  const blocks = (room: number) => Math.floor(room / 16) * 16 - 2;
  const overIpv4 = blocks(underlayMtu - 20 - 48) - 20;
  const overIpv6 = blocks(underlayMtu - 40 - 48);
  return Math.min(overIpv4, overIpv6);
}

/** The overlay device's MTU: `segmentMtu`, but never less than what IPv6 needs (RFC 8200 §5). */
export function overlayMtu(underlayMtu: number): number {
  return Math.max(segmentMtu(underlayMtu), limits.smallestMtu);
}

/** One route per protected prefix: a peer costs a route, not a device. */
export function renderPeerRoutes(localHit: string, peers: readonly Peer[]): string {
  return peers
    .flatMap(({ hit, protectedPrefixes }) =>
      protectedPrefixes.map(
        (prefix) =>
          `route replace ${prefix} encap ip6 src ${localHit} dst ${hit} dev ${overlayDevice} metric ${metric} proto ${overlayRouteProtocol}\n`,
      ),
    )
    .join('');
}

/** Takes routes away that no peer has any more. */
export function renderRouteRemoval(prefixes: readonly string[]): string {
  return prefixes
    .map(
      (prefix) =>
        `route delete ${prefix} dev ${overlayDevice} metric ${metric} proto ${overlayRouteProtocol}\n`,
    )
    .join('');
}
