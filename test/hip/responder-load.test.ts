import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HipCrypto } from '../../firmware/hip/crypto-port.ts';
import { limits } from '../../firmware/hip/limits.ts';
import { parameter } from '../../firmware/hip/packet.ts';
import { PuzzleDifficulty } from '../../firmware/hip/puzzle-difficulty.ts';
import type { RecognisedSolution } from '../../firmware/hip/responder.ts';
import { hipCrypto } from '../../firmware/system/hip-crypto.ts';
import { exchange, Host, newSigner, parsed, twoHosts } from './two-hosts.ts';

const { load, loadWindowMs, calmMs, i1PuzzleStep } = limits;
const puzzleDifficulties: readonly number[] = limits.puzzleDifficulties;
const hardest = puzzleDifficulties.at(-1) ?? 0;

/** The difficulty after each of some windows with so many packets in it, evenly spread. */
function afterWindows(
  difficulty: PuzzleDifficulty,
  windows: number,
  rates: { i1s?: number; i2s?: number },
  start = 0,
) {
  const bits: number[] = [];
  for (let window = 0; window < windows; window++) {
    const begin = start + window * loadWindowMs;
    for (let count = 0; count < (rates.i1s ?? 0); count++) difficulty.countI1(begin);
    for (let count = 0; count < (rates.i2s ?? 0); count++) difficulty.countI2(begin);
    bits.push(difficulty.bits(begin + loadWindowMs));
  }
  return bits;
}

describe('RFC 7401 §4.1.1 and §7: puzzles by load', () => {
  test('none in quiet times, up to the rates that a box should do', () => {
    const difficulty = new PuzzleDifficulty();
    expect(difficulty.bits(0)).toBe(0);
    const quiet = afterWindows(difficulty, 5, { i1s: load.raise.i1s, i2s: load.raise.i2s });
    expect(quiet).toEqual([0, 0, 0, 0, 0]);
  });

  test('a step harder in every window with more I2s, to the hardest that our initiators solve', () => {
    const rising = afterWindows(new PuzzleDifficulty(), puzzleDifficulties.length + 1, {
      i2s: load.raise.i2s + 1,
    });
    expect(rising).toEqual([...puzzleDifficulties.slice(1), hardest, hardest]);
    expect(hardest).toBeLessThanOrEqual(limits.puzzleDifficulty);
  });

  test('I1s alone go no further than a delay of milliseconds', () => {
    const rising = afterWindows(new PuzzleDifficulty(), 4, { i1s: load.raise.i1s + 1 });
    const most = puzzleDifficulties[i1PuzzleStep];
    expect(rising).toEqual([puzzleDifficulties[1], most, most, most]);
  });

  test('neither up nor down between the two marks, and a step easier after each calm', () => {
    const difficulty = new PuzzleDifficulty();
    const [, first, second] = puzzleDifficulties;
    expect(afterWindows(difficulty, 2, { i2s: load.raise.i2s + 1 })).toEqual([first, second]);
    const between = afterWindows(difficulty, 30, { i2s: load.lower.i2s + 1 }, 2 * loadWindowMs);
    expect(new Set(between)).toEqual(new Set([second]));
    const calmFrom = 32 * loadWindowMs;
    expect(difficulty.bits(calmFrom + calmMs - 1)).toBe(second);
    expect(difficulty.bits(calmFrom + calmMs + loadWindowMs)).toBe(first);
    expect(difficulty.bits(calmFrom + 3 * calmMs)).toBe(0);
  });

  test('whatever comes, it is one of the steps, rises by one at most in a window, and an hour’s silence ends it', async () => {
    const events = fc.array(fc.tuple(fc.nat(3 * loadWindowMs), fc.constantFrom('i1', 'i2'), fc.nat(3_000)), {
      maxLength: 40,
    });
    await fc.assert(
      fc.property(events, (list) => {
        const difficulty = new PuzzleDifficulty();
        let [now, previous, risen] = [0, 0, Number.NEGATIVE_INFINITY];
        for (const [pause, kind, count] of list) {
          now += pause;
          for (let each = 0; each < count; each++)
            if (kind === 'i1') difficulty.countI1(now);
            else difficulty.countI2(now);
          const step = puzzleDifficulties.indexOf(difficulty.bits(now));
          expect(step).toBeGreaterThanOrEqual(0);
          expect(step - previous).toBeLessThanOrEqual(1);
          if (step > previous) {
            expect(now - risen).toBeGreaterThanOrEqual(loadWindowMs);
            risen = now;
          }
          previous = step;
        }
        expect(difficulty.bits(now + 3_600_000)).toBe(0);
      }),
    );
  });
});

/** Loads a responder until its puzzles are this many steps harder, and signs what is missing. */
async function loaded(host: Host, steps: number, any: RecognisedSolution): Promise<number> {
  for (let window = 0; window <= steps; window++)
    for (let count = 0; count <= load.raise.i2s; count++)
      host.responder.accept({ ...any, key: `${window} ${count}`, generation: -1n }, window * loadWindowMs);
  const now = steps * loadWindowMs;
  const drafts = host.responder.draftMissing(now);
  drafts?.finish(await Promise.all(drafts.messages.map((message) => host.signer.sign(message))));
  return now;
}

/** An I1 answered at a time, and the solution to its puzzle, recognised at a later one. */
async function solvedAt(initiator: Host, host: Host, now: number) {
  initiator.step({ type: 'abandon' });
  const [i1 = new Uint8Array()] = await initiator.packets({ type: 'connect', to: host.locator });
  const r1 = parsed(host.responder.answer(parsed(i1), initiator.locator, now) ?? new Uint8Array());
  const [i2 = new Uint8Array()] = await initiator.packets({ type: 'packet', packet: r1, from: host.locator });
  const solution = parameter(parsed(i2), 'SOLUTION');
  if (solution === undefined) throw new Error('not solved');
  const counter = parameter(r1, 'R1_COUNTER')?.counter;
  const recognise = (later: number) =>
    host.responder.recognise({
      ...{ initiator: initiator.own.hit, from: initiator.locator, counter, solution, now: later },
    });
  return { i2, bits: solution.difficulty, recognise };
}

function recognised(result: ReturnType<Host['responder']['recognise']>): RecognisedSolution {
  if (typeof result === 'string') throw new Error(result);
  return result;
}

describe('a responder under load', () => {
  test('gives harder puzzles once such R1s are signed, and an initiator of ours solves them', async () => {
    const [initiator, host] = await twoHosts();
    const any = recognised((await solvedAt(initiator, host, 0)).recognise(0));
    const now = await loaded(host, 2, any);
    initiator.step({ type: 'abandon' });
    const { r1 } = await exchange(initiator, host, now);
    expect(parameter(parsed(r1), 'PUZZLE')?.difficulty).toBe(puzzleDifficulties[2]);
    expect([initiator.state.name, host.state.name]).toEqual(['ESTABLISHED', 'R2-SENT']);
  });

  test('gives the easier ones until then, and asks for no more signatures than one a group', async () => {
    const [initiator, host] = await twoHosts();
    const any = recognised((await solvedAt(initiator, host, 0)).recognise(0));
    for (let window = 0; window <= 1; window++)
      for (let count = 0; count <= load.raise.i2s; count++)
        host.responder.accept({ ...any, key: `${window} ${count}`, generation: -1n }, window * loadWindowMs);
    expect((await solvedAt(initiator, host, loadWindowMs)).bits).toBe(0);
    const drafts = host.responder.draftMissing(loadWindowMs);
    expect(drafts?.messages.length).toBe(host.offers.groups.length);
    drafts?.finish(await Promise.all(drafts.messages.map((message) => host.signer.sign(message))));
    expect(host.responder.draftMissing(loadWindowMs)).toBeUndefined();
    expect((await solvedAt(initiator, host, loadWindowMs)).bits).toBe(puzzleDifficulties[1]);
  });

  test('takes easy puzzles of quiet times for a short while only', async () => {
    const [initiator, host] = await twoHosts();
    const easy = await solvedAt(initiator, host, 0);
    const any = recognised(easy.recognise(0));
    const now = await loaded(host, 1, any);
    expect(typeof easy.recognise(now)).toBe('object');
    expect(typeof easy.recognise(limits.easyPuzzleMs)).toBe('object');
    expect(easy.recognise(limits.easyPuzzleMs + 1)).toBe('easy-puzzle');
    // A harder one stays good.
    const hard = await solvedAt(initiator, host, now);
    expect(typeof hard.recognise(now + limits.easyPuzzleMs + 1)).toBe('object');
  });

  test(`takes wrong contents with a right solution ${limits.refusalsPerPuzzle} times`, async () => {
    const [initiator, host] = await twoHosts();
    const first = await solvedAt(initiator, host, 0);
    for (let count = 0; count < limits.refusalsPerPuzzle; count++)
      host.responder.refuse(recognised(first.recognise(0)), 0);
    expect(first.recognise(0)).toBe('refused-before');
    // The same initiator's next R1 has another puzzle.
    const next = await solvedAt(initiator, host, limits.r1TickMs);
    expect(typeof next.recognise(limits.r1TickMs)).toBe('object');
  });

  test(`remembers ${limits.refusedPuzzles} such puzzles, and then forgets the oldest`, async () => {
    const [initiator, host] = await twoHosts();
    const first = await solvedAt(initiator, host, 0);
    const solution = recognised(first.recognise(0));
    for (let count = 0; count < limits.refusalsPerPuzzle; count++) host.responder.refuse(solution, 0);
    for (let count = 1; count < limits.refusedPuzzles; count++)
      host.responder.refuse({ ...solution, puzzle: `${count}` }, 0);
    expect(first.recognise(0)).toBe('refused-before');
    host.responder.refuse({ ...solution, puzzle: 'one more' }, 0);
    expect(typeof first.recognise(0)).toBe('object');
  });
});

describe('floods', () => {
  /** Counts what is dear. */
  function counting(counts: { agreements: number; verifications: number; hashes: number }): HipCrypto {
    return {
      ...hipCrypto,
      hmac(...given) {
        counts.hashes++;
        return hipCrypto.hmac(...given);
      },
      generateKeyPair(group) {
        const pair = hipCrypto.generateKeyPair(group);
        const agree = (peer: Uint8Array) => {
          counts.agreements++;
          return pair.agree(peer);
        };
        return { ...pair, agree };
      },
      verify(...given) {
        counts.verifications++;
        return hipCrypto.verify(...given);
      },
    };
  }

  async function underAttack() {
    const counts = { agreements: 0, verifications: 0, hashes: 0 };
    const host = new Host(newSigner(), '192.0.2.2', { crypto: counting(counts), firstSpi: 0x2000 });
    const peer = new Host(newSigner(), '192.0.2.1');
    host.meet(peer);
    peer.meet(host);
    await host.prepareR1s();
    await peer.prepareR1s();
    return { counts, host, peer };
  }

  test('I2s without a puzzle of ours cost one HMAC each, and leave nothing', async () => {
    const { counts, host, peer } = await underAttack();
    const { i2 } = await solvedAt(peer, host, 0);
    const i2Puzzle = parsed(i2);
    const at = i2Puzzle.offsets[i2Puzzle.parameters.findIndex(({ name }) => name === 'SOLUTION')] ?? 0;
    const before = { ...counts };
    const state = host.state;
    for (let count = 0; count < 500; count++) {
      const forged = i2.slice();
      forged[at + 8 + (count % 48)] = (forged[at + 8 + (count % 48)] ?? 0) ^ (1 + (count % 255));
      host.step({ type: 'packet', packet: parsed(forged), from: peer.locator });
    }
    expect(counts).toEqual({ ...before, hashes: before.hashes + 500 });
    expect(host.state).toBe(state);
  });

  test('I2s with one right solution and anything else behind it cost a few agreements, not one each', async () => {
    const { counts, host, peer } = await underAttack();
    await exchange(peer, host);
    const standing = host.state;
    const attacker = new Host(peer.signer, '192.0.2.1', { crypto: hipCrypto });
    attacker.meet(host);
    const { i2 } = await solvedAt(attacker, host, 1_000);
    const before = { ...counts };
    const spoilt = i2.slice();
    // An octet of HIP_MAC.
    const packet = parsed(i2);
    const mac = packet.offsets[packet.parameters.findIndex(({ name }) => name === 'HIP_MAC')] ?? 0;
    spoilt[mac + 10] = (spoilt[mac + 10] ?? 0) ^ 1;
    for (let count = 0; count < 500; count++)
      host.step({ type: 'packet', packet: parsed(spoilt), from: attacker.locator }, 1_000);
    expect(counts.agreements - before.agreements).toBe(limits.refusalsPerPuzzle);
    expect(counts.verifications).toBe(before.verifications);
    // At most a note to the sender is under way; the association stands as it did.
    if (!('association' in standing) || !('association' in host.state)) throw new Error(host.state.name);
    expect([host.state.name, host.state.association]).toEqual([standing.name, standing.association]);
    // Its owner, who gets another puzzle, still comes through.
    peer.step({ type: 'abandon' });
    await exchange(peer, host, 2_000);
    expect([peer.state.name, host.state.name]).toEqual(['ESTABLISHED', 'R2-SENT']);
  });

  test('I1s leave nothing at all', async () => {
    const { host, peer } = await underAttack();
    const [i1 = new Uint8Array()] = await peer.packets({ type: 'connect', to: host.locator });
    const state = host.state;
    for (let count = 0; count < 500; count++)
      host.step({
        type: 'packet',
        packet: parsed(i1),
        from: { address: `198.51.100.${count % 256}`, port: count },
      });
    expect(host.state).toBe(state);
  });
});
