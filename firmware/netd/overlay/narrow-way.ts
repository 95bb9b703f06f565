import { limits as networkLimits } from '../limits.ts';

/**
 * IPv6 knows nothing smaller than 1280 octets (RFC 8200 §5), yet XFRM's BEET mode refuses what would be too large after
 * ESP, and takes no fragments. So to a peer whose way is narrower than what ESP makes of 1280 octets, XFRM is told of a
 * wider one: the outbound security association sets this bit of the mark, which leads XFRM's search for a route to a
 * table of its own. Its route leads nowhere: before ESP packets leave, nftables takes the bit away, and they find their
 * real way, for which the kernel fragments them outside (RFC 2473 §7.1).
 */
export const narrowWayMark = 0x8000_0000;

/** Number of the routing table: HIP's UDP port, which is nobody else's. */
const routingTable = 10500;

/** Ways narrower than this need it. */
export const narrowBelow = networkLimits.leastKnownMtu;

const bit = `0x${narrowWayMark.toString(16)}`;
const rule = `fwmark ${bit}/${bit} lookup ${routingTable}\n`;

const routes = (verb: 'replace' | 'delete') =>
  ['0.0.0.0/0', '::/0']
    .map((all) => `route ${verb} ${all} dev lo table ${routingTable} mtu ${narrowBelow}\n`)
    .join('');

/** The routes of both IP versions, for `ip -batch -`. */
export const narrowWayRoutes = { add: routes('replace'), remove: routes('delete') } as const;

/** For each IP version by itself: `ip -4 -batch -` and `ip -6 -batch -`. */
export const narrowWayRule = { add: `rule add ${rule}`, remove: `rule delete ${rule}` } as const;
