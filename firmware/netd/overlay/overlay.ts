import { equalBytes } from '../../bytes/bytes.ts';
import { describeDecodeError } from '../../bytes/decode.ts';
import { hipUdpPort } from '../../hip/framing.ts';
import { formatHit } from '../../hip/host-identity-tag.ts';
import { limits as hipLimits } from '../../hip/limits.ts';
import type { Locator } from '../../hip/locator.ts';
import { type OwnIdentity, ownIdentity } from '../../hip/own-identity.ts';
import { decodePacket, type Packet } from '../../hip/packet.ts';
import { R1RateLimit } from '../../hip/r1-rate.ts';
import { type R1Drafts, Responder } from '../../hip/responder.ts';
import type { PeerSettings } from '../../store/settings-schema.ts';
import { AssociationRunner, type TunnelStatus } from './association-runner.ts';
import { type DataPath, KernelDataPath } from './data-path.ts';
import { limits } from './limits.ts';
import { firstMark, type Peer, readPeers } from './peer.ts';
import type { OverlayPorts, OverlayTimer } from './ports.ts';

export type OverlayConfig = {
  readonly peers: readonly PeerSettings[];
  /** The smallest MTU of the uplinks; Ethernet's where it is not known. */
  readonly underlayMtu?: number;
};

export type Overlay = {
  /** The HIT of this box as text. */
  readonly hit: string;
  tunnels(): TunnelStatus[];
  /** Takes another list of peers; those that stay keep their associations. Rejects with `OverlayError`. */
  reconfigure(config: OverlayConfig): Promise<void>;
  /** Tells the peers, forgets all keys and takes everything out of the kernel. */
  close(): Promise<void>;
};

/**
 * Starts the overlay: the kernel's side first, so that nothing to a HIT can leave in the clear, then an association with
 * every configured peer, tried for ever. Nobody else gets an answer. Rejects with `OverlayError` where the kernel
 * refuses; `dataPath` stands in for the kernel where a test has none.
 */
export async function startOverlay(
  ports: OverlayPorts,
  config: OverlayConfig,
  { dataPath: given, localPort = hipUdpPort }: { dataPath?: DataPath; localPort?: number } = {},
): Promise<Overlay> {
  const own = ownIdentity(ports.signer.identity, ports.crypto);
  const dataPath = given ?? new KernelDataPath(ports, formatHit(own.hit), localPort);
  await dataPath.open(config.underlayMtu ?? limits.underlayMtu);
  const overlay = new RunningOverlay(ports, own, dataPath);
  await overlay.reconfigure(config);
  overlay.start();
  return overlay;
}

class RunningOverlay implements Overlay {
  readonly hit: string;
  readonly #ports: OverlayPorts;
  readonly #own: OwnIdentity;
  readonly #dataPath: DataPath;
  readonly #responder: Responder;
  readonly #rate = new R1RateLimit();
  readonly #runners = new Map<string, AssociationRunner>();
  readonly #marks = new Map<string, number>();
  #r1Timer: OverlayTimer | undefined;
  #addressTimer: OverlayTimer | undefined;
  #addresses = '';
  #signingR1s = false;
  #closed = false;

  constructor(ports: OverlayPorts, own: OwnIdentity, dataPath: DataPath) {
    this.hit = formatHit(own.hit);
    this.#ports = ports;
    this.#own = own;
    this.#dataPath = dataPath;
    // Time keeps the counter growing over restarts without a place to store it (RFC 7401 §4.1.4).
    this.#responder = new Responder(own, ports.crypto, BigInt(Math.max(1, Math.floor(ports.wallClock()))));
  }

  start(): void {
    this.#ports.socket.onPacket((octets, from) => this.#receive(octets, from));
    this.#ports.socket.onSendFailure((to, reason) => {
      for (const runner of this.#runners.values()) {
        if (runner.locator?.address === to.address) runner.noteError(reason);
      }
    });
    void this.#renewR1s();
    this.#addresses = this.#ports.localAddresses().join(' ');
    this.#watchAddresses();
  }

  tunnels(): TunnelStatus[] {
    return [...this.#runners.values()].map((runner) => runner.status());
  }

  async reconfigure(config: OverlayConfig): Promise<void> {
    const peers = readPeers(config.peers, (hit) => this.#markOf(hit)).filter(({ hit }) => hit !== this.hit);
    await this.#dataPath.setPeers(peers, config.underlayMtu ?? limits.underlayMtu);
    const gone = [...this.#runners.values()].filter(({ peer }) => !peers.some(({ hit }) => hit === peer.hit));
    for (const { peer } of gone) this.#runners.delete(peer.hit);
    for (const peer of peers) {
      const running = this.#runners.get(peer.hit);
      if (running === undefined) this.#add(peer);
      else running.update(peer);
    }
    await Promise.all(gone.map((runner) => runner.close()));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#r1Timer?.close();
    this.#addressTimer?.close();
    await Promise.all([...this.#runners.values()].map((runner) => runner.close()));
    this.#runners.clear();
    await this.#ports.socket.close();
    await this.#dataPath.close();
  }

  #add(peer: Peer): void {
    const context = {
      crypto: this.#ports.crypto,
      own: this.#own,
      peer: peer.uri.hit,
      responder: this.#responder,
      newSpi: () => this.#newSpi(),
    };
    const runner = new AssociationRunner(peer, context, {
      ...this.#ports,
      dataPath: this.#dataPath,
      answerI1: (i1, to) => this.#answerI1(i1, to),
      countSolution: ({ type, solution }) => {
        const now = this.#ports.monotonic();
        if (type === 'accept-solution') this.#responder.accept(solution, now);
        else this.#responder.refuse(solution, now);
        void this.#signMissingR1s();
      },
    });
    this.#runners.set(peer.hit, runner);
    runner.connect();
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
    this.#runners.get(formatHit(packet.value.sender))?.input({ type: 'packet', packet: packet.value, from });
  }

  #answerI1(i1: Packet, to: Locator): void {
    const now = this.#ports.monotonic();
    if (!this.#rate.allow(to.address, now)) return;
    const r1 = this.#responder.answer(i1, to, now);
    if (r1 !== undefined) this.#ports.socket.send(r1, to);
    void this.#signMissingR1s();
  }

  async #renewR1s(): Promise<void> {
    const signed = await this.#finish(this.#responder.draftGeneration(this.#ports.monotonic()));
    if (this.#closed) return;
    const wait = signed ? hipLimits.generationMs : limits.signRetryMs;
    this.#r1Timer = this.#ports.setTimer(wait, () => void this.#renewR1s());
  }

  async #signMissingR1s(): Promise<void> {
    if (this.#signingR1s || this.#closed) return;
    this.#signingR1s = true;
    const drafts = this.#responder.draftMissing(this.#ports.monotonic());
    if (drafts !== undefined) await this.#finish(drafts);
    this.#signingR1s = false;
  }

  async #finish(drafts: R1Drafts): Promise<boolean> {
    try {
      const signatures: Uint8Array[] = [];
      // One after the other: a TPM signs no faster in parallel, and exchanges that run should not wait for all of these.
      for (const message of drafts.messages) signatures.push(await this.#ports.signer.sign(message));
      drafts.finish(signatures);
      return true;
    } catch (error) {
      this.#ports.log(
        'error',
        `the host identity cannot sign R1s: ${error instanceof Error ? error.message : String(error)}`,
      );
      return false;
    }
  }

  #watchAddresses(): void {
    this.#addressTimer = this.#ports.setTimer(limits.addressCheckMs, () => {
      this.#watchAddresses();
      const addresses = this.#ports.localAddresses().join(' ');
      if (addresses === this.#addresses) return;
      this.#addresses = addresses;
      void this.#followAddresses();
    });
  }

  /** An association whose own address is gone starts over, and so does what was waiting for an address at all. */
  async #followAddresses(): Promise<void> {
    for (const runner of this.#runners.values()) {
      const installed =
        runner.localSpi === undefined ? undefined : this.#dataPath.localAddress(runner.localSpi);
      const source = runner.locator === undefined ? null : await this.#ports.sourceAddress(runner.locator);
      const isUp = runner.state.name === 'ESTABLISHED' || runner.state.name === 'R2-SENT';
      if (isUp && (installed === undefined || installed === source)) continue;
      this.#ports.log('info', `${runner.peer.name}: the underlay's addresses changed, starting over`);
      runner.restart();
    }
  }

  #markOf(hit: string): number {
    const mark = this.#marks.get(hit) ?? firstMark + this.#marks.size;
    this.#marks.set(hit, mark);
    return mark;
  }

  /** Random, so that an old peer's packets do not meet a new association. */
  #newSpi(): number {
    const runners = [...this.#runners.values()];
    for (;;) {
      const octets = this.#ports.crypto.random(4);
      const spi = new DataView(octets.buffer, octets.byteOffset).getUint32(0);
      if (spi >= hipLimits.smallestSpi && !runners.some(({ localSpi }) => localSpi === spi)) return spi;
    }
  }
}
