import { equalBytes } from '../../bytes/bytes.ts';
import { describeDecodeError } from '../../bytes/decode.ts';
import type { AssociationContext } from '../../hip/association.ts';
import { hipUdpPort } from '../../hip/framing.ts';
import { formatHit } from '../../hip/host-identity-tag.ts';
import { limits as hipLimits } from '../../hip/limits.ts';
import type { Locator } from '../../hip/locator.ts';
import { type OwnIdentity, ownIdentity } from '../../hip/own-identity.ts';
import { decodePacket, type Packet, parameter } from '../../hip/packet.ts';
import { R1RateLimit } from '../../hip/r1-rate.ts';
import { Responder } from '../../hip/responder.ts';
import { makeOffers, type Offers } from '../../hip/suites.ts';
import type { OverlaySettings, PeerSettings, RekeySettings, Settings } from '../../store/settings-schema.ts';
import type { PeerAnswer } from '../netd.ts';
import { AssociationRunner } from './association-runner.ts';
import { type DataPath, type DataPathSettings, KernelDataPath } from './data-path.ts';
import { prepareKernel } from './kernel-preparation.ts';
import { KernelWatch } from './kernel-watch.ts';
import { withKeyLog } from './key-log.ts';
import { limits } from './limits.ts';
import { firstMark, type Peer, readPeers } from './peer.ts';
import type { OverlayPorts, OverlaySocket, OverlayTimer } from './ports.ts';
import { R1Signing } from './r1-signing.ts';
import { RouteWatch } from './route-watch.ts';
import type { TunnelStatus } from './tunnel-status.ts';

export type OverlayConfig = Partial<Pick<OverlaySettings, 'rekey' | 'espSuites'>> & {
  readonly peers: readonly PeerSettings[];
  /** ESP without encryption is taken part in, for diagnostics. */
  readonly nullEncryption?: boolean;
  /** Every security association's keys go to `OverlayPorts.keyLog`, for diagnostics. */
  readonly keyLog?: boolean;
  /** The smallest MTU of the uplinks; that of the links which associations use where it is not told. */
  readonly underlayMtu?: number;
};

/** What the settings say of the overlay. */
export function overlayConfig({
  overlay,
  diagnostics,
}: Pick<Settings, 'overlay' | 'diagnostics'>): OverlayConfig {
  return { ...overlay, ...diagnostics };
}

export type Overlay = {
  /** The HIT of this box as text. */
  readonly hit: string;
  tunnels(): TunnelStatus[];
  /** Datagrams that were dropped before anybody heard them, since the start. */
  strayDatagrams(): ReturnType<OverlaySocket['dropped']>;
  /** Of the peers that are sent something, whether they answer, and by which address of ours. */
  peerAnswers(): readonly PeerAnswer[];
  /** Looks at once whether packets leave by another way now, which is otherwise done every two seconds. */
  followUplinks(): void;
  /** Closes the association with a peer and, where it is always wanted, makes a new one. False for a HIT that is no peer's. */
  renew(hit: string): boolean;
  /** Takes another list of peers; those that stay keep their associations. Rejects with `OverlayError`. */
  reconfigure(config: OverlayConfig): Promise<void>;
  /** Tells the peers, forgets all keys and takes everything out of the kernel. */
  close(): Promise<void>;
};

/**
 * Starts the overlay: the kernel's side first, so that nothing to a HIT can leave in the clear, then an association with
 * every configured peer, tried for ever. Nobody else gets an answer. Rejects with `OverlayError` where the kernel
 * refuses. Who has prepared the kernel already says so; `dataPath` stands in for the kernel where a test has none.
 */
export async function startOverlay(
  ports: OverlayPorts,
  config: OverlayConfig,
  {
    dataPath: given,
    localPort = hipUdpPort,
    prepared,
  }: { dataPath?: DataPath; localPort?: number; prepared?: Promise<void> | undefined } = {},
): Promise<Overlay> {
  const own = ownIdentity(ports.signer.identity, ports.crypto);
  const dataPath =
    given ?? new KernelDataPath(ports, formatHit(own.hit), localPort, prepared ?? prepareKernel(ports.run));
  const { underlayMtu = limits.underlayMtu, rekey = defaultRekey } = config;
  await dataPath.open({ underlayMtu, rekey });
  const overlay = new RunningOverlay(ports, own, dataPath);
  // The kernel asks for associations from the first peer's trap on.
  await overlay.start(config);
  return overlay;
}

class RunningOverlay implements Overlay {
  readonly hit: string;
  readonly #ports: OverlayPorts;
  readonly #own: OwnIdentity;
  readonly #dataPath: DataPath;
  readonly #rate = new R1RateLimit();
  readonly #runners = new Map<string, AssociationRunner>();
  readonly #byMark = new Map<number, AssociationRunner>();
  readonly #marks = new Map<string, number>();
  readonly #kernel: KernelWatch;
  readonly #routes: RouteWatch;
  #responding: Responding | undefined;
  /** The last I1 of each peer that came before there was an R1 to answer it. */
  readonly #earlyI1s = new Map<string, { readonly i1: Packet; readonly from: Locator }>();
  #addressTimer: OverlayTimer | undefined;
  #addresses = '';
  #config: OverlayConfig = { peers: [] };
  #linkMtu: number | null = null;
  #reconfigured: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(ports: OverlayPorts, own: OwnIdentity, dataPath: DataPath) {
    this.hit = formatHit(own.hit);
    this.#ports = ports;
    this.#own = own;
    this.#dataPath = dataPath;
    this.#routes = new RouteWatch(ports.sourceAddress);
    this.#kernel = new KernelWatch(ports, dataPath, { byHit: this.#runners, byMark: this.#byMark });
  }

  async start(config: OverlayConfig): Promise<void> {
    await this.#kernel.start();
    this.#addresses = this.#ports.localAddresses().join(' ');
    await this.reconfigure(config);
    this.#ports.socket.onPacket((octets, from) => this.#receive(octets, from));
    this.#ports.socket.onSendFailure((to, reason) => {
      for (const runner of this.#runners.values()) {
        if (runner.locator?.address === to.address) runner.noteError(reason);
      }
    });
    this.#watchAddresses();
  }

  tunnels(): TunnelStatus[] {
    return [...this.#runners.values()].map((runner) => runner.status());
  }

  peerAnswers(): readonly PeerAnswer[] {
    return [...this.#runners.values()].flatMap((runner) => runner.answer() ?? []);
  }

  renew(hit: string): boolean {
    const runner = this.#runners.get(hit);
    runner?.renew();
    return runner !== undefined;
  }

  followUplinks(): void {
    if (this.#closed) return;
    this.#addressTimer?.close();
    this.#lookAtAddresses();
  }

  strayDatagrams(): ReturnType<OverlaySocket['dropped']> {
    return this.#ports.socket.dropped();
  }

  /** One after the other: a peer that comes back must find the kernel without its old association. */
  reconfigure(config: OverlayConfig): Promise<void> {
    const done = this.#reconfigured.then(() => this.#reconfigure(config));
    this.#reconfigured = done.catch(() => {});
    return done;
  }

  async #reconfigure(config: OverlayConfig): Promise<void> {
    const peers = readPeers(config.peers, (hit) => this.#markOf(hit)).filter(({ hit }) => hit !== this.hit);
    await this.#ports.socket.useRaw(peers.some(({ places }) => places.some(({ port }) => port === null)));
    this.#config = config;
    if (config.keyLog !== true) this.#ports.keyLog?.remove();
    await this.#dataPath.setPeers(peers, this.#dataPathSettings());
    const { responder } = this.#respondWith(config);
    const gone = [...this.#runners.values()].filter(({ peer }) => !peers.some(({ hit }) => hit === peer.hit));
    for (const { peer } of gone) {
      this.#runners.delete(peer.hit);
      this.#byMark.delete(peer.mark);
    }
    for (const peer of peers) {
      const context = this.#contextFor(peer, responder, config);
      const running = this.#runners.get(peer.hit);
      if (running === undefined) this.#add(peer, context);
      else running.update(peer, context);
    }
    await Promise.all(gone.map((runner) => runner.close()));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#kernel.close();
    this.#responding?.signing.close();
    this.#addressTimer?.close();
    await Promise.all([...this.#runners.values()].map((runner) => runner.close()));
    this.#runners.clear();
    this.#byMark.clear();
    await this.#ports.socket.close();
    await this.#dataPath.close();
  }

  /** Nothing is logged unless the settings say so, and what cannot be logged stops no tunnel. */
  #logKeys(text: string): void {
    if (this.#config.keyLog !== true) return;
    try {
      this.#ports.keyLog?.append(text);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#ports.log('warning', `the key log cannot be written: ${reason}`);
    }
  }

  /** The responder that offers what the settings allow. R1s of one before are answered no more: an I1 brings new ones. */
  #respondWith({ espSuites, nullEncryption = false }: OverlayConfig): Responding {
    const text = JSON.stringify([espSuites, nullEncryption]);
    if (this.#responding?.text === text) return this.#responding;
    this.#responding?.signing.close();
    const offers = makeOffers({
      ...(espSuites === undefined ? {} : { suites: espSuites }),
      allowNullEncryption: nullEncryption,
    });
    const { crypto, wallClock } = this.#ports;
    // Time keeps the counter growing over restarts without a place to store it (RFC 7401 §4.1.4).
    const counter = BigInt(Math.max(1, Math.floor(wallClock())));
    const responder = new Responder(this.#own, crypto, counter, offers);
    const signing = new R1Signing(this.#ports, responder, () => this.#answerEarlyI1s());
    this.#responding = { text, offers, responder, signing };
    void signing.renew();
    return this.#responding;
  }

  #contextFor(peer: Peer, responder: Responder, { rekey = defaultRekey }: OverlayConfig): AssociationContext {
    return {
      crypto: this.#ports.crypto,
      own: this.#own,
      peer: peer.tag,
      responder,
      ...(this.#responding === undefined ? {} : { offers: this.#responding.offers }),
      newSpi: () => this.#newSpi(),
      rekeyMs: rekey.seconds * 1000,
    };
  }

  #add(peer: Peer, context: AssociationContext): void {
    const runner = new AssociationRunner(peer, context, {
      ...this.#ports,
      dataPath: withKeyLog(
        this.#dataPath,
        (text) => this.#logKeys(text),
        this.hit,
        () => runner.state,
      ),
      answerI1: (i1, to) => this.#answerI1(i1, to),
      countSolution: ({ type, solution }) => {
        const now = this.#ports.monotonic();
        if (type === 'accept-solution') this.#responding?.responder.accept(solution, now);
        else this.#responding?.responder.refuse(solution, now);
        void this.#responding?.signing.signMissing();
      },
    });
    this.#runners.set(peer.hit, runner);
    this.#byMark.set(peer.mark, runner);
    runner.start();
  }

  /** Default deny: a HIT that no setting names gets no answer, not even an R1, and a wrong packet none either. */
  #receive(octets: Uint8Array, from: Locator): void {
    const packet = decodePacket(octets);
    if (!packet.ok) {
      this.#ports.log('debug', `dropped a packet from ${from.address}: ${describeDecodeError(packet.error)}`);
      return;
    }
    // An opportunistic I1 has no receiver: that mode is off (RFC 7401 §4.1.8).
    if (!equalBytes(packet.value.receiver, this.#own.hit)) return;
    const runner = this.#runners.get(formatHit(packet.value.sender));
    if (runner === undefined) return;
    const hear = () => runner.input({ type: 'packet', packet: packet.value, from });
    if (parameter(packet.value, 'ECHO_REQUEST_SIGNED') === undefined) hear();
    else
      void this.#followRoute(runner).then(() => {
        if (this.#runners.get(runner.peer.hit) === runner) hear();
      });
  }

  /**
   * Has an association know of a move before it proves to the peer that it receives somewhere: a packet of its own that
   * left by the new way may be why the peer asks.
   */
  async #followRoute(runner: AssociationRunner): Promise<void> {
    const address = runner.isUp ? await this.#routes.movedTo(runner) : null;
    if (address !== null && !this.#closed) runner.ownAddresses([address]);
  }

  #answerI1(i1: Packet, to: Locator): void {
    const now = this.#ports.monotonic();
    const runner = this.#runners.get(formatHit(i1.sender));
    const isKnown =
      runner?.locator?.address === to.address ||
      runner?.peer.places.some(({ host }) => host === to.address) === true;
    if (this.#responding === undefined || !this.#rate.allow(to.address, now, isKnown)) return;
    const r1 = this.#responding.responder.answer(i1, to, now);
    if (r1 !== undefined) this.#ports.socket.send(r1, to);
    else if (runner !== undefined) this.#earlyI1s.set(runner.peer.hit, { i1, from: to });
    void this.#responding.signing.signMissing();
  }

  /** After a start the peers’ I1s come while the R1s are being signed; a peer would repeat its own after seconds only. */
  #answerEarlyI1s(): void {
    const early = [...this.#earlyI1s];
    this.#earlyI1s.clear();
    for (const [hit, { i1, from }] of early) if (this.#runners.has(hit)) this.#answerI1(i1, from);
  }

  #watchAddresses(): void {
    this.#addressTimer = this.#ports.setTimer(limits.addressCheckMs, () => this.#lookAtAddresses());
  }

  #lookAtAddresses(): void {
    this.#watchAddresses();
    this.#followMtu();
    const addresses = this.#ports.localAddresses().join(' ');
    const same = addresses === this.#addresses;
    this.#addresses = addresses;
    void (same ? this.#followRoutes() : this.#followAddresses());
  }

  /** The smallest MTU of the links that associations go out by; with none up it stays as it was. */
  #followMtu(): void {
    const sources = new Set(
      [...this.#runners.values()]
        .map(({ localAddress }) => localAddress)
        .filter((found) => found !== undefined),
    );
    const mtus = [...sources].map((source) => this.#ports.linkMtu(source)).filter((mtu) => mtu !== null);
    if (mtus.length === 0 || Math.min(...mtus) === this.#linkMtu) return;
    this.#linkMtu = Math.min(...mtus);
    this.reconfigure(this.#config).catch((error: unknown) =>
      this.#ports.log('error', error instanceof Error ? error.message : String(error)),
    );
  }

  #dataPathSettings(): DataPathSettings {
    const { underlayMtu = this.#linkMtu ?? limits.underlayMtu, rekey = defaultRekey } = this.#config;
    return { underlayMtu, rekey };
  }

  async #followRoutes(): Promise<void> {
    const up = [...this.#runners.values()].filter(({ isUp }) => isUp);
    if ((await this.#routes.hasMoved(up)) && !this.#closed) await this.#followAddresses();
  }

  /** Tells every association the address that its packets leave with now. */
  async #followAddresses(): Promise<void> {
    for (const runner of this.#runners.values()) {
      const source = runner.locator === undefined ? null : await this.#ports.sourceAddress(runner.locator);
      if (!this.#closed) runner.ownAddresses(source === null ? [] : [source]);
    }
  }

  #markOf(hit: string): number {
    const mark = this.#marks.get(hit) ?? firstMark + this.#marks.size;
    this.#marks.set(hit, mark);
    return mark;
  }

  /** Random, so that an old peer's packets do not meet a new association. */
  #newSpi(): number {
    const taken = new Set([...this.#runners.values()].flatMap(({ localSpis }) => localSpis));
    for (;;) {
      const octets = this.#ports.crypto.random(4);
      const spi = new DataView(octets.buffer, octets.byteOffset).getUint32(0);
      if (spi >= hipLimits.smallestSpi && !taken.has(spi)) return spi;
    }
  }
}

/** A responder with what keeps it supplied, and the settings that it was made for. */
type Responding = {
  readonly text: string;
  readonly offers: Offers;
  readonly responder: Responder;
  readonly signing: R1Signing;
};

/** As the settings have it where nobody says another. */
const defaultRekey: RekeySettings = { seconds: 3600, mebibytes: 65_536 };
