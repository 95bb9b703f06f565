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
import { PuzzleDifficulty } from './puzzle-difficulty.ts';
import {
  defaultOffers,
  espTransportFormat,
  hashLengths,
  isDhGroup,
  type Offers,
  peerHitSuites,
  responderHash,
} from './suites.ts';

/** A key of ours, with the signed R1s that offer it: one for each difficulty, still without the receiver, Opaque and #I. */
type Slot = {
  readonly index: number;
  readonly keyPair: DhKeyPair;
  readonly r1s: ReadonlyMap<number, Uint8Array>;
};

type Generation = {
  readonly counter: bigint;
  readonly secret: Secret;
  readonly createdAt: number;
  /** By index. */
  readonly slots: Slot[];
  /** Indices whose key has served in an exchange: not offered again unless nothing else is left (RFC 7401 §5.3.2). */
  readonly used: Set<number>;
  /** Solutions that made an association, as #I ‖ #J in hexadecimal: a repeated I2 must not give the same keys again. */
  readonly accepted: Set<string>;
  /** How often a puzzle's solution led to public-key operations for nothing, by #I in hexadecimal, the oldest first. */
  readonly refused: Map<string, number>;
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
  /** #I in hexadecimal. */
  readonly puzzle: string;
  /** When the R1 was sent, in the caller's milliseconds, to a tick of `limits.r1TickMs`. */
  readonly issuedAt: number;
};

export type SolutionRefusal =
  | 'stale-generation'
  | 'unknown-slot'
  | 'foreign-puzzle'
  | 'easy-puzzle'
  | 'wrong-solution'
  | 'replayed-solution'
  | 'refused-before'
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
 *
 * The difficulty is covered by the R1's signature, so each has its own R1s, signed when the load first asks for it, and by
 * #I, so that an I2 cannot claim an easier one than it was given.
 */
export class Responder {
  readonly #own: OwnIdentity;
  readonly #crypto: HipCrypto;
  #generations: readonly Generation[] = [];
  #nextCounter: bigint;
  readonly #offers: Offers;
  readonly #load: PuzzleDifficulty;

  /** `firstCounter` should exceed what earlier runs used (RFC 7401 §4.1.4), as the time in milliseconds does. */
  constructor(
    own: OwnIdentity,
    crypto: HipCrypto,
    firstCounter: bigint,
    offers: Offers = defaultOffers,
    leastDifficulty = 0,
  ) {
    this.#load = new PuzzleDifficulty(leastDifficulty);
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
      refused: new Map(),
    };
    // Every R1 costs a signature; of the first group, which our own gateways agree on, there is one to spare.
    const { groups } = this.#offers;
    const drafted = [...groups.slice(0, 1), ...groups].map((group) => ({
      keyPair: this.#crypto.generateKeyPair(group),
    }));
    return this.#draft(generation, drafted, now, () => {
      this.#generations = [generation, ...this.#generations].slice(0, limits.acceptedGenerations);
    });
  }

  /**
   * What is missing to answer the next I1 well, or undefined: a key of a group whose keys have all served, or R1s of the
   * difficulty that the load asks for.
   */
  draftMissing(now: number): R1Drafts | undefined {
    const current = this.#generations[0];
    if (current === undefined) return undefined;
    const difficulty = this.#load.bits(now);
    const missing = this.#offers.groups.flatMap((group) => {
      const unused = this.#unusedSlot(current, group);
      const last = lastSlot(current, group);
      if (last === undefined) return [];
      if (unused === undefined && current.slots.length < limits.slotsPerGeneration)
        return [{ keyPair: this.#crypto.generateKeyPair(group) }];
      const serving = unused ?? last;
      return serving.r1s.has(difficulty) ? [] : [serving];
    });
    return missing.length === 0 ? undefined : this.#draft(current, missing, now, () => {});
  }

  /** The R1 for an I1 from a locator, or undefined while no R1 has been signed yet. */
  answer(i1: Packet, from: Locator, now: number): Uint8Array | undefined {
    const current = this.#generations[0];
    if (current === undefined) return undefined;
    this.#load.countI1(now);
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
    const [difficulty, signed] = nearestR1(slot, this.#load.bits(now));
    const r1 = signed.slice();
    r1.set(i1.sender, header.receiver);
    const random = this.#puzzleRandom(current, { initiator: i1.sender, from, opaque, difficulty });
    fillPuzzle(r1, puzzleOffset, opaque, random);
    return r1;
  }

  /** Whether an I2 answers an R1 of ours: cheap checks alone, no public-key operation (RFC 7401 §6.9, steps 7 and 8). */
  recognise({
    initiator,
    from,
    counter,
    solution,
    now,
  }: {
    initiator: HostIdentityTag;
    from: Locator;
    counter: bigint | undefined;
    solution: ParameterOf<'SOLUTION'>;
    now: number;
  }): RecognisedSolution | SolutionRefusal {
    const generation = this.#generations.find((candidate) => candidate.counter === counter);
    if (generation === undefined) return 'stale-generation';
    const { opaque, difficulty } = solution;
    const slot = generation.slots[opaque >> 12];
    if (slot === undefined) return 'unknown-slot';
    const random = this.#puzzleRandom(generation, { initiator, from, opaque, difficulty });
    if (!equalBytes(random, solution.random)) return 'foreign-puzzle';
    const issuedAt = generation.createdAt + (opaque & lastTick) * limits.r1TickMs;
    // Easy puzzles that were collected in quiet times are worth nothing in a flood.
    if (difficulty < this.#load.bits(now) && now - issuedAt > limits.easyPuzzleMs) return 'easy-puzzle';
    const hash = responderHash(this.#own.hit);
    const puzzle = { hash, random, difficulty, initiator, responder: this.#own.hit };
    if (!isSolution(puzzle, solution.solution, this.#crypto)) return 'wrong-solution';
    const name = toHex(solution.random);
    const key = name + toHex(solution.solution);
    if (generation.accepted.has(key)) return 'replayed-solution';
    if ((generation.refused.get(name) ?? 0) >= limits.refusalsPerPuzzle) return 'refused-before';
    if (generation.accepted.size >= limits.acceptedSolutions) return 'busy';
    const { keyPair, index } = slot;
    return { keyPair, generation: generation.counter, slot: index, key, puzzle: name, issuedAt };
  }

  /** Remembers that a recognised solution made an association: it is never accepted again, and its key is offered no more. */
  accept({ generation: counter, slot, key }: RecognisedSolution, now: number): void {
    const generation = this.#generations.find((candidate) => candidate.counter === counter);
    generation?.accepted.add(key);
    generation?.used.add(slot);
    this.#load.countI2(now);
  }

  /** Remembers that what came with a recognised solution was wrong, though it cost public-key operations to find out. */
  refuse({ generation: counter, puzzle }: RecognisedSolution, now: number): void {
    this.#load.countI2(now);
    const refused = this.#generations.find((candidate) => candidate.counter === counter)?.refused;
    if (refused === undefined) return;
    const [oldest] = refused.keys();
    if (oldest !== undefined && !refused.has(puzzle) && refused.size >= limits.refusedPuzzles)
      refused.delete(oldest);
    refused.set(puzzle, (refused.get(puzzle) ?? 0) + 1);
  }

  /** Drafts for new keys, which get an index once they are signed, and for slots that need another difficulty. */
  #draft(
    generation: Generation,
    slots: readonly (Slot | { readonly keyPair: DhKeyPair })[],
    now: number,
    finished: () => void,
  ): R1Drafts {
    const difficulty = this.#load.bits(now);
    const drafts = slots.map((slot) => ({
      slot,
      unsigned: this.#unsignedR1(generation, slot.keyPair, difficulty),
    }));
    return {
      messages: drafts.map(({ unsigned }) =>
        protectedR1Octets(unsigned, unsigned.length, puzzleOffset, this.#hashLength),
      ),
      finish: (signatures) => {
        for (const [position, { slot, unsigned }] of drafts.entries()) {
          const signature = signatures[position];
          if (signature === undefined)
            throw new RangeError(`${signatures.length} signatures for ${drafts.length} R1s`);
          const algorithm = this.#own.identity.algorithm;
          const r1 = appendParameters(unsigned, { name: 'HIP_SIGNATURE_2', algorithm, signature });
          const { keyPair } = slot;
          const [index, r1s] = 'index' in slot ? [slot.index, slot.r1s] : [generation.slots.length, []];
          generation.slots[index] = { index, keyPair, r1s: new Map([...r1s, [difficulty, r1]]) };
        }
        finished();
      },
    };
  }

  #unsignedR1(generation: Generation, keyPair: DhKeyPair, difficulty: number): Uint8Array {
    return encodePacket({
      packet: 'R1',
      controls: 0,
      sender: this.#own.hit,
      receiver: new Uint8Array(16),
      parameters: [
        { name: 'R1_COUNTER', reserved: 0, counter: generation.counter },
        {
          name: 'PUZZLE',
          difficulty,
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

  /** #I = HMAC(secret, HIT-I ‖ HIT-R ‖ #K ‖ Opaque ‖ locator): fresh for every Opaque, and only for who receives at that locator. */
  #puzzleRandom(
    { secret }: Generation,
    {
      initiator,
      from,
      opaque,
      difficulty,
    }: { initiator: Uint8Array; from: Locator; opaque: number; difficulty: number },
  ): Uint8Array {
    const input = concatBytes(
      initiator,
      this.#own.hit,
      Uint8Array.of(difficulty, opaque >> 8, opaque & 0xff),
      locatorOctets(from),
    );
    return this.#crypto.hmac(responderHash(this.#own.hit), secret.reveal(), input);
  }

  #unusedSlot(generation: Generation, group: DhGroup): Slot | undefined {
    return generation.slots.find((slot) => slot.keyPair.group === group && !generation.used.has(slot.index));
  }

  get #hashLength(): number {
    return hashLengths[responderHash(this.#own.hit)];
  }
}

/** The R1 of the difficulty that the load asks for; until that is signed, the hardest that is easier, or else the easiest. */
function nearestR1({ r1s }: Slot, difficulty: number): readonly [number, Uint8Array] {
  const sorted = [...r1s].toSorted(([left], [right]) => left - right);
  const nearest = sorted.findLast(([candidate]) => candidate <= difficulty) ?? sorted[0];
  if (nearest === undefined) throw new RangeError('a slot that serves has a signed R1');
  return nearest;
}

function lastSlot(generation: Generation, group: DhGroup): Slot | undefined {
  return generation.slots.findLast((slot) => slot.keyPair.group === group);
}

/** Whether a group number of an I2 is the one that the R1's key belongs to. */
export function isGroupOf(keyPair: DhKeyPair, group: number): boolean {
  return isDhGroup(group) && keyPair.group === group;
}
