import { equalBytes } from '../../bytes/bytes.ts';
import { describeDecodeError } from '../../bytes/decode.ts';
import type { AssociationContext } from '../../hip/association.ts';
import type { HipCrypto } from '../../hip/crypto-port.ts';
import { describeParameter } from '../../hip/describe-parameter.ts';
import { formatHit, type HostIdentityTag } from '../../hip/host-identity-tag.ts';
import type { EspKeys } from '../../hip/key-material.ts';
import { formatLocator, type Locator } from '../../hip/locator.ts';
import { type OwnIdentity, ownIdentity } from '../../hip/own-identity.ts';
import { decodePacket, type Packet, parameter } from '../../hip/packet.ts';
import { AssociationRunner } from './association-runner.ts';
import type { EspEffect } from './data-path.ts';
import { type DiagnosticPorts, diagnosticOffers, keysFingerprint, randomSpi } from './diagnosis.ts';
import { type KeyLog, withKeyLog } from './key-log.ts';
import { limits } from './limits.ts';
import type { PeerPlace } from './peer.ts';
import { dataPathWithoutKernel } from './without-kernel.ts';

/** Something that happened in a probe, `atMs` milliseconds after its start. */
export type ProbeStep = { readonly atMs: number; readonly step: string; readonly detail: string };

/** What a base exchange gave. Times in milliseconds, null for what was not reached. */
export type ProbeResult = {
  readonly reached: boolean;
  /** Why not. */
  readonly reason: string | null;
  readonly locator: string | null;
  readonly steps: readonly ProbeStep[];
  readonly timings: {
    readonly resolveMs: number | null;
    /** From the first I1 to the R1 that was answered. */
    readonly i1ToR1Ms: number | null;
    readonly signatureCheckMs: number | null;
    readonly puzzleMs: number | null;
    readonly diffieHellmanMs: number | null;
    readonly signMs: number | null;
    readonly i2ToR2Ms: number | null;
    /** From the first I1 to R2. */
    readonly exchangeMs: number | null;
    readonly closeMs: number | null;
  };
  readonly puzzle: { readonly difficulty: number; readonly hashes: number } | null;
  /** What the responder's R1 offers, by parameter, in the field's own names. */
  readonly offered: Readonly<Record<string, string>>;
  /** What our I2 chose of it. */
  readonly negotiated: Readonly<Record<string, string>>;
  readonly keysFingerprint: string | null;
  /** Whether the peer acknowledged our CLOSE. */
  readonly closed: boolean;
};

export type ProbeRequest = {
  readonly peer: HostIdentityTag;
  readonly place: PeerPlace;
  readonly timeoutMs: number;
  readonly onStep?: (step: ProbeStep) => void;
  readonly keyLog?: KeyLog;
};

/** Parameters that say what an end can or wants, in the order in which they are shown. */
const shownParameters = [
  'R1_COUNTER',
  'PUZZLE',
  'DH_GROUP_LIST',
  'DIFFIE_HELLMAN',
  'HIP_CIPHER',
  'HIT_SUITE_LIST',
  'ESP_TRANSFORM',
  'TRANSPORT_FORMAT_LIST',
] as const;

/** One base exchange as initiator, with a CLOSE at its end and nothing put into the kernel. Never rejects for what the peer does. */
export async function probe(request: ProbeRequest, ports: DiagnosticPorts): Promise<ProbeResult> {
  const running = new Probe(request, ports);
  return await running.run();
}

class Probe {
  readonly #request: ProbeRequest;
  readonly #ports: DiagnosticPorts;
  readonly #own: OwnIdentity;
  readonly #began: number;
  readonly #steps: ProbeStep[] = [];
  readonly #runner: AssociationRunner;
  readonly #ended = Promise.withResolvers<void>();
  #closeAcknowledged = Promise.withResolvers<void>();
  #reason: string | null = null;
  #locator: Locator | null = null;
  #at: Partial<Record<'resolved' | 'I1' | 'R1' | 'I2' | 'R2' | 'CLOSE' | 'CLOSE_ACK', number>> = {};
  /** Time in cryptographic operations since R1 came. */
  #spent = { verify: 0, hash: 0, hashes: 0, agree: 0, sign: 0 };
  /** From then on the peer's packets would only begin something new. */
  #isOver = false;
  #r1: Packet | undefined;
  #i2: Packet | undefined;
  #keys: { incoming?: EspKeys; outgoing?: EspKeys } = {};

  constructor(request: ProbeRequest, ports: DiagnosticPorts) {
    this.#request = request;
    this.#ports = ports;
    this.#own = ownIdentity(ports.signer.identity, ports.crypto);
    this.#began = ports.monotonic();
    const context: AssociationContext = {
      crypto: this.#timedCrypto(ports.crypto),
      own: this.#own,
      peer: request.peer,
      offers: diagnosticOffers,
      // Nobody is answered: an R1 was never sent.
      responder: { recognise: () => 'stale-generation' },
      newSpi: () => randomSpi(ports.crypto),
    };
    const hit = formatHit(request.peer);
    const peer = {
      ...{ name: 'peer', tag: request.peer, hit, places: [request.place] as const },
      ...{ onDemand: false, protectedPrefixes: [], mark: 0 },
    };
    const dataPath = dataPathWithoutKernel((effects) => this.#installed(effects));
    const logged =
      request.keyLog === undefined
        ? dataPath
        : withKeyLog(dataPath, request.keyLog, formatHit(this.#own.hit), () => this.#runner.state);
    this.#runner = new AssociationRunner(peer, context, {
      ...ports,
      socket: { send: (packet, to) => this.#send(packet, to) },
      signer: { identity: ports.signer.identity, sign: (message) => this.#sign(message) },
      resolve: (host) => this.#resolve(host),
      dataPath: logged,
      answerI1: () => {},
      countSolution: () => {},
      log: (level, message) => this.#report(level, message.replace(/^peer: /, '')),
    });
  }

  async run(): Promise<ProbeResult> {
    const { socket, setTimer } = this.#ports;
    socket.onPacket((octets, from) => this.#receive(octets, from));
    socket.onSendFailure((to, reason) => {
      this.#reason = `${formatLocator(to)}: ${reason}`;
      this.#step('not sent', this.#reason);
    });
    const timer = setTimer(this.#request.timeoutMs, () => this.#ended.resolve());
    this.#runner.start();
    await this.#ended.promise;
    timer.close();
    const reached = this.#at.R2 !== undefined && this.#keys.outgoing !== undefined;
    if (reached) await this.#close();
    await this.#runner.close();
    this.#isOver = true;
    return this.#result(reached);
  }

  async #close(): Promise<void> {
    const timer = this.#ports.setTimer(limits.closeMs, () => this.#closeAcknowledged.resolve());
    this.#runner.input({ type: 'close' });
    await this.#closeAcknowledged.promise;
    timer.close();
  }

  #step(step: string, detail: string): void {
    const made = { atMs: this.#ports.monotonic() - this.#began, step, detail };
    this.#steps.push(made);
    this.#request.onStep?.(made);
  }

  async #resolve(host: string): Promise<readonly string[]> {
    const addresses = await this.#ports.resolve(host);
    this.#at.resolved = this.#ports.monotonic();
    if (addresses.length === 0) {
      this.#reason = `${host} has no address`;
      this.#ended.resolve();
    }
    this.#step('resolved', addresses.length === 0 ? 'to nothing' : addresses.join(', '));
    return addresses;
  }

  #send(octets: Uint8Array, to: Locator): void {
    const packet = decodePacket(octets);
    if (!packet.ok) return;
    const now = this.#ports.monotonic();
    const name = packet.value.packet;
    if (name === 'I1' || name === 'I2' || name === 'CLOSE') this.#at[name] ??= now;
    if (name === 'I2') this.#i2 = packet.value;
    const chosen = name === 'I2' ? `: ${shown(packet.value)}` : '';
    this.#step(`${name} sent`, `to ${formatLocator(to)}, ${octets.length} octets${chosen}`);
    this.#ports.socket.send(octets, to);
  }

  #receive(octets: Uint8Array, from: Locator): void {
    if (this.#isOver) return;
    const packet = decodePacket(octets);
    const where = `from ${formatLocator(from)}, ${octets.length} octets`;
    if (!packet.ok) {
      this.#reason = `an answer is no HIP packet: ${describeDecodeError(packet.error)}`;
      this.#step('not decoded', `${where}: ${describeDecodeError(packet.error)}`);
      return;
    }
    const { sender, receiver, packet: name } = packet.value;
    if (!equalBytes(sender, this.#request.peer) || !equalBytes(receiver, this.#own.hit)) {
      this.#step('ignored', `${name} ${where}, between other hosts`);
      return;
    }
    const now = this.#ports.monotonic();
    if (name === 'R1' && this.#i2 === undefined) {
      this.#r1 = packet.value;
      this.#at.R1 = now;
      this.#locator = from;
      this.#spent = { verify: 0, hash: 0, hashes: 0, agree: 0, sign: 0 };
    }
    if (name === 'R2') this.#at.R2 = now;
    if (name === 'CLOSE_ACK') this.#at.CLOSE_ACK = now;
    this.#step(`${name} received`, `${where}${name === 'R1' ? `: ${shown(packet.value)}` : ''}`);
    this.#runner.input({ type: 'packet', packet: packet.value, from });
    if (name === 'CLOSE_ACK' && this.#runner.state.name !== 'CLOSING') this.#closeAcknowledged.resolve();
  }

  #installed(effects: readonly EspEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'install-inbound') this.#keys.incoming = effect.association.keys;
      if (effect.type !== 'install-outbound') continue;
      this.#keys.outgoing = effect.association.keys;
      this.#step('established', `ESP with ${effect.association.suite.name}, keys ${this.#fingerprint()}`);
      this.#ended.resolve();
    }
  }

  #fingerprint(): string | null {
    const { incoming, outgoing } = this.#keys;
    if (incoming === undefined || outgoing === undefined) return null;
    const ends = { local: this.#own.hit, peer: this.#request.peer };
    return keysFingerprint({ incoming, outgoing }, ends, this.#ports.crypto);
  }

  #report(level: string, message: string): void {
    // What the machine drops is the best answer to why nothing came of it.
    if (this.#at.R2 === undefined || this.#keys.outgoing === undefined) this.#reason = message;
    if (level !== 'info') this.#step('dropped', message);
  }

  async #sign(message: Uint8Array): Promise<Uint8Array> {
    const before = this.#ports.monotonic();
    try {
      return await this.#ports.signer.sign(message);
    } finally {
      if (this.#i2 === undefined) this.#spent.sign += this.#ports.monotonic() - before;
    }
  }

  #timedCrypto(crypto: HipCrypto): HipCrypto {
    const timed = <Value>(part: 'verify' | 'hash' | 'agree', operation: () => Value): Value => {
      if (this.#i2 !== undefined) return operation();
      const before = this.#ports.monotonic();
      const value = operation();
      this.#spent[part] += this.#ports.monotonic() - before;
      return value;
    };
    return {
      ...crypto,
      hash: (algorithm, data) => {
        if (this.#i2 === undefined) this.#spent.hashes++;
        return timed('hash', () => crypto.hash(algorithm, data));
      },
      verify: (...args) => timed('verify', () => crypto.verify(...args)),
      generateKeyPair: (group) => {
        const keyPair = timed('agree', () => crypto.generateKeyPair(group));
        return { ...keyPair, agree: (value) => timed('agree', () => keyPair.agree(value)) };
      },
    };
  }

  #result(reached: boolean): ProbeResult {
    const { resolved, I1, R1, I2, R2, CLOSE, CLOSE_ACK } = this.#at;
    const between = (from: number | undefined, to: number | undefined) =>
      from === undefined || to === undefined ? null : to - from;
    const answered = I2 !== undefined;
    const puzzle = this.#r1 && parameter(this.#r1, 'PUZZLE');
    return {
      reached,
      reason: reached ? null : (this.#reason ?? 'no answer'),
      locator: this.#locator === null ? null : formatLocator(this.#locator),
      steps: this.#steps,
      timings: {
        resolveMs: between(this.#began, resolved),
        i1ToR1Ms: between(I1, R1),
        signatureCheckMs: R1 === undefined ? null : this.#spent.verify,
        puzzleMs: answered ? this.#spent.hash : null,
        diffieHellmanMs: answered ? this.#spent.agree : null,
        signMs: answered ? this.#spent.sign : null,
        i2ToR2Ms: between(I2, R2),
        exchangeMs: between(I1, R2),
        closeMs: between(CLOSE, CLOSE_ACK),
      },
      // One of the hashes is the HIT's.
      puzzle: puzzle
        ? { difficulty: puzzle.difficulty, hashes: answered ? Math.max(0, this.#spent.hashes - 1) : 0 }
        : null,
      offered: this.#r1 === undefined ? {} : meanings(this.#r1),
      negotiated: this.#i2 === undefined ? {} : meanings(this.#i2),
      keysFingerprint: reached ? this.#fingerprint() : null,
      closed: CLOSE_ACK !== undefined,
    };
  }
}

/** What a packet's parameters mean, by their names. */
function meanings(packet: Packet): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of shownParameters) {
    const value = parameter(packet, name);
    if (value === undefined) continue;
    const { meaning, ...fields } = describeParameter(value, 0).fields;
    if (name === 'PUZZLE') found[name] = `${fields['difficulty']} bits`;
    else if (name === 'R1_COUNTER') found[name] = String(fields['counter']);
    else found[name] = String(meaning ?? Object.values(fields)[0]);
  }
  return found;
}

function shown(packet: Packet): string {
  return Object.entries(meanings(packet))
    .map(([name, meaning]) => `${name} ${meaning}`)
    .join('; ');
}
