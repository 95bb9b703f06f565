import type { AssociationEffect } from '../../hip/association.ts';
import type { Locator } from '../../hip/locator.ts';
import type { RekeySettings } from '../../store/settings-schema.ts';
import { OverlayError } from './error.ts';
import { type EspCounters, parseEspListing } from './esp-listing.ts';
import { KernelCommands } from './kernel-commands.ts';
import { noSegments } from './kernel-preparation.ts';
import { limits } from './limits.ts';
import { narrowBelow, narrowWayRoutes } from './narrow-way.ts';
import { pathMtuRemoval, renderSegments } from './path-mtu.ts';
import type { Peer } from './peer.ts';
import { PeerGuard } from './peer-guard.ts';
import type { OverlayPorts } from './ports.ts';
import {
  renderDeviceMtu,
  renderHit,
  renderPeerRoutes,
  renderRouteRemoval,
  renderTeardown,
} from './routes.ts';
import {
  type EspEnds,
  renderChange,
  renderInbound,
  renderInboundPolicyRemoval,
  renderOutbound,
  renderStateRemoval,
  renderTrap,
  renderTrapRemoval,
} from './xfrm.ts';

/** The effects of an association that concern the kernel's security associations. */
export type EspEffect = Extract<
  AssociationEffect,
  { type: 'install-inbound' | 'install-outbound' | 'remove-inbound' | 'move-outbound' | 'remove-esp' }
>;

export function isEspEffect(effect: AssociationEffect): effect is EspEffect {
  switch (effect.type) {
    case 'install-inbound':
    case 'install-outbound':
    case 'remove-inbound':
    case 'move-outbound':
    case 'remove-esp':
      return true;
    default:
      return false;
  }
}

export type DataPathSettings = {
  /** The smallest MTU of the uplinks, in octets. */
  readonly underlayMtu: number;
  readonly rekey: RekeySettings;
};

/** What the control plane asks of the kernel. Every failure is an `OverlayError`. */
export type DataPath = {
  /** Gives the box its HIT and the way to all HITs, once the kernel is prepared for it. */
  open(settings: DataPathSettings): Promise<void>;
  /** Lets exactly these peers' prefixes be routed and come from them. */
  setPeers(peers: readonly Peer[], settings: DataPathSettings): Promise<void>;
  /** Applies a transition's effects in order. */
  apply(peer: Peer, effects: readonly EspEffect[]): Promise<void>;
  /** The outer address that an inbound security association was installed with, or undefined. */
  localAddress(localSpi: number): string | undefined;
  /** The outer address that an inbound security association expects the peer at, or undefined. */
  remoteAddress(localSpi: number): string | undefined;
  /** The kernel has removed a security association by itself. */
  forget(peer: Peer, spi: number): void;
  /** All security associations as they count now. */
  counters(): Promise<readonly EspCounters[]>;
  /** Packets of each mark that were dropped for a source that is not the peer's, since the first `setPeers`. */
  wrongSources(): Promise<ReadonlyMap<number, number>>;
  /** What the kernel knows that the way to each address takes in one packet, in octets. */
  pathMtus(addresses: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Fits TCP with the hosts behind each peer, and ESP to it, to the path MTU of its way, by mark. */
  fitPaths(pathMtus: ReadonlyMap<number, number>): Promise<void>;
  /** Takes everything away, keys first. */
  close(): Promise<void>;
};

type Inbound = Extract<EspEffect, { type: 'install-inbound' }>['association'];
type Outbound = Extract<EspEffect, { type: 'install-outbound' }>['association'];
/** A security association with the addresses that it was installed with: they may be gone by the time of removal. */
type Installed<Association> = { readonly association: Association; readonly ends: EspEnds };

/** The kernel as data path: XFRM for ESP, light-weight tunnels for prefixes, nftables for whose source is whose. */
export class KernelDataPath implements DataPath {
  readonly #ports: Pick<OverlayPorts, 'run' | 'sourceAddress'>;
  readonly #kernel: KernelCommands;
  readonly #guard: PeerGuard;
  readonly #localHit: string;
  readonly #localPort: number;
  readonly #prepared: Promise<void>;
  readonly #inbound = new Map<number, Installed<Inbound>>();
  /** By mark: a peer has one at a time. */
  readonly #outbound = new Map<number, Installed<Outbound>>();
  #rekey: RekeySettings = { seconds: Number.POSITIVE_INFINITY, mebibytes: Number.POSITIVE_INFINITY };
  #underlayMtu = 0;
  /**
   * Of each peer's way, by mark, where it is known. It goes with the way: hosts who are told of a narrow one keep to it
   * for minutes, and packets as small as that do not find out what another way takes.
   */
  #pathMtus = new Map<number, number>();
  #peers: readonly Peer[] = [];
  /** The ruleset of segments that the kernel has. */
  #segments = noSegments;
  /** The peer, by HIT, that each prefix is routed to. */
  #routed: ReadonlyMap<string, string> = new Map();

  /** `prepared` is what `prepareKernel` gave. */
  constructor(
    ports: Pick<OverlayPorts, 'run' | 'sourceAddress'>,
    localHit: string,
    localPort: number,
    prepared: Promise<void>,
  ) {
    this.#ports = ports;
    this.#prepared = prepared;
    this.#kernel = new KernelCommands(ports.run);
    this.#guard = new PeerGuard(this.#kernel, localHit);
    this.#localHit = localHit;
    this.#localPort = localPort;
  }

  async open({ underlayMtu, rekey }: DataPathSettings): Promise<void> {
    this.#rekey = rekey;
    this.#underlayMtu = underlayMtu;
    await this.#prepared;
    await this.#kernel.ip(renderHit(this.#localHit, underlayMtu));
  }

  async setPeers(peers: readonly Peer[], { underlayMtu, rekey }: DataPathSettings): Promise<void> {
    this.#rekey = rekey;
    // Sources before routes: no route may lead to an open door.
    await this.#guard.letIn(peers, underlayMtu);
    const wanted = new Map(
      peers.flatMap(({ hit, protectedPrefixes }) =>
        protectedPrefixes.map((prefix) => [prefix, hit] as const),
      ),
    );
    const before = this.#peers;
    this.#peers = peers;
    const goneTraps = before
      .filter(({ mark }) => !this.#outbound.has(mark) && !this.#isPeer(mark))
      .map((peer) => renderTrapRemoval(this.#hits(peer)));
    const routed = this.#routed;
    const surplus = [...routed.keys()].filter((prefix) => !wanted.has(prefix));
    // Until the kernel has taken all of it, any of these may be there and lead anywhere.
    this.#routed = new Map([...routed.keys(), ...wanted.keys()].map((prefix) => [prefix, '']));
    await this.#kernel.ipTolerant(renderRouteRemoval(surplus) + goneTraps.join(''));
    const known = new Set(before.map(({ mark }) => mark));
    const newTraps = peers
      .filter(({ mark }) => !known.has(mark) && !this.#outbound.has(mark))
      .map((peer) => renderTrap(this.#hits(peer)));
    const mtu = underlayMtu === this.#underlayMtu ? '' : renderDeviceMtu(this.#localHit, underlayMtu);
    this.#underlayMtu = underlayMtu;
    // Replacing a route that is there takes the kernel longer than adding it, and there may be thousands.
    const moved = peers.map((peer) => ({
      ...peer,
      protectedPrefixes: peer.protectedPrefixes.filter((prefix) => routed.get(prefix) !== peer.hit),
    }));
    await this.#kernel.ip(newTraps.join('') + renderPeerRoutes(this.#localHit, moved) + mtu);
    this.#routed = wanted;
  }

  async apply(peer: Peer, effects: readonly EspEffect[]): Promise<void> {
    for (const effect of effects) {
      switch (effect.type) {
        case 'install-inbound':
          await this.#installInbound(peer, effect.association);
          break;
        case 'install-outbound':
          await this.#installOutbound(peer, effect.association, effect.replaces);
          break;
        case 'remove-inbound':
          await this.#kernel.ipTolerant(this.#inboundRemoval(effect.spi));
          break;
        case 'move-outbound':
          await this.#moveOutbound(peer, effect);
          break;
        case 'remove-esp':
          await this.#removeEsp(peer, effect);
          break;
      }
    }
  }

  localAddress(localSpi: number): string | undefined {
    return this.#inbound.get(localSpi)?.ends.local.address;
  }

  remoteAddress(localSpi: number): string | undefined {
    return this.#inbound.get(localSpi)?.association.from.address;
  }

  forget({ mark }: Peer, spi: number): void {
    this.#inbound.delete(spi);
    if (this.#outbound.get(mark)?.association.spi === spi) this.#forgetOutbound(mark);
  }

  async counters(): Promise<readonly EspCounters[]> {
    return parseEspListing(await this.#kernel.listEsp());
  }

  wrongSources(): Promise<ReadonlyMap<number, number>> {
    return this.#kernel.wrongSources();
  }

  async pathMtus(addresses: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const known = await this.#kernel.pathMtus(addresses);
    return new Map(addresses.map((address) => [address, known.get(address) ?? this.#underlayMtu]));
  }

  async fitPaths(pathMtus: ReadonlyMap<number, number>): Promise<void> {
    this.#pathMtus = new Map(pathMtus);
    const segments = renderSegments(
      this.#peers.flatMap((peer) => {
        const pathMtu = this.#pathMtu(peer.mark);
        return pathMtu < this.#underlayMtu ? [{ peer, pathMtu }] : [];
      }),
    );
    if (segments !== this.#segments) {
      await this.#kernel.nft(segments);
      this.#segments = segments;
    }
    for (const [mark, { association, ends }] of this.#outbound) {
      const narrow = this.#isNarrow(mark);
      if (narrow === ends.narrow) continue;
      const fitting = { ...ends, narrow };
      this.#outbound.set(mark, { association, ends: fitting });
      // Where it has gone meanwhile there is nothing to change: an update never makes one.
      await this.#kernel.ipTolerant(renderChange(association, undefined, fitting, this.#rekey));
    }
  }

  async close(): Promise<void> {
    await this.#kernel.ipTolerant(renderTeardown() + narrowWayRoutes.remove);
    await this.#kernel.narrowWays('remove');
    await this.#guard.close();
    await this.#kernel.nft(pathMtuRemoval);
  }

  async #installInbound(peer: Peer, association: Inbound): Promise<void> {
    const ends = await this.#ends(peer, association.from);
    this.#inbound.set(association.spi, { association, ends });
    await this.#kernel.ip(renderInbound(association, ends, this.#rekey));
  }

  /** The new one is there and the policy leads to it before the old one goes: nothing finds neither. */
  async #installOutbound(peer: Peer, association: Outbound, replaces: number | undefined): Promise<void> {
    const old = this.#outbound.get(peer.mark);
    this.#leaveWay(peer.mark, association.to);
    const ends = await this.#ends(peer, association.to);
    this.#outbound.set(peer.mark, { association, ends });
    await this.#kernel.ip(renderOutbound(association, ends, this.#rekey));
    if (old !== undefined && old.association.spi === replaces)
      await this.#kernel.ipTolerant(outboundRemoval(old));
  }

  /** The same keys towards another place, without ever giving a sequence number twice (RFC 4303 §3.3.3). */
  async #moveOutbound(
    peer: Peer,
    { spi, localSpi, to }: Extract<EspEffect, { type: 'move-outbound' }>,
  ): Promise<void> {
    const old = this.#outbound.get(peer.mark);
    if (old === undefined || old.association.spi !== spi) return;
    this.#leaveWay(peer.mark, to);
    const ends = await this.#ends(peer, to);
    const association = { ...old.association, to };
    const inbound = this.#inbound.get(localSpi);
    this.#outbound.set(peer.mark, { association, ends });
    if (isSameWay(old.ends, ends)) {
      if (inbound !== undefined) this.#inbound.set(localSpi, { ...inbound, ends });
      if (ends.peer.port !== old.ends.peer.port)
        await this.#kernel.ip(renderChange(association, inbound?.association, ends, this.#rekey));
      return;
    }
    const start = (await this.#sentSequence(old)) + limits.sequenceMargin;
    const lines = renderOutbound(association, ends, this.#rekey, start);
    // The kernel knows a security association by its destination and SPI: with the same two the old one has to go first.
    if (old.ends.peer.address === to.address) {
      await this.#kernel.ip(outboundRemoval(old) + lines);
      return;
    }
    await this.#kernel.ip(lines);
    const last = await this.#sentSequence(old);
    await this.#kernel.ipTolerant(outboundRemoval(old));
    if (last >= start) throw new OverlayError('sequence', `${peer.name}: the move came too late`);
  }

  /** The last sequence number of an outbound security association, or what is left of the margin's purpose where it is gone. */
  async #sentSequence({ association, ends }: Installed<Outbound>): Promise<bigint> {
    const text = await this.#kernel.listEsp({
      source: ends.local.address,
      destination: ends.peer.address,
      spi: association.spi,
    });
    const found = parseEspListing(text).find(({ spi }) => spi === association.spi);
    if (found === undefined)
      throw new OverlayError('sequence', `security association ${association.spi} is gone`);
    return found.sentSequence;
  }

  async #removeEsp(
    peer: Peer,
    { localSpi, peerSpi }: Extract<EspEffect, { type: 'remove-esp' }>,
  ): Promise<void> {
    const outbound = this.#outbound.get(peer.mark);
    let lines = '';
    // The outbound policy first, so that the trap holds again.
    if (outbound !== undefined && outbound.association.spi === peerSpi) {
      this.#forgetOutbound(peer.mark);
      const hits = this.#hits(peer);
      lines += this.#isPeer(peer.mark) ? renderTrap(hits) : renderTrapRemoval(hits);
      lines += outboundRemoval(outbound);
    }
    const inbound = this.#inboundRemoval(localSpi);
    if (inbound !== '') lines += renderInboundPolicyRemoval(this.#hits(peer)) + inbound;
    await this.#kernel.ipTolerant(lines);
  }

  #forgetOutbound(mark: number): void {
    this.#outbound.delete(mark);
    this.#pathMtus.delete(mark);
  }

  #leaveWay(mark: number, to: Locator): void {
    const known = this.#outbound.get(mark);
    if (known?.association.to.address !== to.address) this.#pathMtus.delete(mark);
  }

  #inboundRemoval(spi: number): string {
    const installed = this.#inbound.get(spi);
    this.#inbound.delete(spi);
    if (installed === undefined) return '';
    const { local } = installed.ends;
    return renderStateRemoval(spi, installed.association.from.address, local.address);
  }

  #isPeer(mark: number): boolean {
    return this.#peers.some((peer) => peer.mark === mark);
  }

  #pathMtu(mark: number): number {
    return this.#pathMtus.get(mark) ?? this.#underlayMtu;
  }

  #isNarrow(mark: number): boolean {
    return this.#pathMtu(mark) < narrowBelow;
  }

  #hits({ hit }: Peer): { localHit: string; peerHit: string } {
    return { localHit: this.#localHit, peerHit: hit };
  }

  async #ends(peer: Peer, locator: Locator): Promise<EspEnds> {
    const address = await this.#ports.sourceAddress(locator);
    if (address === null) throw new OverlayError('no-route', `no route to ${locator.address}`);
    return {
      ...this.#hits(peer),
      local: { address, port: locator.port === null ? null : this.#localPort },
      peer: locator,
      mark: peer.mark,
      narrow: this.#isNarrow(peer.mark),
    };
  }
}

function outboundRemoval({ association, ends }: Installed<Outbound>): string {
  return renderStateRemoval(association.spi, ends.local.address, ends.peer.address);
}

/** Whether only the peer's UDP port differs, if anything: that is changed in place, and counting goes on. */
function isSameWay(before: EspEnds, after: EspEnds): boolean {
  return (
    before.local.address === after.local.address &&
    before.peer.address === after.peer.address &&
    (before.peer.port === null) === (after.peer.port === null)
  );
}
