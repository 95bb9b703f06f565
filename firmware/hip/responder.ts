import { concatBytes, equalBytes, toHex } from '../bytes/bytes.ts';
import { Secret } from '../bytes/secret.ts';
import type { DhGroup, DhKeyPair, HipCrypto } from './crypto-port.ts';
import type { HostIdentityTag } from './host-identity-tag.ts';
import { limits } from './limits.ts';
import { type Locator, locatorOctets } from './locator.ts';
import type { OwnIdentity } from './own-identity.ts';
import { appendParameters, encodePacket, header, type Packet, parameter } from './packet.ts';
import type { ParameterOf } from './parameter-fields.ts';
import { parameterLength } from './parameters.ts';
import { fillPuzzle, protectedR1Octets } from './protection.ts';
import { isSolution } from './puzzle.ts';
import {
  defaultOffers,
  espTransportFormat,
  hashLengths,
  isDhGroup,
  type Offers,
  peerHitSuites,
  responderHash,
} from './suites.ts';

/** A signed R1 that still lacks the receiver, Opaque and #I. */
type Slot = { readonly index: number; readonly keyPair: DhKeyPair; readonly r1: Uint8Array };

type Generation = {
  readonly counter: bigint;
  readonly secret: Secret;
  readonly createdAt: number;
  /** By index; a gap is an R1 whose signature has not come yet. */
  readonly slots: (Slot | undefined)[];
  /** Indices whose key has served in an exchange: not offered again unless nothing else is left (RFC 7401 §5.3.2). */
  readonly used: Set<number>;
  /** Solutions that made an association, as #I ‖ #J in hexadecimal: a repeated I2 must not give the same keys again. */
  readonly accepted: Set<string>;
};

/** R1s to be signed by the host identity. `finish` takes one signature a message, in order, and puts them to use. */
export type R1Drafts = {
  readonly messages: readonly Uint8Array[];
  finish(signatures: readonly Uint8Array[]): void;
};

/** An I2's solution that this host asked for and that was not used before. */
export type RecognisedSolution = {
  readonly keyPair: DhKeyPair;
  readonly generation: bigint;
  readonly slot: number;
  readonly key: string;
  /** When the R1 was sent, in the caller's milliseconds, to a tick of `limits.r1TickMs`. */
  readonly issuedAt: number;
};

export type SolutionRefusal =
  | 'stale-generation'
  | 'unknown-slot'
  | 'foreign-puzzle'
  | 'wrong-difficulty'
  | 'wrong-solution'
  | 'replayed-solution'
  | 'busy';

/** The ticks of a generation that fit Opaque's 12 bits. */
const lastTick = 0xfff;

/** ESP_INFO and all else that depends on the peer is absent from R1, so these offsets hold for every R1 of ours. */
const puzzleOffset = header.length + parameterLength(12);

/**
 * The stateless half of a responder (RFC 7401 §4.1.1, §6.7.1, appendix A): R1s signed ahead, a puzzle that is derived
 * from a rotating secret, the HITs and the locator, and nothing kept per I1. Which R1 was sent and when comes back in
 * Opaque: its slot (4 bits) and the ticks since its generation began (12 bits). Time makes #I fresh, as §4.1.2 wants a
 * counter to, and tells of two I2s which answers the later R1; an I1 that comes twice in a tick gets the same R1 twice.
 */
export class Responder {
  readonly #own: OwnIdentity;
  readonly #crypto: HipCrypto;
  #generations: readonly Generation[] = [];
  #nextCounter: bigint;
  readonly #offers: Offers;

  /** `firstCounter` should exceed what earlier runs used (RFC 7401 §4.1.4), as the time in milliseconds does. */
  constructor(own: OwnIdentity, crypto: HipCrypto, firstCounter: bigint, offers: Offers = defaultOffers) {
    this.#own = own;
    this.#crypto = crypto;
    this.#nextCounter = firstCounter;
    this.#offers = offers;
  }

  /** Starts a generation with a new secret and new keys; it takes effect when `finish` is called. */
  draftGeneration(now: number): R1Drafts {
    const generation: Generation = {
      counter: this.#nextCounter++,
      secret: new Secret(this.#crypto.random(this.#hashLength)),
      createdAt: now,
      slots: [],
      used: new Set(),
      accepted: new Set(),
    };
    // Every R1 costs a signature; of the first group, which our own gateways agree on, there is one to spare.
    const { groups } = this.#offers;
    return this.#draft(generation, [...groups.slice(0, 1), ...groups], () => {
      this.#generations = [generation, ...this.#generations].slice(0, limits.acceptedGenerations);
    });
  }

  /** Replaces the last unused key of a group, if exchanges have used it up and the generation has room. */
  draftReplacement(): R1Drafts | undefined {
    const current = this.#generations[0];
    if (current === undefined) return undefined;
    const group = this.#offers.groups.find(
      (candidate) =>
        current.slots.some((slot) => slot?.keyPair.group === candidate) &&
        this.#unusedSlot(current, candidate) === undefined,
    );
    if (group === undefined || current.slots.length >= limits.slotsPerGeneration) return undefined;
    return this.#draft(current, [group], () => {});
  }

  /** The R1 for an I1 from a locator, or undefined while no R1 has been signed yet. */
  answer(i1: Packet, from: Locator, now: number): Uint8Array | undefined {
    const current = this.#generations[0];
    if (current === undefined) return undefined;
    const offered = parameter(i1, 'DH_GROUP_LIST')?.groups ?? [];
    // The first of our own list that the initiator offered; with none in common any R1 still tells it our list (RFC 7401 §6.7).
    const { groups } = this.#offers;
    const group = groups.find((candidate) => offered.includes(candidate)) ?? groups[0];
    const slot =
      group === undefined ? undefined : (this.#unusedSlot(current, group) ?? lastSlot(current, group));
    if (slot === undefined) return undefined;
    // A generation that could not be renewed in time ends in its last tick.
    const tick = Math.min(lastTick, Math.max(0, Math.floor((now - current.createdAt) / limits.r1TickMs)));
    const opaque = (slot.index << 12) | tick;
    const r1 = slot.r1.slice();
    r1.set(i1.sender, header.receiver);
    fillPuzzle(r1, puzzleOffset, opaque, this.#puzzleRandom(current, i1.sender, from, opaque));
    return r1;
  }

  /** Whether an I2 answers an R1 of ours: cheap checks alone, no public-key operation (RFC 7401 §6.9, steps 7 and 8). */
  recognise({
    initiator,
    from,
    counter,
    solution,
  }: {
    initiator: HostIdentityTag;
    from: Locator;
    counter: bigint | undefined;
    solution: ParameterOf<'SOLUTION'>;
  }): RecognisedSolution | SolutionRefusal {
    const generation = this.#generations.find((candidate) => candidate.counter === counter);
    if (generation === undefined) return 'stale-generation';
    const slot = generation.slots[solution.opaque >> 12];
    if (slot === undefined) return 'unknown-slot';
    const random = this.#puzzleRandom(generation, initiator, from, solution.opaque);
    if (!equalBytes(random, solution.random)) return 'foreign-puzzle';
    if (solution.difficulty !== puzzleDifficulty) return 'wrong-difficulty';
    const hash = responderHash(this.#own.hit);
    const puzzle = { hash, random, difficulty: puzzleDifficulty, initiator, responder: this.#own.hit };
    if (!isSolution(puzzle, solution.solution, this.#crypto)) return 'wrong-solution';
    const key = toHex(solution.random) + toHex(solution.solution);
    if (generation.accepted.has(key)) return 'replayed-solution';
    if (generation.accepted.size >= limits.acceptedSolutions) return 'busy';
    const issuedAt = generation.createdAt + (solution.opaque & lastTick) * limits.r1TickMs;
    return { keyPair: slot.keyPair, generation: generation.counter, slot: slot.index, key, issuedAt };
  }

  /** Remembers that a recognised solution made an association: it is never accepted again, and its key is offered no more. */
  accept({ generation: counter, slot, key }: RecognisedSolution): void {
    const generation = this.#generations.find((candidate) => candidate.counter === counter);
    generation?.accepted.add(key);
    generation?.used.add(slot);
  }

  #draft(generation: Generation, groups: readonly DhGroup[], finished: () => void): R1Drafts {
    const drafts = groups.map((group) => {
      const index = generation.slots.push(undefined) - 1;
      const keyPair = this.#crypto.generateKeyPair(group);
      return { index, keyPair, unsigned: this.#unsignedR1(generation, keyPair) };
    });
    return {
      messages: drafts.map(({ unsigned }) =>
        protectedR1Octets(unsigned, unsigned.length, puzzleOffset, this.#hashLength),
      ),
      finish: (signatures) => {
        for (const [position, { index, keyPair, unsigned }] of drafts.entries()) {
          const signature = signatures[position];
          if (signature === undefined)
            throw new RangeError(`${signatures.length} signatures for ${drafts.length} R1s`);
          const algorithm = this.#own.identity.algorithm;
          const r1 = appendParameters(unsigned, { name: 'HIP_SIGNATURE_2', algorithm, signature });
          generation.slots[index] = { index, keyPair, r1 };
        }
        finished();
      },
    };
  }

  #unsignedR1(generation: Generation, keyPair: DhKeyPair): Uint8Array {
    return encodePacket({
      packet: 'R1',
      controls: 0,
      sender: this.#own.hit,
      receiver: new Uint8Array(16),
      parameters: [
        { name: 'R1_COUNTER', reserved: 0, counter: generation.counter },
        {
          name: 'PUZZLE',
          difficulty: puzzleDifficulty,
          lifetime: limits.puzzleLifetime,
          opaque: 0,
          random: new Uint8Array(this.#hashLength),
        },
        { name: 'DH_GROUP_LIST', groups: this.#offers.groups },
        { name: 'DIFFIE_HELLMAN', group: keyPair.group, publicValue: keyPair.publicValue },
        { name: 'HIP_CIPHER', ciphers: this.#offers.ciphers.map(({ id }) => id) },
        this.#own.hostId,
        { name: 'HIT_SUITE_LIST', suites: peerHitSuites.map((suite) => suite << 4) },
        { name: 'TRANSPORT_FORMAT_LIST', formats: [espTransportFormat] },
        { name: 'ESP_TRANSFORM', suites: this.#offers.espSuites.map(({ id }) => id) },
      ],
    });
  }

  /** #I = HMAC(secret, HIT-I ‖ HIT-R ‖ Opaque ‖ locator): fresh for every Opaque, and only for who receives at that locator. */
  #puzzleRandom({ secret }: Generation, initiator: Uint8Array, from: Locator, opaque: number): Uint8Array {
    const input = concatBytes(
      initiator,
      this.#own.hit,
      Uint8Array.of(opaque >> 8, opaque & 0xff),
      locatorOctets(from),
    );
    return this.#crypto.hmac(responderHash(this.#own.hit), secret.reveal(), input);
  }

  #unusedSlot(generation: Generation, group: DhGroup): Slot | undefined {
    return generation.slots.find((slot) => slot?.keyPair.group === group && !generation.used.has(slot.index));
  }

  get #hashLength(): number {
    return hashLengths[responderHash(this.#own.hit)];
  }
}

/** #K is 0 unless a responder is under load (RFC 7401 §7); the I2's price is then the return trip that #I proves. */
const puzzleDifficulty = 0;

function lastSlot(generation: Generation, group: DhGroup): Slot | undefined {
  return generation.slots.findLast((slot) => slot?.keyPair.group === group);
}

/** Whether a group number of an I2 is the one that the R1's key belongs to. */
export function isGroupOf(keyPair: DhKeyPair, group: number): boolean {
  return isDhGroup(group) && keyPair.group === group;
}
