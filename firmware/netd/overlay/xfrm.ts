import { toHex } from '../../bytes/bytes.ts';
import type { InboundSecurityAssociation, OutboundSecurityAssociation } from '../../hip/association.ts';
import { hitPrefix } from '../../hip/host-identity-tag.ts';
import type { EspKeys } from '../../hip/key-material.ts';
import type { Locator } from '../../hip/locator.ts';
import type { EspSuite } from '../../hip/suites.ts';
import { limits } from './limits.ts';

/** Who the two ends of a security association are, inside and outside. HITs and addresses as canonical text. */
export type EspEnds = {
  readonly localHit: string;
  readonly peerHit: string;
  readonly local: Locator;
  readonly peer: Locator;
  /** The peer's mark, also XFRM's reqid. */
  readonly mark: number;
};

/** Smaller numbers win: a peer's policy before the trap, the trap before the block. */
const priority = { peer: 1000, trap: 2000, block: 3000 } as const;

/**
 * The policies that hold as long as the overlay runs. Traffic to a HIT without a security association asks the kernel's
 * key managers and is dropped; nothing from or to a HIT goes in the clear, comes in that way or is forwarded.
 */
export function renderBasePolicies(): string {
  const anywhere = '::/0';
  const block = (direction: string, source: string, destination: string) =>
    `xfrm policy update src ${source} dst ${destination} dir ${direction} priority ${priority.block} action block\n`;
  return [
    `xfrm policy update src ${hitPrefix} dst ${hitPrefix} dir out priority ${priority.trap} tmpl src :: dst :: proto esp mode beet\n`,
    ...['out', 'in', 'fwd'].flatMap((direction) => [
      block(direction, anywhere, hitPrefix),
      block(direction, hitPrefix, anywhere),
    ]),
  ].join('');
}

/**
 * The inbound half of a BEET pair as lines for `ip -batch -`: what the peer's ESP becomes, marked as the peer's, and the
 * policy that lets it in. Holds keys: for standard input only.
 */
export function renderInbound(association: InboundSecurityAssociation, ends: EspEnds): string {
  const { localHit, peerHit, local, peer, mark } = ends;
  return [
    state(association, { from: peer, to: local, mark }),
    ` output-mark ${hex(mark)} sel src ${peerHit} dst ${localHit}\n`,
    policy('update', 'in', ends),
    ` priority ${priority.peer} tmpl src ${peer.address} dst ${local.address} proto esp reqid ${mark} mode beet\n`,
  ].join('');
}

/** The outbound half: what goes to the peer's HIT leaves as ESP. Holds keys: for standard input only. */
export function renderOutbound(association: OutboundSecurityAssociation, ends: EspEnds): string {
  const { localHit, peerHit, local, peer, mark } = ends;
  return [
    state(association, { from: local, to: peer, mark }),
    ` sel src ${localHit} dst ${peerHit}\n`,
    policy('update', 'out', ends),
    ` priority ${priority.peer} tmpl src ${local.address} dst ${peer.address} proto esp reqid ${mark} mode beet\n`,
  ].join('');
}

/**
 * Takes a pair away, or its inbound half where there is no other yet: the outbound policy first, so that the trap holds
 * again.
 */
export function renderRemoval(
  { localSpi, peerSpi }: { localSpi: number; peerSpi?: number },
  ends: EspEnds,
): string {
  const { local, peer } = ends;
  const gone = (from: Locator, to: Locator, spi: number) =>
    `xfrm state delete src ${from.address} dst ${to.address} proto esp spi ${hex(spi)}\n`;
  return [
    ...(peerSpi === undefined ? [] : [`${policy('delete', 'out', ends)}\n`, gone(local, peer, peerSpi)]),
    `${policy('delete', 'in', ends)}\n`,
    gone(peer, local, localSpi),
  ].join('');
}

function state(
  { spi, suite, keys }: { readonly spi: number; readonly suite: EspSuite; readonly keys: EspKeys },
  { from, to, mark }: { from: Locator; to: Locator; mark: number },
): string {
  return [
    `xfrm state add src ${from.address} dst ${to.address} proto esp spi ${hex(spi)} reqid ${mark} mode beet`,
    // RFC 7402 §3.3.6: 64-bit sequence numbers and anti-replay are a MUST.
    ` replay-window ${limits.replayWindow} flag esn ${algorithms(suite, keys)}`,
    ...(from.port === null || to.port === null ? [] : [` encap espinudp ${from.port} ${to.port} 0.0.0.0`]),
  ].join('');
}

function algorithms({ name }: EspSuite, { encryption, authentication }: EspKeys): string {
  const key = `0x${toHex(encryption.reveal())}`;
  switch (name) {
    case 'aes-gcm-16':
      return `aead rfc4106(gcm(aes)) ${key} 128`;
    case 'aes-128-cbc-hmac-sha-256':
    case 'aes-256-cbc-hmac-sha-256':
      // RFC 4868 §2.3: the ICV is truncated to 128 bits.
      return `auth-trunc hmac(sha256) 0x${toHex(authentication.reveal())} 128 enc cbc(aes) ${key}`;
    case 'aes-ccm-16':
      return `aead rfc4309(ccm(aes)) ${key} 128`;
    case 'null-hmac-sha-256':
      return `auth-trunc hmac(sha256) 0x${toHex(authentication.reveal())} 128 enc ecb(cipher_null) ""`;
  }
}

function policy(verb: 'update' | 'delete', direction: 'in' | 'out', { localHit, peerHit }: EspEnds): string {
  const [source, destination] = direction === 'in' ? [peerHit, localHit] : [localHit, peerHit];
  return `xfrm policy ${verb} src ${source} dst ${destination} dir ${direction}`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
