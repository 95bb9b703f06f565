import { toHex } from '../../bytes/bytes.ts';
import type { InboundSecurityAssociation, OutboundSecurityAssociation } from '../../hip/association.ts';
import { hitPrefix } from '../../hip/host-identity-tag.ts';
import type { EspKeys } from '../../hip/key-material.ts';
import type { Locator } from '../../hip/locator.ts';
import type { EspSuite } from '../../hip/suites.ts';
import type { RekeySettings } from '../../store/settings-schema.ts';
import { limits } from './limits.ts';
import { narrowWayMark } from './narrow-way.ts';

/** Who the two ends of a security association are, inside and outside. HITs and addresses as canonical text. */
export type EspEnds = {
  readonly localHit: string;
  readonly peerHit: string;
  readonly local: Locator;
  readonly peer: Locator;
  /** The peer's mark, also XFRM's reqid. */
  readonly mark: number;
  /** The way to the peer is narrower than what ESP makes of 1280 octets, see path-mtu.ts. */
  readonly narrow: boolean;
};

type PeerHits = Pick<EspEnds, 'localHit' | 'peerHit'>;

/** Smaller numbers win: a peer's policy before the block. */
const priority = { peer: 1000, block: 3000 } as const;

/**
 * The policies that hold as long as the overlay runs: nothing from or to a HIT goes in the clear, comes in that way or is
 * forwarded.
 */
export function renderBasePolicies(): string {
  const anywhere = '::/0';
  const block = (direction: string, source: string, destination: string) =>
    `xfrm policy update src ${source} dst ${destination} dir ${direction} priority ${priority.block} action block\n`;
  return ['out', 'in', 'fwd']
    .flatMap((direction) => [block(direction, anywhere, hitPrefix), block(direction, hitPrefix, anywhere)])
    .join('');
}

/**
 * A peer's outbound policy while there is no security association: traffic asks the kernel's key managers and is dropped.
 * The kernel asks once per pair of outer addresses, and looks for a route where one is unspecified: so these are the
 * HITs, which nothing is ever sent to.
 */
export function renderTrap(peerHits: PeerHits): string {
  const { localHit, peerHit } = peerHits;
  return `${policy('update', 'out', peerHits)} priority ${priority.peer} tmpl src ${localHit} dst ${peerHit} proto esp mode beet\n`;
}

export function renderTrapRemoval(peerHits: PeerHits): string {
  return `${policy('delete', 'out', peerHits)}\n`;
}

export function renderInboundPolicyRemoval(peerHits: PeerHits): string {
  return `${policy('delete', 'in', peerHits)}\n`;
}

/**
 * An inbound security association as lines for `ip -batch -`: what the peer's ESP becomes, marked as the peer's, and the
 * policy that lets it in. The policy names no outer addresses: those of a predecessor that still receives may be others.
 * Holds keys: for standard input only.
 */
export function renderInbound(
  association: InboundSecurityAssociation,
  ends: EspEnds,
  rekey: RekeySettings,
): string {
  const { mark } = ends;
  return [
    inboundState('add', association, ends, rekey),
    policy('update', 'in', ends),
    ` priority ${priority.peer} tmpl src :: dst :: proto esp reqid ${mark} mode beet\n`,
  ].join('');
}

/**
 * The outbound half: what goes to the peer's HIT leaves as ESP. `after` is the last sequence number that counts as sent,
 * where the key was used before. Holds keys: for standard input only.
 */
export function renderOutbound(
  association: OutboundSecurityAssociation,
  ends: EspEnds,
  rekey: RekeySettings,
  after = 0n,
): string {
  const { local, peer, mark } = ends;
  return [
    outboundState('add', association, ends, rekey, after),
    policy('update', 'out', ends),
    ` priority ${priority.peer} tmpl src ${local.address} dst ${peer.address} proto esp reqid ${mark} mode beet\n`,
  ].join('');
}

/**
 * Another UDP port of the peer for both halves, or another width of the way to it; the kernel takes nothing else into a
 * security association that it has.
 */
export function renderChange(
  outbound: OutboundSecurityAssociation,
  inbound: InboundSecurityAssociation | undefined,
  ends: EspEnds,
  rekey: RekeySettings,
): string {
  const back = inbound === undefined ? '' : inboundState('update', inbound, ends, rekey);
  return outboundState('update', outbound, ends, rekey, 0n) + back;
}

/** Takes one security association away by the addresses that it was made with. */
export function renderStateRemoval(spi: number, source: string, destination: string): string {
  return `xfrm state delete src ${source} dst ${destination} proto esp spi ${hex(spi)}\n`;
}

function inboundState(
  verb: 'add' | 'update',
  association: InboundSecurityAssociation,
  { localHit, peerHit, local, peer, mark }: EspEnds,
  rekey: RekeySettings,
): string {
  const beginning = state(verb, association, { from: peer, to: local, mark }, rekey);
  return `${beginning} output-mark ${hex(mark)} sel src ${peerHit} dst ${localHit}\n`;
}

function outboundState(
  verb: 'add' | 'update',
  association: OutboundSecurityAssociation,
  { localHit, peerHit, local, peer, mark, narrow }: EspEnds,
  rekey: RekeySettings,
  after: bigint,
): string {
  const beginning = state(verb, association, { from: local, to: peer, mark }, rekey);
  const [high, low] = [after >> 32n, after & 0xffff_ffffn];
  const sequence = after === 0n ? '' : ` replay-oseq ${low} replay-oseq-hi ${high}`;
  // An update without a mark would leave the one that is there, and ip leaves a mark of 0 out.
  const [bit, mask] = [hex(narrow ? narrowWayMark : 1), hex(narrowWayMark)];
  const way = narrow || verb === 'update' ? ` output-mark ${bit} mask ${mask}` : '';
  return `${beginning}${sequence}${way} sel src ${localHit} dst ${peerHit}\n`;
}

function state(
  verb: 'add' | 'update',
  { spi, suite, keys }: { readonly spi: number; readonly suite: EspSuite; readonly keys: EspKeys },
  { from, to, mark }: { from: Locator; to: Locator; mark: number },
  rekey: RekeySettings,
): string {
  return [
    `xfrm state ${verb} src ${from.address} dst ${to.address} proto esp spi ${hex(spi)} reqid ${mark} mode beet`,
    // RFC 7402 §3.3.6: 64-bit sequence numbers and anti-replay are a MUST.
    ` replay-window ${limits.replayWindow} flag esn ${algorithms(suite, keys)}`,
    // Without ports ESP is a protocol of IP itself.
    from.port === null || to.port === null ? '' : ` encap espinudp ${from.port} ${to.port} 0.0.0.0`,
    lifetime(rekey),
  ].join('');
}

/**
 * When the kernel asks for new keys, and when it stops using these, should nobody have listened (RFC 4301 §4.4.2.1). The
 * association machine keeps the time itself and is some seconds earlier.
 */
function lifetime({ seconds, mebibytes }: RekeySettings): string {
  const bytes = mebibytes * 1024 * 1024;
  const [softTime, hardTime] = [Math.ceil(seconds * 1.25) + 5, seconds * 2 + limits.hardMarginSeconds];
  return [
    ` limit time-soft ${softTime} limit time-hard ${hardTime}`,
    ` limit byte-soft ${bytes} limit byte-hard ${bytes * limits.hardFactor}`,
    ` limit packet-soft ${limits.packetsPerKey} limit packet-hard ${limits.packetsPerKey * limits.hardFactor}`,
  ].join('');
}

function algorithms({ name }: EspSuite, { encryption, authentication }: EspKeys): string {
  const key = `0x${toHex(encryption.reveal())}`;
  // RFC 4868 §2.3: the ICV is truncated to 128 bits.
  const mac = `auth-trunc hmac(sha256) 0x${toHex(authentication.reveal())} 128`;
  switch (name) {
    case 'aes-gcm-16':
      return `aead rfc4106(gcm(aes)) ${key} 128`;
    case 'aes-ccm-16':
      return `aead rfc4309(ccm(aes)) ${key} 128`;
    case 'aes-128-cbc-hmac-sha-256':
    case 'aes-256-cbc-hmac-sha-256':
      return `${mac} enc cbc(aes) ${key}`;
    case 'null-hmac-sha-256':
      return `${mac} enc ecb(cipher_null) ""`;
  }
}

function policy(verb: 'update' | 'delete', direction: 'in' | 'out', { localHit, peerHit }: PeerHits): string {
  const [source, destination] = direction === 'in' ? [peerHit, localHit] : [localHit, peerHit];
  return `xfrm policy ${verb} src ${source} dst ${destination} dir ${direction}`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
