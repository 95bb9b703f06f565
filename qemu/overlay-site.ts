import { generateKeyPairSync } from 'node:crypto';
import { formatHit } from '../firmware/hip/host-identity-tag.ts';
import { ownIdentity } from '../firmware/hip/own-identity.ts';
import type { PeerSettings } from '../firmware/store/settings-schema.ts';
import { hipCrypto } from '../firmware/system/hip-crypto.ts';
import { softwareSigner } from '../firmware/system/host-identity-file.ts';
import type { TrafficAnswer, TrafficRequest } from './guest/traffic.ts';
import type { GuestProcess, GuestProcessEnd } from './guest-process.ts';
import type { NetworkNamespace } from './network-namespace.ts';
import { type PingResult, parsePing } from './ping.ts';

/** Where a gateway of the overlay guest is. */
export type GatewayPlace = {
  /** Its addresses on the underlay; behind a NAT only a private IPv4 one. */
  readonly underlay: { readonly ipv4: string; readonly ipv6: string | null };
  /** The address that the world sees: the NAT's where there is one. */
  readonly seenAs: string;
  readonly lan: { readonly ipv4: string; readonly ipv6: string };
  readonly host: { readonly ipv4: string; readonly ipv6: string };
};

/** In R2-SENT a responder has its SAs already (RFC 7401 §4.4.2). */
const carries: ReadonlySet<string> = new Set(['R2-SENT', 'ESTABLISHED']);

/** Whether one of a gateway's tunnels leads to a peer now. */
export function isConnected(tunnels: readonly { hit: string; state: string }[], peer: OverlaySite): boolean {
  return tunnels.some(({ hit, state }) => hit === peer.hit && carries.has(state));
}

/** A host behind a gateway. */
export class OverlayHost {
  readonly addresses: GatewayPlace['host'];
  readonly #space: NetworkNamespace;
  #traffic: GuestProcess | null = null;

  constructor(space: NetworkNamespace, addresses: GatewayPlace['host']) {
    this.#space = space;
    this.addresses = addresses;
  }

  attempt(command: string): Promise<GuestProcessEnd> {
    return this.#space.attempt(command);
  }

  run(command: string): Promise<string> {
    return this.#space.run(command);
  }

  /** Pings, a fifth of a second apart. */
  async ping(address: string, count = 3, options = ''): Promise<PingResult> {
    const { output } = await this.attempt(`busybox ping -i 0.2 -c ${count} -W 3 ${options} ${address}`);
    return parsePing(output);
  }

  /** Asks the host's traffic program, which starts when it is first asked; see guest/traffic.ts. */
  traffic<T extends TrafficAnswer>(request: TrafficRequest, timeoutMs?: number): Promise<T> {
    this.#traffic ??= this.#space.program('traffic');
    return this.#traffic.ask<T>(request, timeoutMs);
  }
}

/** A place in the overlay guest's world where a gateway runs: its namespace, its identity, the host behind it. */
export class OverlaySite {
  readonly name: string;
  readonly hit: string;
  readonly place: GatewayPlace;
  readonly host: OverlayHost;
  /** The host identity's private key. */
  protected readonly pem: string;
  protected readonly space: NetworkNamespace;

  constructor(name: string, place: GatewayPlace, space: NetworkNamespace, hostSpace: NetworkNamespace) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    this.hit = formatHit(ownIdentity(softwareSigner(privateKey).identity, hipCrypto).hit);
    this.name = name;
    this.place = place;
    this.space = space;
    this.host = new OverlayHost(hostSpace, place.host);
  }

  /** This gateway as the settings of another one name it; at its IPv4 address as the world sees it unless told. */
  asPeer({ address = this.place.seenAs, port = 10500 } = {}): PeerSettings {
    const host = address.includes(':') ? `[${address}]` : address;
    const { ipv4, ipv6 } = this.place.lan;
    return { name: this.name, uri: `hip://${host}:${port}/${this.hit}`, protectedPrefixes: [ipv4, ipv6] };
  }

  /** Runs a shell command in its namespace. */
  run(command: string): Promise<string> {
    return this.space.run(command);
  }

  attempt(command: string): Promise<GuestProcessEnd> {
    return this.space.attempt(command);
  }
}
