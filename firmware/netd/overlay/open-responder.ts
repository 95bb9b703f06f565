import { equalBytes } from '../../bytes/bytes.ts';
import { describeDecodeError } from '../../bytes/decode.ts';
import { formatHit, type HostIdentityTag, hostIdentityTag } from '../../hip/host-identity-tag.ts';
import type { EspKeys } from '../../hip/key-material.ts';
import { formatLocator, type Locator } from '../../hip/locator.ts';
import { type OwnIdentity, ownIdentity } from '../../hip/own-identity.ts';
import { decodePacket, type Packet } from '../../hip/packet.ts';
import { R1RateLimit } from '../../hip/r1-rate.ts';
import { Responder } from '../../hip/responder.ts';
import type { LogLevel } from '../system-port.ts';
import { AssociationRunner } from './association-runner.ts';
import type { EspEffect } from './data-path.ts';
import { type DiagnosticPorts, diagnosticOffers, keysFingerprint, randomSpi } from './diagnosis.ts';
import { type KeyLog, withKeyLog } from './key-log.ts';
import { limits } from './limits.ts';
import type { OverlayTimer } from './ports.ts';
import { R1Signing } from './r1-signing.ts';
import { dataPathWithoutKernel } from './without-kernel.ts';

/** What a responder has to tell. HITs and locators are text. */
export type ResponderEvent =
  | {
      readonly event: 'received';
      readonly packet: string;
      readonly peer: string;
      readonly from: string;
      readonly length: number;
    }
  | {
      readonly event: 'sent';
      readonly packet: string;
      readonly peer: string;
      readonly to: string;
      readonly length: number;
    }
  | {
      readonly event: 'dropped';
      readonly from: string | null;
      readonly peer: string | null;
      readonly reason: string;
    }
  | {
      readonly event: 'established';
      readonly peer: string;
      readonly locator: string | null;
      readonly espSuite: string;
      readonly inboundSpi: string;
      readonly outboundSpi: string;
      readonly keysFingerprint: string;
      /** 0 for the base exchange. */
      readonly rekeys: number;
    }
  | { readonly event: 'ended'; readonly peer: string; readonly reason: string }
  /** Events that were not told, to keep a flood from becoming one of words. */
  | { readonly event: 'suppressed'; readonly count: number };

export type OpenResponderOptions = {
  /** The initiators that are answered; undefined answers any. */
  readonly peers?: readonly HostIdentityTag[] | undefined;
  /** #K of the puzzles in quiet times. */
  readonly difficulty: number;
  /** Associations at a time; `limits.openAssociations` where there is none. */
  readonly most?: number;
  readonly onEvent: (event: ResponderEvent) => void;
  readonly keyLog?: KeyLog | undefined;
};

type Entry = {
  readonly hit: string;
  readonly runner: AssociationRunner;
  heardAt: number;
  closeReason: string | undefined;
  /** Whether it was told of as established and not yet as ended. */
  isTold: boolean;
  /** What its timers still do concerns nobody any more. */
  isGone: boolean;
  keys: { inbound?: [spi: number, keys: EspKeys]; outbound?: [spi: number, keys: EspKeys] };
  rekeys: number;
};

/**
 * A responder that takes part in exchanges with anybody, for trying things out: nothing is put into the kernel, nothing is
 * begun by it, and what it keeps is bounded whatever comes.
 */
export class OpenResponder {
  readonly hit: HostIdentityTag;
  readonly #ports: DiagnosticPorts;
  readonly #options: OpenResponderOptions;
  readonly #own: OwnIdentity;
  readonly #responder: Responder;
  readonly #signing: R1Signing;
  readonly #rate = new R1RateLimit();
  /** By the peer's HIT, the one heard longest ago first. */
  readonly #entries = new Map<string, Entry>();
  #sweepTimer: OverlayTimer | undefined;
  #told = 0;
  #suppressed = 0;
  #closed = false;

  constructor(ports: DiagnosticPorts, options: OpenResponderOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#own = ownIdentity(ports.signer.identity, ports.crypto);
    this.hit = this.#own.hit;
    const firstCounter = BigInt(Math.max(1, Math.floor(ports.wallClock())));
    this.#responder = new Responder(
      this.#own,
      ports.crypto,
      firstCounter,
      diagnosticOffers,
      options.difficulty,
    );
    const log = (level: LogLevel, message: string) => this.#log(level, null, message);
    this.#signing = new R1Signing({ ...ports, log }, this.#responder);
  }

  /** Associations that it has. */
  get size(): number {
    return this.#entries.size;
  }

  /** Resolves when I1s are answered. */
  async start(): Promise<void> {
    await this.#signing.renew();
    this.#ports.socket.onPacket((octets, from) => this.#receive(octets, from));
    this.#ports.socket.onSendFailure((to, reason) => {
      this.#tell({ event: 'dropped', from: null, peer: null, reason: `to ${formatLocator(to)}: ${reason}` });
    });
    this.#sweep();
  }

  /** Tells the peers that it ends. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#sweepTimer?.close();
    this.#signing.close();
    const entries = [...this.#entries.values()];
    for (const entry of entries) entry.closeReason ??= 'the responder ends';
    await Promise.all(entries.map(({ runner }) => runner.close()));
    for (const entry of entries) this.#forget(entry);
  }

  #receive(octets: Uint8Array, from: Locator): void {
    if (this.#closed) return;
    const where = formatLocator(from);
    const decoded = decodePacket(octets);
    if (!decoded.ok) {
      this.#tell({ event: 'dropped', from: where, peer: null, reason: describeDecodeError(decoded.error) });
      return;
    }
    const packet = decoded.value;
    const hit = formatHit(packet.sender);
    const tag = hostIdentityTag(packet.sender.slice());
    const refusal = this.#refusal(packet, tag);
    if (tag === undefined || refusal !== undefined) {
      this.#tell({ event: 'dropped', from: where, peer: hit, reason: refusal ?? 'no HIT' });
      return;
    }
    this.#tell({ event: 'received', packet: packet.packet, peer: hit, from: where, length: octets.length });
    const known = this.#entries.get(hit);
    // Nothing is kept of an I1, nor of an I2 before all of it was found right (RFC 7401 §4.1.1).
    if (known !== undefined) this.#feed(known, packet, from);
    else if (packet.packet === 'I1') this.#answer(packet, from);
    else this.#feed(this.#newEntry(tag, hit), packet, from);
  }

  /** Why a packet is not for this responder, or undefined. */
  #refusal({ packet, receiver }: Packet, sender: HostIdentityTag | undefined): string | undefined {
    if (sender === undefined) return 'the sender is no HIT';
    const { peers } = this.#options;
    if (!equalBytes(receiver, this.#own.hit)) return `${packet} is for another host`;
    if (equalBytes(sender, this.#own.hit)) return `${packet} claims to be from this host`;
    if (peers !== undefined && !peers.some((peer) => equalBytes(peer, sender)))
      return 'the HIT is not allowed';
    const isBeginning = packet === 'I1' || packet === 'I2';
    return isBeginning || this.#entries.has(formatHit(sender))
      ? undefined
      : `${packet} without an association`;
  }

  #feed(entry: Entry, packet: Packet, from: Locator): void {
    entry.runner.input({ type: 'packet', packet, from });
    this.#settle(entry);
    if (!this.#entries.has(entry.hit)) return;
    entry.heardAt = this.#ports.monotonic();
    this.#entries.delete(entry.hit);
    this.#entries.set(entry.hit, entry);
  }

  /** Keeps an entry as long as there is something in it. */
  #settle(entry: Entry): void {
    const { state } = entry.runner;
    const isEmpty =
      (state.name === 'UNASSOCIATED' || state.name === 'E-FAILED') && state.pending === undefined;
    if (isEmpty) {
      this.#forget(entry);
      return;
    }
    if (entry.isGone || this.#entries.has(entry.hit)) return;
    this.#entries.set(entry.hit, entry);
    const [oldest] = this.#entries.values();
    if (this.#entries.size > (this.#options.most ?? limits.openAssociations) && oldest !== undefined)
      this.#end(oldest, 'others came after it');
  }

  #end(entry: Entry, reason: string): void {
    entry.closeReason = reason;
    this.#forget(entry);
    void entry.runner.close();
  }

  #forget(entry: Entry): void {
    entry.isGone = true;
    if (this.#entries.get(entry.hit) !== entry) return;
    this.#entries.delete(entry.hit);
    this.#tellEnd(entry, 'given up');
  }

  #tellEnd(entry: Entry, reason: string): void {
    if (!entry.isTold) return;
    entry.isTold = false;
    this.#tell({ event: 'ended', peer: entry.hit, reason: entry.closeReason ?? reason });
  }

  #answer(i1: Packet, from: Locator): void {
    const now = this.#ports.monotonic();
    if (!this.#rate.allow(from.address, now, false)) {
      const peer = formatHit(i1.sender);
      this.#tell({
        event: 'dropped',
        from: formatLocator(from),
        peer,
        reason: 'too many I1s from this address',
      });
      return;
    }
    const r1 = this.#responder.answer(i1, from, now);
    if (r1 !== undefined) this.#send(r1, from);
    void this.#signing.signMissing();
  }

  #newEntry(tag: HostIdentityTag, hit: string): Entry {
    const { crypto } = this.#ports;
    const context = {
      ...{ crypto, own: this.#own, peer: tag, offers: diagnosticOffers, responder: this.#responder },
      newSpi: () => randomSpi(crypto),
    };
    const plain = dataPathWithoutKernel((effects) => this.#installed(entry, effects));
    const { keyLog } = this.#options;
    const dataPath =
      keyLog === undefined
        ? plain
        : withKeyLog(plain, keyLog, formatHit(this.#own.hit), () => entry.runner.state);
    // On demand, and nobody demands: it never begins an exchange. It has no place to look for the peer either.
    const peer = {
      ...{ name: hit, tag, hit, places: [{ host: '', port: null }] as const },
      ...{ onDemand: true, protectedPrefixes: [], mark: 0 },
    };
    const runner = new AssociationRunner(peer, context, {
      ...this.#ports,
      resolve: async () => [],
      socket: { send: (packet, to) => this.#send(packet, to) },
      setTimer: (milliseconds, callback) =>
        this.#ports.setTimer(milliseconds, () => {
          callback();
          this.#settle(entry);
        }),
      dataPath,
      answerI1: (i1, to) => this.#answer(i1, to),
      countSolution: ({ type, solution }) => {
        const now = this.#ports.monotonic();
        if (type === 'accept-solution') this.#responder.accept(solution, now);
        else this.#responder.refuse(solution, now);
        void this.#signing.signMissing();
      },
      log: (level, message) => this.#log(level, hit, message.slice(hit.length + 2)),
    });
    const entry: Entry = {
      ...{ hit, runner, heardAt: this.#ports.monotonic() },
      ...{ closeReason: undefined, isTold: false, isGone: false, keys: {}, rekeys: 0 },
    };
    return entry;
  }

  #installed(entry: Entry, effects: readonly EspEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'install-inbound')
        entry.keys.inbound = [effect.association.spi, effect.association.keys];
      if (effect.type !== 'install-outbound') continue;
      const { spi, suite, keys, to } = effect.association;
      const { inbound } = entry.keys;
      if (inbound === undefined) continue;
      entry.rekeys = entry.isTold ? entry.rekeys + 1 : 0;
      entry.isTold = true;
      const ends = { local: this.#own.hit, peer: entry.runner.peer.tag };
      this.#tell({
        ...{ event: 'established', peer: entry.hit, locator: formatLocator(to), espSuite: suite.name },
        ...{ inboundSpi: spiText(inbound[0]), outboundSpi: spiText(spi), rekeys: entry.rekeys },
        keysFingerprint: keysFingerprint({ incoming: inbound[1], outgoing: keys }, ends, this.#ports.crypto),
      });
    }
  }

  #send(octets: Uint8Array, to: Locator): void {
    const packet = decodePacket(octets);
    if (packet.ok) {
      const { packet: name, receiver } = packet.value;
      const peer = formatHit(receiver);
      this.#tell({ event: 'sent', packet: name, peer, to: formatLocator(to), length: octets.length });
      // What is left of the association only answers a repeated CLOSE.
      const entry = this.#entries.get(peer);
      if (name === 'CLOSE_ACK' && entry !== undefined) this.#tellEnd(entry, 'closed by the peer');
    }
    this.#ports.socket.send(octets, to);
  }

  #log(level: LogLevel, peer: string | null, message: string): void {
    if (level !== 'info') this.#tell({ event: 'dropped', from: null, peer, reason: message });
  }

  #tell(event: ResponderEvent): void {
    const isMilestone = event.event === 'established' || event.event === 'ended';
    if (!isMilestone && this.#told >= limits.toldInASweep) {
      this.#suppressed++;
      return;
    }
    if (!isMilestone) this.#told++;
    this.#options.onEvent(event);
  }

  /** Once a second: associations that ended by a timer or whose peer fell silent, and what a flood kept from being told. */
  #sweep(): void {
    this.#sweepTimer = this.#ports.setTimer(limits.sweepMs, () => this.#sweep());
    const suppressed = this.#suppressed;
    [this.#told, this.#suppressed] = [0, 0];
    if (suppressed > 0) this.#options.onEvent({ event: 'suppressed', count: suppressed });
    const silentSince = this.#ports.monotonic() - limits.openSilenceMs;
    for (const entry of [...this.#entries.values()]) {
      this.#settle(entry);
      if (entry.heardAt < silentSince && this.#entries.has(entry.hit))
        this.#end(entry, 'the peer fell silent');
    }
  }
}

function spiText(spi: number): string {
  return `0x${spi.toString(16).padStart(8, '0')}`;
}
