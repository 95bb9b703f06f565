import { createHash, createHmac } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { concatBytes, equalBytes, toHex } from '../../../firmware/bytes/bytes.ts';
import { Secret } from '../../../firmware/bytes/secret.ts';
import {
  type AssociationEffect,
  type AssociationInput,
  type AssociationState,
  unassociated,
} from '../../../firmware/hip/association.ts';
import type { HashAlgorithm, HipCrypto } from '../../../firmware/hip/crypto-port.ts';
import { limits } from '../../../firmware/hip/limits.ts';
import type { Locator } from '../../../firmware/hip/locator.ts';
import { type OwnIdentity, ownIdentity } from '../../../firmware/hip/own-identity.ts';
import { decodePacket } from '../../../firmware/hip/packet.ts';
import { Responder } from '../../../firmware/hip/responder.ts';
import { transition } from '../../../firmware/hip/transition.ts';
import { seededRandom } from './random.ts';

/**
 * Two hosts on a network that loses, doubles and delays, in virtual time. Hashes are real; the public-key operations
 * are stand-ins with the same algebra, so that hundreds of exchanges take seconds and repeat to the octet: a key pair's
 * public value is the hash of its secret, and what two agree on is a hash over both public values.
 */
export type Conditions = {
  readonly seed: number;
  readonly loss: number;
  readonly duplication: number;
  /** Milliseconds; a packet takes up to this, so packets overtake each other. */
  readonly longestDelay: number;
  /** Milliseconds that a signature takes at most. */
  readonly longestSignature: number;
};

function standInCrypto(random: () => number): HipCrypto {
  const hash = (algorithm: HashAlgorithm, data: Uint8Array) =>
    new Uint8Array(createHash(algorithm).update(data).digest());
  const octets = (length: number) => Uint8Array.from({ length }, () => Math.floor(random() * 256));
  const xor = (key: Uint8Array, data: Uint8Array) =>
    data.map((octet, index) => octet ^ (key[index % key.length] ?? 0));
  const wide = (data: Uint8Array) =>
    concatBytes(hash('sha256', data), hash('sha256', concatBytes(data, data)));
  return {
    random: octets,
    hash,
    hmac: (algorithm, key, data) => new Uint8Array(createHmac(algorithm, key).update(data).digest()),
    generateKeyPair(group) {
      const publicValue = wide(octets(32));
      return {
        group,
        publicValue,
        agree: (peer) =>
          new Secret(
            wide(
              concatBytes(
                ...[publicValue, peer].toSorted((left, right) => (toHex(left) < toHex(right) ? -1 : 1)),
              ),
            ),
          ),
      };
    },
    encrypt: (_, key, __, data) => xor(key, data),
    decrypt: (_, key, __, data) => xor(key, data),
    verify: ({ octets: identity }, algorithm, message, signature) =>
      equalBytes(signature, hash(algorithm, concatBytes(identity, message))),
  };
}

export class SimulatedHost {
  readonly name: string;
  readonly locator: Locator;
  readonly own: OwnIdentity;
  readonly crypto: HipCrypto;
  responder: Responder;
  state: AssociationState = unassociated;
  peer!: SimulatedHost;
  /** SPI → key, as the kernel would have it. */
  readonly inbound = new Map<number, string>();
  readonly outbound = new Map<number, string>();
  /** Every ESP key this host ever installed for sending: none may come twice. */
  readonly usedKeys = new Set<string>();
  #spi: number;
  #generation = 0n;

  constructor(name: string, address: string, firstSpi: number, crypto: HipCrypto) {
    this.name = name;
    this.locator = { address, port: 10500 };
    this.crypto = crypto;
    this.#spi = firstSpi;
    this.own = ownIdentity({ algorithm: 7, octets: crypto.random(67) }, crypto);
    this.responder = this.#freshResponder();
  }

  sign(message: Uint8Array): Uint8Array {
    return this.crypto.hash('sha384', concatBytes(this.own.identity.octets, message));
  }

  step(input: AssociationInput, now: number): readonly AssociationEffect[] {
    const { crypto, own, peer, responder } = this;
    const context = { crypto, own, peer: peer.own.hit, responder, newSpi: () => this.#spi++ };
    const { state, effects } = transition(this.state, input, now, context);
    this.state = state;
    return effects;
  }

  /** Loses everything but the host identity, as a power cut does. */
  reboot(): void {
    this.state = unassociated;
    this.inbound.clear();
    this.outbound.clear();
    this.responder = this.#freshResponder();
  }

  renewR1s(now: number): void {
    const drafts = this.responder.draftGeneration(now);
    drafts.finish(drafts.messages.map((message) => this.sign(message)));
  }

  #freshResponder(): Responder {
    this.#generation += 1_000_000n;
    return new Responder(this.own, this.crypto, this.#generation);
  }
}

type Event = { readonly at: number; readonly order: number; readonly run: () => void };

export class World {
  readonly hosts: readonly [SimulatedHost, SimulatedHost];
  readonly faults: string[] = [];
  now = 0;
  #conditions: Conditions;
  readonly #random: () => number;
  #events: Event[] = [];
  #order = 0;

  constructor(conditions: Conditions) {
    this.#conditions = conditions;
    this.#random = seededRandom(conditions.seed);
    const crypto = standInCrypto(this.#random);
    const [left, right] = [
      new SimulatedHost('left', '192.0.2.1', 0x1000, crypto),
      new SimulatedHost('right', '192.0.2.2', 0x8000_0000, crypto),
    ];
    left.peer = right;
    right.peer = left;
    this.hosts = [left, right];
    for (const host of this.hosts) this.#renewForEver(host);
  }

  /** Changes what the network does from now on. */
  set conditions(conditions: Conditions) {
    this.#conditions = conditions;
  }

  at(delay: number, run: () => void): void {
    this.#events.push({ at: this.now + delay, order: this.#order++, run });
  }

  input(host: SimulatedHost, input: AssociationInput): void {
    const before = host.state;
    for (const effect of host.step(input, this.now)) this.#perform(host, effect);
    this.#check(host, before, input);
    const { state } = host;
    if (!('deadline' in state)) return;
    if (!('deadline' in before) || before.deadline !== state.deadline) {
      this.at(Math.max(0, state.deadline - this.now), () => this.input(host, { type: 'timeout' }));
    }
  }

  connect(host: SimulatedHost): void {
    this.input(host, { type: 'connect', to: host.peer.locator });
  }

  /** Lets virtual time pass until `until` or until `done`; both hosts want an association all the time. */
  run(until: number, done: () => boolean = () => false): void {
    while (this.now < until && !done()) {
      this.#events.sort((left, right) => left.at - right.at || left.order - right.order);
      const [next] = this.#events;
      if (next === undefined || next.at > until) {
        this.now = until;
        return;
      }
      this.#events.shift();
      this.now = Math.max(this.now, next.at);
      next.run();
    }
  }

  get isUp(): boolean {
    return (
      this.hosts.every(({ state }) => state.name === 'ESTABLISHED' || state.name === 'R2-SENT') &&
      this.carries
    );
  }

  /** Whether each host can send what the other can read. */
  get carries(): boolean {
    return this.hosts.every(({ outbound, peer }) =>
      [...outbound].some(([spi, key]) => peer.inbound.get(spi) === key),
    );
  }

  #perform(host: SimulatedHost, effect: AssociationEffect): void {
    switch (effect.type) {
      case 'send':
        this.#transmit(host, effect.packet);
        break;
      case 'answer-i1': {
        const r1 = host.responder.answer(effect.i1, effect.to, this.now);
        if (r1 !== undefined) this.#transmit(host, r1);
        break;
      }
      case 'sign': {
        const { message } = effect;
        const signature = host.sign(message);
        this.at(this.#random() * this.#conditions.longestSignature, () =>
          this.input(host, { type: 'signed', message, signature }),
        );
        break;
      }
      case 'refuse-solution':
        host.responder.refuse(effect.solution, this.now);
        break;
      case 'accept-solution': {
        host.responder.accept(effect.solution, this.now);
        const drafts = host.responder.draftMissing(this.now);
        drafts?.finish(drafts.messages.map((message) => host.sign(message)));
        break;
      }
      case 'install-inbound':
        host.inbound.set(effect.association.spi, toHex(effect.association.keys.encryption.reveal()));
        break;
      case 'install-outbound': {
        const key = toHex(effect.association.keys.encryption.reveal());
        if (host.usedKeys.has(key)) this.faults.push(`${host.name} sends under a key for the second time`);
        host.usedKeys.add(key);
        host.outbound.set(effect.association.spi, key);
        break;
      }
      case 'remove-esp':
        host.inbound.delete(effect.localSpi);
        if (effect.peerSpi !== undefined) host.outbound.delete(effect.peerSpi);
        break;
      case 'report':
        break;
    }
  }

  #transmit(from: SimulatedHost, octets: Uint8Array): void {
    const { loss, duplication, longestDelay } = this.#conditions;
    const copies = this.#random() < duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random() < loss) continue;
      this.at(this.#random() * longestDelay, () => {
        const packet = decodePacket(octets.slice());
        if (!packet.ok) {
          this.faults.push(`undecodable: ${packet.error.path} ${packet.error.problem}`);
          return;
        }
        this.input(from.peer, { type: 'packet', packet: packet.value, from: from.locator });
      });
    }
  }

  /** What must hold after every step. */
  #check(host: SimulatedHost, before: AssociationState, input: AssociationInput): void {
    const { state } = host;
    // Only when our own I1 is repeated may change: an I1 costs its sender nothing.
    const isI1 = input.type === 'packet' && input.packet.packet === 'I1';
    if (isI1 && !isDeepStrictEqual({ ...state, deadline: 0 }, { ...before, deadline: 0 })) {
      this.faults.push(`${host.name} keeps something of an I1`);
    }
    const expected =
      state.name === 'I2-SENT' ? 1 : state.name === 'R2-SENT' || state.name === 'ESTABLISHED' ? 1 : 0;
    if (host.inbound.size !== expected)
      this.faults.push(`${host.name} has ${host.inbound.size} inbound in ${state.name}`);
    const outbound = state.name === 'R2-SENT' || state.name === 'ESTABLISHED' ? 1 : 0;
    if (host.outbound.size !== outbound)
      this.faults.push(`${host.name} has ${host.outbound.size} outbound in ${state.name}`);
  }

  #renewForEver(host: SimulatedHost): void {
    host.renewR1s(this.now);
    this.at(limits.generationMs, () => this.#renewForEver(host));
  }
}
