import {
  type AssociationContext,
  type AssociationEffect,
  type AssociationInput,
  type AssociationState,
  unassociated,
} from '../../hip/association.ts';
import { formatLocator, type Locator } from '../../hip/locator.ts';
import type { Packet } from '../../hip/packet.ts';
import { transition } from '../../hip/transition.ts';
import { type DataPath, type EspEffect, isEspEffect } from './data-path.ts';
import { limits } from './limits.ts';
import type { Peer } from './peer.ts';
import type { OverlayPorts, OverlayTimer } from './ports.ts';

export type RunnerPorts = Pick<
  OverlayPorts,
  'socket' | 'signer' | 'monotonic' | 'wallClock' | 'setTimer' | 'resolve' | 'log'
> & {
  readonly dataPath: DataPath;
  /** Sends the responder's R1 and keeps book of used solutions. */
  readonly answerI1: (i1: Packet, to: Locator) => void;
  readonly countSolution: (
    effect: Extract<AssociationEffect, { type: 'accept-solution' | 'refuse-solution' }>,
  ) => void;
};

/** An association as the status document shows it. */
export type TunnelStatus = {
  peer: string;
  hit: string;
  /** The state of RFC 7401 §4.4.2. In R2-SENT the tunnel carries already. */
  state: string;
  locator: string | null;
  espSuite: string | null;
  protectedPrefixes: string[];
  /** ISO 8601 in UTC. */
  establishedAt: string | null;
  lastError: string | null;
};

/** Keeps one association up: feeds the machine, does what it says, and starts over for ever with back-off. */
export class AssociationRunner {
  readonly #ports: RunnerPorts;
  readonly #context: AssociationContext;
  #peer: Peer;
  #state: AssociationState = unassociated;
  #timer: OverlayTimer | undefined;
  /** Kernel changes happen one after the other, and what follows them in a transition waits for them. */
  #work: Promise<void> = Promise.resolve();
  #queued = 0;
  #wanted = true;
  #failedResolutions = 0;
  #tries = 0;
  #lastError: string | null = null;
  #establishedAt: string | null = null;

  constructor(peer: Peer, context: AssociationContext, ports: RunnerPorts) {
    this.#peer = peer;
    this.#context = context;
    this.#ports = ports;
  }

  get peer(): Peer {
    return this.#peer;
  }

  get state(): AssociationState {
    return this.#state;
  }

  /** The inbound SPI, where there is one. */
  get localSpi(): number | undefined {
    if (this.#state.name === 'I2-SENT') return this.#state.exchange.localSpi;
    return 'association' in this.#state ? this.#state.association.localSpi : undefined;
  }

  get locator(): Locator | undefined {
    if (this.#state.name === 'I1-SENT') return this.#state.to;
    if (this.#state.name === 'I2-SENT') return this.#state.exchange.locator;
    return 'association' in this.#state ? this.#state.association.locator : undefined;
  }

  status(): TunnelStatus {
    const up = this.#state.name === 'R2-SENT' || this.#state.name === 'ESTABLISHED';
    const locator = this.locator;
    return {
      peer: this.#peer.name,
      hit: this.#peer.hit,
      state: this.#state.name,
      locator: locator === undefined ? null : formatLocator(locator),
      espSuite: up && 'association' in this.#state ? this.#state.association.suite.name : null,
      protectedPrefixes: [...this.#peer.protectedPrefixes],
      establishedAt: up ? this.#establishedAt : null,
      lastError: this.#lastError,
    };
  }

  /** Looks the peer up and starts an exchange, now or when that becomes possible. */
  connect(): void {
    this.#timer?.close();
    void this.#lookUpAndConnect();
  }

  /** Takes new settings of the same peer; another place to find it at starts a new exchange. */
  update(peer: Peer): void {
    const moved = peer.uri.host !== this.#peer.uri.host || peer.uri.port !== this.#peer.uri.port;
    this.#peer = peer;
    if (moved) this.restart();
  }

  /** Forgets the association without a word and starts over: the underlay has changed. */
  restart(): void {
    this.input({ type: 'abandon' });
    this.connect();
  }

  noteError(message: string): void {
    if (this.#state.name !== 'ESTABLISHED') this.#lastError = message;
  }

  /** Ends the association for good; resolves when the peer was told as well as can be and the kernel has forgotten it. */
  async close(): Promise<void> {
    this.#wanted = false;
    this.input({ type: 'close' });
    const until = this.#ports.monotonic() + limits.closeMs;
    while (this.#state.pending !== undefined && this.#ports.monotonic() < until) await this.#pause(10);
    this.input({ type: 'abandon' });
    this.#timer?.close();
    await this.#work;
  }

  input(input: AssociationInput): void {
    const before = this.#state.name;
    const { state, effects } = transition(this.#state, input, this.#ports.monotonic(), this.#context);
    this.#state = state;
    this.#perform(effects);
    if (state.name !== before) this.#entered(state);
    this.#arm();
  }

  #entered(state: AssociationState): void {
    if (state.name === 'ESTABLISHED' || state.name === 'R2-SENT') {
      this.#lastError = null;
      this.#establishedAt ??= new Date(this.#ports.wallClock()).toISOString();
      return;
    }
    this.#establishedAt = null;
    if (state.name === 'E-FAILED') this.#lastError = state.reason;
  }

  #perform(effects: readonly AssociationEffect[]): void {
    const esp = effects.filter(isEspEffect);
    if (esp.length > 0) this.#queue(() => this.#applyToKernel(esp));
    for (const effect of effects) {
      switch (effect.type) {
        case 'send':
          // What was installed must be there before the peer can use it.
          if (this.#queued > 0) this.#queue(async () => this.#send(effect.packet, effect.to));
          else this.#send(effect.packet, effect.to);
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
          this.#ports.log(effect.level, `${this.#peer.name}: ${effect.message}`);
          break;
        case 'install-inbound':
        case 'install-outbound':
        case 'remove-esp':
          break;
      }
    }
  }

  #queue(job: () => Promise<void>): void {
    this.#queued++;
    this.#work = this.#work
      .then(job)
      .catch((error: unknown) => this.#dataPathFailed(error))
      .finally(() => {
        this.#queued--;
      });
  }

  async #applyToKernel(effects: readonly EspEffect[]): Promise<void> {
    await this.#ports.dataPath.apply(this.#peer, effects);
    // Only what the kernel took counts as success, or a kernel that refuses would be asked every second.
    if (effects.some(({ type }) => type === 'install-outbound')) this.#tries = 0;
  }

  /** An association that carries nothing must not look as if it did. */
  #dataPathFailed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#ports.log('error', `${this.#peer.name}: ${message}`);
    this.input({ type: 'abandon' });
    this.#lastError = message;
  }

  #send(packet: Uint8Array, to: Locator): void {
    this.#ports.socket.send(packet, to);
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
    const { host, port } = this.#peer.uri;
    const addresses = await this.#ports.resolve(host);
    if (!this.#wanted) return;
    this.#tries++;
    const address = addresses[(this.#tries - 1) % Math.max(1, addresses.length)];
    if (address !== undefined) return this.input({ type: 'connect', to: { address, port } });
    if (this.#failedResolutions++ === 0)
      this.#ports.log('warning', `${this.#peer.name}: ${host} has no address`);
    this.noteError(`${host} has no address`);
    this.#arm();
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.#ports.setTimer(milliseconds, resolve);
    });
  }
}
