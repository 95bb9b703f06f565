import {
  type AssociationContext,
  type AssociationEffect,
  type AssociationInput,
  type AssociationState,
  type Carrying,
  isCarrying,
  localSpis,
  unassociated,
} from '../../hip/association.ts';
import { formatLocator, type Locator } from '../../hip/locator.ts';
import type { Packet } from '../../hip/packet.ts';
import { transition } from '../../hip/transition.ts';
import type { PeerAnswer } from '../netd.ts';
import { AssociationHistory } from './association-history.ts';
import { type DataPath, type EspEffect, isEspEffect } from './data-path.ts';
import type { KernelEvent } from './kernel-events.ts';
import { KernelQueue } from './kernel-queue.ts';
import { limits } from './limits.ts';
import type { Peer } from './peer.ts';
import { PeerAnswerWatch } from './peer-answer.ts';
import { PeerSearch } from './peer-search.ts';
import type { OverlayPorts, OverlayTimer } from './ports.ts';
import { ReportLimit } from './report-limit.ts';
import { RoundTrip } from './round-trip.ts';
import { type PeerReading, TrafficCount } from './traffic-count.ts';
import { describeAssociation, describePeer, shownState, type TunnelStatus } from './tunnel-status.ts';

/** The part of the data path that one association needs. */
export type RunnerDataPath = Pick<DataPath, 'apply' | 'localAddress' | 'remoteAddress' | 'forget'>;

export type RunnerPorts = Pick<
  OverlayPorts,
  'signer' | 'monotonic' | 'wallClock' | 'setTimer' | 'resolve' | 'log'
> & {
  readonly socket: Pick<OverlayPorts['socket'], 'send'>;
  readonly dataPath: RunnerDataPath;
  /** Sends the responder's R1 and keeps book of used solutions. */
  readonly answerI1: (i1: Packet, to: Locator) => void;
  readonly countSolution: (
    effect: Extract<AssociationEffect, { type: 'accept-solution' | 'refuse-solution' }>,
  ) => void;
};

/**
 * Keeps one association up, or makes it when traffic asks: feeds the machine, does what it says, and starts over for ever
 * with back-off.
 */
export class AssociationRunner {
  readonly #ports: RunnerPorts;
  readonly #search: PeerSearch;
  readonly #traffic = new TrafficCount();
  #context: AssociationContext;
  #peer: Peer;
  #state: AssociationState = unassociated;
  #timer: OverlayTimer | undefined;
  readonly #kernel = new KernelQueue((error) => this.#dataPathFailed(error));
  #closing = false;
  /** Whether somebody wants the association now: always, or since traffic asked for it. */
  #wanted: boolean;
  #lastTraffic = 0;
  #wrongSource = 0;
  #pathMtu: number | null = null;
  readonly #roundTrip = new RoundTrip();
  readonly #answer = new PeerAnswerWatch((spi) => this.#ports.dataPath.localAddress(spi));
  readonly #history = new AssociationHistory();
  readonly #reports = new ReportLimit();
  #failedResolutions = 0;
  #tries = 0;
  #lastError: string | null = null;

  constructor(peer: Peer, context: AssociationContext, ports: RunnerPorts) {
    this.#peer = peer;
    this.#context = context;
    this.#ports = ports;
    this.#search = new PeerSearch(ports.resolve);
    this.#wanted = !peer.onDemand;
  }

  get peer(): Peer {
    return this.#peer;
  }

  get state(): AssociationState {
    return this.#state;
  }

  /** The SPIs that it receives on, or will. */
  get localSpis(): readonly number[] {
    return localSpis(this.#state);
  }

  /** The address of ours that the peer's packets come to. */
  get localAddress(): string | undefined {
    if (!isCarrying(this.#state)) return undefined;
    return this.#ports.dataPath.localAddress(this.#state.association.localSpi);
  }

  get isUp(): boolean {
    return isCarrying(this.#state);
  }

  get locator(): Locator | undefined {
    if (this.#state.name === 'I1-SENT') return this.#state.to;
    if (this.#state.name === 'I2-SENT') return this.#state.exchange.locator;
    return 'association' in this.#state ? this.#state.association.locator : undefined;
  }

  status(): TunnelStatus {
    const association = this.#installedAssociation();
    const { locator } = this;
    const { tooOld, replayed, forged, ...traffic } = this.#traffic.totals;
    return {
      ...describePeer(this.#peer),
      ...describeAssociation(association, this.#history, this.#roundTrip.milliseconds, this.#pathMtu),
      state: shownState(this.#state, association !== undefined),
      locator: locator === undefined ? null : formatLocator(locator),
      lastError: this.#lastError,
      traffic,
      dropped: { wrongSource: this.#wrongSource, tooOld, replayed, forged },
    };
  }

  /** Whether the peer answers what is sent to it; null where nothing is. */
  answer(): PeerAnswer | null {
    return this.#answer.read(this.#state, this.#ports.monotonic());
  }

  /** The association that the kernel carries traffic for. */
  #installedAssociation(): Carrying['association'] | undefined {
    const association = isCarrying(this.#state) ? this.#state.association : undefined;
    return association && this.#history.isInstalled(association.establishedAt) ? association : undefined;
  }

  /** Starts what is wanted from the beginning. */
  start(): void {
    if (this.#wanted) this.connect();
  }

  /** Looks the peer up and starts an exchange, now or when that becomes possible. */
  connect(): void {
    this.#timer?.close();
    void this.#lookUpAndConnect();
  }

  /** Takes new settings of the same peer; other places to find it at start a new exchange. */
  update(peer: Peer, context: AssociationContext): void {
    const before = this.#peer;
    this.#peer = peer;
    this.#context = context;
    if (!peer.onDemand) this.#wanted = true;
    if (JSON.stringify(before.places) !== JSON.stringify(peer.places)) this.restart();
    else if (before.onDemand && !peer.onDemand && this.#state.name === 'UNASSOCIATED') this.connect();
  }

  /** Forgets the association without a word and starts over. */
  restart(): void {
    this.input({ type: 'abandon' });
    this.start();
  }

  /** Takes leave of the peer. What is always wanted is made anew at once, the rest when traffic asks for it. */
  renew(): void {
    this.#wanted = !this.#peer.onDemand;
    this.#tries = 0;
    if (this.isUp) this.input({ type: 'close' });
    else this.restart();
  }

  /** What the kernel says of this peer. */
  kernelEvent(event: KernelEvent): void {
    switch (event.type) {
      case 'acquire':
        this.#asked();
        break;
      case 'mapping':
        this.input({ type: 'mapping', from: event.from });
        break;
      case 'expire':
        if (event.hard) this.#spiGone(event.spi);
        else this.input({ type: 'rekey' });
        break;
    }
  }

  /** Takes the kernel's counters of this peer, read every `limits.countersMs`. */
  read({ associations, wrongSource, pathMtu }: PeerReading): void {
    const { sent, received } = this.#traffic.add(
      associations,
      ({ spi, destination }) => this.#ports.dataPath.localAddress(spi) === destination,
    );
    this.#wrongSource += wrongSource;
    this.#pathMtu = pathMtu;
    if (!this.isUp) return;
    const now = this.#ports.monotonic();
    if (sent || received) this.#lastTraffic = now;
    this.input({ type: 'traffic', sent, received });
    if (this.#peer.onDemand && now - this.#lastTraffic >= limits.idleMs) {
      this.#wanted = false;
      this.input({ type: 'close' });
    }
  }

  /** This host's underlay addresses towards the peer, the one in use first; where there is none, one is waited for. */
  ownAddresses(addresses: readonly string[]): void {
    const [address] = addresses;
    if (address === undefined) return;
    if (isCarrying(this.#state)) {
      const { localSpi } = this.#state.association;
      const installed = this.#ports.dataPath.localAddress(localSpi);
      this.input({
        type: 'own-addresses',
        addresses,
        moved: installed !== undefined && installed !== address,
      });
    } else if (this.#wanted) {
      // What was being tried may have gone out by a way that is no more.
      this.restart();
    }
  }

  noteError(message: string): void {
    if (this.#state.name !== 'ESTABLISHED') this.#lastError = message;
  }

  /** Ends the association for good; resolves when the peer was told as well as can be and the kernel has forgotten it. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wanted = false;
    this.input({ type: 'close' });
    const until = this.#ports.monotonic() + limits.closeMs;
    while (this.#state.pending !== undefined && this.#ports.monotonic() < until)
      await new Promise<void>((resolve) => void this.#ports.setTimer(10, resolve));
    this.input({ type: 'abandon' });
    this.#timer?.close();
    await this.#kernel.done();
  }

  input(input: AssociationInput): void {
    const before = this.#state;
    const now = this.#ports.monotonic();
    const { state, effects } = transition(before, input, now, this.#context);
    this.#state = state;
    this.#answer.note(before, input, state);
    this.#roundTrip.note(state, now);
    this.#perform(effects);
    if (isCarrying(state)) this.#history.note(state.association.establishedAt, this.#ports.wallClock);
    if (state.name !== before.name) this.#entered(state);
    this.#arm();
  }

  #entered(state: AssociationState): void {
    if (isCarrying(state)) {
      this.#lastError = null;
      this.#lastTraffic = this.#ports.monotonic();
      return;
    }
    // On demand there is no next try before traffic asks again.
    if (state.name === 'E-FAILED' || state.name === 'CLOSED') this.#wanted &&= !this.#peer.onDemand;
    if (state.name === 'E-FAILED') this.#lastError = state.reason;
  }

  #perform(effects: readonly AssociationEffect[]): void {
    const esp = effects.filter(isEspEffect);
    const at = isCarrying(this.#state) ? this.#state.association.establishedAt : undefined;
    if (esp.length > 0) this.#kernel.add(() => this.#applyToKernel(esp, at));
    for (const effect of effects) {
      switch (effect.type) {
        case 'send':
          // What was installed must be there before the peer can use it.
          this.#kernel.afterAll(() => this.#ports.socket.send(effect.packet, effect.to));
          break;
        case 'answer-i1':
          this.#ports.answerI1(effect.i1, effect.to);
          break;
        case 'sign':
          void this.#sign(effect.message);
          break;
        case 'accept-solution':
        case 'refuse-solution':
          this.#ports.countSolution(effect);
          break;
        case 'report':
          // What strangers can bring about is never of that level.
          if (effect.level === 'info' || this.#reports.allow(effect.message, this.#ports.monotonic()))
            this.#ports.log(effect.level, `${this.#peer.name}: ${effect.message}`);
          break;
        case 'install-inbound':
        case 'install-outbound':
        case 'remove-inbound':
        case 'move-outbound':
        case 'remove-esp':
          break;
      }
    }
  }

  /** `association` is the time at which that came about which the effects are of. */
  async #applyToKernel(effects: readonly EspEffect[], association: number | undefined): Promise<void> {
    await this.#ports.dataPath.apply(this.#peer, effects);
    const outbound = effects.find((effect) => effect.type === 'install-outbound');
    if (outbound !== undefined && association !== undefined) {
      this.#history.installed(association, outbound.replaces !== undefined);
      // Only what the kernel took counts as success, or a kernel that refuses would be asked every second.
      this.#tries = 0;
    }
    // The kernel cannot change where an inbound security association comes from, and tells of every packet that does not.
    if (
      effects.some((effect) => effect.type === 'move-outbound' && this.#comesFromElsewhere(effect.localSpi))
    )
      this.input({ type: 'rekey' });
  }

  #comesFromElsewhere(localSpi: number): boolean {
    const from = this.#ports.dataPath.remoteAddress(localSpi);
    return from !== undefined && from !== this.locator?.address;
  }

  /** Traffic met the trap. An exchange that runs, or a wait after one that failed, is not disturbed. */
  #asked(): void {
    if (this.#closing || this.#state.name === 'E-FAILED') return;
    this.#wanted = true;
    if (this.#state.name === 'UNASSOCIATED' || this.#state.name === 'CLOSED') this.connect();
  }

  /** The kernel gave a security association up. Without one of the pair in use nothing is carried any more. */
  #spiGone(spi: number): void {
    this.#ports.dataPath.forget(this.#peer, spi);
    if (!isCarrying(this.#state)) return;
    const { localSpi, peerSpi } = this.#state.association;
    if (spi !== localSpi && spi !== peerSpi) return;
    this.#ports.log('warning', `${this.#peer.name}: keys were used to their limit before new ones came`);
    this.restart();
  }

  /** An association that carries nothing must not look as if it did. */
  #dataPathFailed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#ports.log('error', `${this.#peer.name}: ${message}`);
    this.input({ type: 'abandon' });
    this.#lastError = message;
  }

  async #sign(message: Uint8Array): Promise<void> {
    try {
      const signature = await this.#ports.signer.sign(message);
      this.input({ type: 'signed', message, signature });
    } catch (error) {
      this.noteError(
        `the host identity cannot sign: ${error instanceof Error ? error.message : String(error)}`,
      );
      this.input({ type: 'sign-failed', message });
    }
  }

  /** One timer: the machine's deadline, or the next try where it has none. */
  #arm(): void {
    this.#timer?.close();
    this.#timer = undefined;
    const { name } = this.#state;
    if (this.#wanted && (name === 'UNASSOCIATED' || name === 'CLOSED')) {
      const [shortest, longest] = limits.reconnectMs;
      const wait = Math.min(longest, shortest * 2 ** Math.min(this.#tries, 30));
      this.#timer = this.#ports.setTimer(wait, () => {
        this.input({ type: 'timeout' });
        this.connect();
      });
    } else if (name === 'I1-SENT' && this.#search.left > 0) {
      this.#timer = this.#ports.setTimer(limits.nextLocatorMs, () => this.#tryNext());
    } else if ('deadline' in this.#state) {
      const wait = Math.max(0, this.#state.deadline - this.#ports.monotonic());
      this.#timer = this.#ports.setTimer(wait, () => this.#expired(name));
    }
  }

  #expired(name: AssociationState['name']): void {
    this.input({ type: 'timeout' });
    // E-FAILED was the wait before the next try.
    if (name === 'E-FAILED' && this.#state.name === 'UNASSOCIATED' && this.#wanted) this.connect();
  }

  async #lookUpAndConnect(): Promise<void> {
    await this.#search.look(this.#peer.places);
    if (!this.#wanted) return;
    this.#tries++;
    if (this.#tryNext()) return;
    const reason = `${this.#peer.places.map(({ host }) => host).join(' and ')} has no address`;
    if (this.#failedResolutions++ === 0) this.#ports.log('warning', `${this.#peer.name}: ${reason}`);
    this.noteError(reason);
    this.#arm();
  }

  /** Sends an I1 to the place whose turn it is; one to another place before it is left unanswered. */
  #tryNext(): boolean {
    const to = this.#search.next();
    if (to === undefined) return false;
    this.input({ type: 'connect', to });
    return true;
  }
}
