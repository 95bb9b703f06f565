import type { AssociationEffect } from '../../hip/association.ts';
import type { Locator } from '../../hip/locator.ts';
import { programs } from '../system-port.ts';
import { antiSpoofingRemoval, renderAntiSpoofing } from './anti-spoofing.ts';
import { OverlayError } from './error.ts';
import type { Peer } from './peer.ts';
import type { OverlayPorts } from './ports.ts';
import { overlayMtu, renderDevice, renderPeerRoutes, renderRouteRemoval, renderTeardown } from './routes.ts';
import { type EspEnds, renderBasePolicies, renderInbound, renderOutbound, renderRemoval } from './xfrm.ts';

/** The effects of an association that concern the kernel's security associations. */
export type EspEffect = Extract<
  AssociationEffect,
  { type: 'install-inbound' | 'install-outbound' | 'remove-esp' }
>;

export function isEspEffect(effect: AssociationEffect): effect is EspEffect {
  return (
    effect.type === 'install-inbound' || effect.type === 'install-outbound' || effect.type === 'remove-esp'
  );
}

/** What the control plane asks of the kernel. Every failure is an `OverlayError`. */
export type DataPath = {
  /** Makes the device, the address and the policies that keep HITs off the wire; what an earlier run left goes first. */
  open(underlayMtu: number): Promise<void>;
  /** Lets exactly these peers' prefixes be routed and come from them. */
  setPeers(peers: readonly Peer[], underlayMtu: number): Promise<void>;
  /** Applies a transition's effects in order. */
  apply(peer: Peer, effects: readonly EspEffect[]): Promise<void>;
  /** The outer address that an inbound security association was installed with, or undefined. */
  localAddress(localSpi: number): string | undefined;
  /** Takes everything away, keys first. */
  close(): Promise<void>;
};

/** The kernel as data path: XFRM for ESP, light-weight tunnels for prefixes, nftables for whose source is whose. */
export class KernelDataPath implements DataPath {
  readonly #ports: Pick<OverlayPorts, 'run' | 'sourceAddress'>;
  readonly #localHit: string;
  readonly #localPort: number;
  /** The outer address that each inbound SPI was installed with: it may be gone by the time of removal. */
  readonly #localAddresses = new Map<number, string>();
  #routed: readonly string[] = [];

  constructor(ports: Pick<OverlayPorts, 'run' | 'sourceAddress'>, localHit: string, localPort: number) {
    this.#ports = ports;
    this.#localHit = localHit;
    this.#localPort = localPort;
  }

  async open(underlayMtu: number): Promise<void> {
    await this.#ipTolerant(renderTeardown(this.#localHit));
    // Policies before routes: nothing may find a way while there is no rule for it.
    await this.#ip(renderBasePolicies() + renderDevice(this.#localHit, underlayMtu));
  }

  async setPeers(peers: readonly Peer[], underlayMtu: number): Promise<void> {
    // Sources before routes: no route may lead to an open door.
    await this.#nft(renderAntiSpoofing(peers, overlayMtu(underlayMtu)));
    const prefixes = peers.flatMap(({ protectedPrefixes }) => protectedPrefixes);
    const surplus = this.#routed.filter((prefix) => !prefixes.includes(prefix));
    if (surplus.length > 0) await this.#ipTolerant(renderRouteRemoval(surplus));
    this.#routed = prefixes;
    if (prefixes.length > 0) await this.#ip(renderPeerRoutes(this.#localHit, peers));
  }

  async apply(peer: Peer, effects: readonly EspEffect[]): Promise<void> {
    let removals = '';
    let installs = '';
    for (const effect of effects) {
      if (effect.type === 'remove-esp') {
        const address = this.#localAddresses.get(effect.localSpi);
        this.#localAddresses.delete(effect.localSpi);
        if (address !== undefined)
          removals += renderRemoval(effect, this.#ends(peer, address, effect.locator));
      } else if (effect.type === 'install-inbound') {
        const { spi, from } = effect.association;
        const address = await this.#source(from);
        this.#localAddresses.set(spi, address);
        installs += renderInbound(effect.association, this.#ends(peer, address, from));
      } else {
        const { to } = effect.association;
        installs += renderOutbound(effect.association, this.#ends(peer, await this.#source(to), to));
      }
    }
    if (removals !== '') await this.#ipTolerant(removals);
    if (installs !== '') await this.#ip(installs);
  }

  localAddress(localSpi: number): string | undefined {
    return this.#localAddresses.get(localSpi);
  }

  async close(): Promise<void> {
    await this.#ipTolerant(renderTeardown(this.#localHit));
    await this.#nft(antiSpoofingRemoval);
  }

  async #source(to: Locator): Promise<string> {
    const address = await this.#ports.sourceAddress(to);
    if (address === null) throw new OverlayError('no-route', `no route to ${to.address}`);
    return address;
  }

  #ends(peer: Peer, address: string, locator: Locator): EspEnds {
    const local = { address, port: locator.port === null ? null : this.#localPort };
    return { localHit: this.#localHit, peerHit: peer.hit, local, peer: locator, mark: peer.mark };
  }

  /** Lines go to standard input, since arguments are everybody's to read and some lines hold keys. */
  async #ip(input: string): Promise<void> {
    const { status, stderr } = await this.#ports.run(programs.ip, ['-batch', '-'], { input });
    if (status !== 0) throw new OverlayError('command-failed', `ip: ${withoutKeys(stderr)}`);
  }

  /**
   * Lines each of which may find nothing to do. `ip -force` is no help: where XFRM has nothing to delete, ip ends at
   * once, batch or not. So the lines that did not go together go one by one.
   */
  async #ipTolerant(input: string): Promise<void> {
    const { status } = await this.#ports.run(programs.ip, ['-batch', '-'], { input });
    if (status === 0) return;
    for (const line of input.split('\n').filter((text) => text !== '')) {
      await this.#ports.run(programs.ip, ['-batch', '-'], { input: `${line}\n` });
    }
  }

  async #nft(input: string): Promise<void> {
    const { status, stderr } = await this.#ports.run(programs.nft, ['-f', '-'], { input });
    if (status !== 0) throw new OverlayError('command-failed', `nft: ${stderr.trim()}`);
  }
}

/** ip may quote a word that it did not understand. Nothing of a key's length in hexadecimal leaves this file. */
function withoutKeys(text: string): string {
  return text.trim().replaceAll(/(0x)?[0-9a-fA-F]{24,}/g, '[secret]');
}
