import { toHex } from '../../firmware/bytes/bytes.ts';
import { formatHit, hostIdentityTag } from '../../firmware/hip/host-identity-tag.ts';
import { limits } from '../../firmware/hip/limits.ts';
import { formatLocator, type Locator } from '../../firmware/hip/locator.ts';
import { decodePacket, packetTypes, parameter } from '../../firmware/hip/packet.ts';
import { isSolution } from '../../firmware/hip/puzzle.ts';
import { responderHash } from '../../firmware/hip/suites.ts';
import type { Datagram, UserData } from './datagram.ts';
import type { SecurityAssociation } from './kernel.ts';
import { SeededRandom } from './random.ts';
import type { Counts, Fault } from './scenario.ts';
import { standInCrypto } from './stand-in-crypto.ts';

/** The most that a peer may cost a kernel: the pair in use, one of a rekey or exchange under way, and the retired ones. */
const mostAssociationsPerPeer = 4 + limits.retiredCount;

/**
 * Knows what no gateway knows: who really sent what, and all keys. It holds every run to what must be true of a HIP
 * overlay whatever the network does, and keeps the first breach.
 */
export class Witness {
  fault: Fault | null = null;
  readonly counts: Counts = { associations: 0, datagrams: 0, sent: 0, delivered: 0, refused: 0, hostile: 0 };
  readonly #now: () => number;
  readonly #crypto = standInCrypto(new SeededRandom(0, 'witness'));
  /** Names by HIT. */
  readonly #hits = new Map<string, string>();
  /** Every inbound association that an honest gateway ever had. */
  readonly #inbound = new Set<string>();
  /** The greatest sequence number under every key. */
  readonly #sequences = new Map<string, number>();
  /** Where a gateway's packets reached whom: `gateway peer locator`. */
  readonly #reached = new Set<string>();
  /** Puzzles that a gateway sent since it was started, by #I. */
  readonly #puzzles = new Map<string, Map<string, { readonly to: string; readonly difficulty: number }>>();
  /** Generations of R1s with a valid signature: `HIT counter`. */
  readonly #r1s = new Set<string>();
  /** The I2s that came to a gateway, by the SPI that they ask for: whether one of them solved a puzzle of this gateway's. */
  readonly #solved = new Map<string, boolean>();

  constructor(now: () => number) {
    this.#now = now;
  }

  introduce(name: string, hit: string): void {
    this.#hits.set(hit, name);
  }

  report(invariant: string, detail: string): void {
    this.fault ??= { at: this.#now(), invariant, detail };
  }

  /** A gateway's memory is empty: its old puzzles must no longer count. */
  started(gateway: string): void {
    this.#puzzles.set(gateway, new Map());
  }

  hipSent(gateway: string, octets: Uint8Array, to: Locator): void {
    if (octets[2] !== packetTypes.R1 && octets[2] !== packetTypes.I2) return;
    const packet = decodePacket(octets);
    if (!packet.ok) {
      this.report('packets are well-formed', `${gateway} sent ${packet.error.path}`);
      return;
    }
    const counter = parameter(packet.value, 'R1_COUNTER')?.counter;
    const puzzle = parameter(packet.value, 'PUZZLE');
    if (puzzle !== undefined) {
      this.r1Signed(octets);
      this.#puzzles
        .get(gateway)
        ?.set(toHex(puzzle.random), { to: formatLocator(to), difficulty: puzzle.difficulty });
    } else if (!this.#r1s.has(`${formatHit(packet.value.receiver)} ${counter}`)) {
      this.report('no answer to an R1 without a valid signature', `${gateway} to ${formatLocator(to)}`);
    }
  }

  /** Somebody who can sign them sends an R1. */
  r1Signed(octets: Uint8Array): void {
    const packet = decodePacket(octets);
    const counter = packet.ok ? parameter(packet.value, 'R1_COUNTER')?.counter : undefined;
    if (packet.ok && counter !== undefined) this.#r1s.add(`${formatHit(packet.value.sender)} ${counter}`);
  }

  /** Before the gateway sees it. */
  hipReceived(gateway: string, { content, origin, from, sentTo }: Datagram): void {
    if (content.kind !== 'hip') return;
    this.#reached.add(`${origin} ${gateway} ${formatLocator(sentTo)}`);
    if (content.octets[2] !== packetTypes.I2) return;
    const packet = decodePacket(content.octets.slice());
    if (!packet.ok) return;
    const solution = parameter(packet.value, 'SOLUTION');
    const spi = parameter(packet.value, 'ESP_INFO')?.newSpi;
    if (solution === undefined || spi === undefined) return;
    const sender = hostIdentityTag(packet.value.sender);
    const receiver = hostIdentityTag(packet.value.receiver);
    if (sender === undefined || receiver === undefined) return;
    const puzzle = {
      hash: responderHash(receiver),
      random: solution.random,
      difficulty: solution.difficulty,
      initiator: sender,
      responder: receiver,
    };
    const given = this.#puzzles.get(gateway)?.get(toHex(solution.random));
    const isSolved =
      given?.to === formatLocator(from) &&
      given.difficulty === solution.difficulty &&
      isSolution(puzzle, solution.solution, this.#crypto);
    const key = `${gateway} ${formatHit(sender)} ${spi}`;
    if (isSolved || !this.#solved.has(key)) this.#solved.set(key, isSolved);
  }

  associationChanged(gateway: string, association: SecurityAssociation, direction: 'in' | 'out'): void {
    const { selector, spi, key, to } = association;
    if (direction === 'in') {
      this.#inbound.add(`${selector.to} ${selector.from} ${spi} ${key}`);
      return;
    }
    if (association.packets === 0) this.counts.associations++;
    const peer = this.#hits.get(selector.to) ?? selector.to;
    // Holds for both roles and for rekeys: whoever may be sent to has installed its inbound half before it answered.
    if (!this.#inbound.has(`${selector.to} ${selector.from} ${spi} ${key}`))
      this.report(
        'keys agree',
        `${gateway} would send to ${peer} with SPI ${spi} and a key that it does not have`,
      );
    if (!this.#reached.has(`${gateway} ${peer} ${formatLocator(to)}`))
      this.report(
        'no traffic to an unverified address',
        `${gateway} would send ${peer}'s to ${formatLocator(to)}`,
      );
    if (this.#solved.get(`${gateway} ${selector.to} ${spi}`) === false)
      this.report('no association without a solved puzzle', `${gateway} took an I2 of ${peer}`);
  }

  espSent(gateway: string, { key, sequence }: { readonly key: string; readonly sequence: number }): void {
    this.counts.sent++;
    const last = this.#sequences.get(key) ?? 0;
    if (sequence <= last)
      this.report('no sequence number twice under a key', `${gateway} sends ${sequence} after ${last}`);
    this.#sequences.set(key, Math.max(last, sequence));
  }

  delivered(gateway: string, data: UserData, truth: UserData): void {
    this.counts.delivered++;
    if (data.from !== truth.from || data.to !== truth.to)
      this.report('data comes from whom it names', `${gateway} takes ${truth.from}'s for ${data.from}'s`);
  }

  /** After every turn of a gateway. */
  looked(
    gateway: string,
    peers: number,
    associations: readonly SecurityAssociation[],
    timers: number,
    signatures: number,
  ): void {
    if (associations.length > mostAssociationsPerPeer * peers)
      this.report('memory is bounded', `${gateway} has ${associations.length} security associations`);
    if (timers > mostTimers(peers)) this.report('memory is bounded', `${gateway} has ${timers} timers`);
    if (signatures > mostTimers(peers))
      this.report('memory is bounded', `${gateway} waits for ${signatures} signatures`);
  }
}

/** One timer an association, some more for what it does now and then, and the overlay's own. */
function mostTimers(peers: number): number {
  return 8 + 4 * peers;
}
