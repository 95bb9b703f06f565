import { concatBytes } from '../bytes/bytes.ts';
import type { HashAlgorithm, HipCrypto } from './crypto-port.ts';
import type { HostIdentityTag } from './host-identity-tag.ts';
import { limits } from './limits.ts';
import { hashLengths } from './suites.ts';

export type Puzzle = {
  /** RHASH, the hash of the Responder's HIT suite. */
  readonly hash: HashAlgorithm;
  /** #I, as long as RHASH's output. */
  readonly random: Uint8Array;
  /** #K: how many low-order bits of the hash must be zero. */
  readonly difficulty: number;
  readonly initiator: HostIdentityTag;
  readonly responder: HostIdentityTag;
};

/** Whether #J solves the puzzle (RFC 7401 §6.3). */
export function isSolution(puzzle: Puzzle, solution: Uint8Array, crypto: Pick<HipCrypto, 'hash'>): boolean {
  return (
    puzzle.difficulty === 0 ||
    lowBitsAreZero(crypto.hash(puzzle.hash, puzzleInput(puzzle, solution)), puzzle.difficulty)
  );
}

function puzzleInput({ random, initiator, responder }: Puzzle, solution: Uint8Array): Uint8Array {
  return concatBytes(random, initiator, responder, solution);
}

function lowBitsAreZero(octets: Uint8Array, count: number): boolean {
  const whole = count >> 3;
  if (whole >= octets.length) return false;
  for (let index = 1; index <= whole; index++) if (octets[octets.length - index] !== 0) return false;
  return ((octets[octets.length - 1 - whole] ?? 0) & ((1 << (count & 7)) - 1)) === 0;
}

/**
 * Finds #J, which must be unpredictable since it goes into the keying material (RFC 7401 §6.5). Undefined when the
 * puzzle is harder than we solve, or when unusually many tries did not do: the caller's next R1 has another one.
 */
export function solvePuzzle(
  puzzle: Puzzle,
  crypto: Pick<HipCrypto, 'hash' | 'random'>,
): Uint8Array | undefined {
  if (puzzle.difficulty > limits.puzzleDifficulty) return undefined;
  const length = hashLengths[puzzle.hash];
  const input = puzzleInput(puzzle, crypto.random(length));
  const solution = input.subarray(input.length - length);
  const view = new DataView(solution.buffer, solution.byteOffset);
  const start = view.getUint32(0);
  const tries = 2 ** puzzle.difficulty * limits.puzzleTriesFactor;
  for (let attempt = 0; attempt < tries; attempt++) {
    view.setUint32(0, (start + attempt) >>> 0);
    if (lowBitsAreZero(crypto.hash(puzzle.hash, input), puzzle.difficulty)) return solution.slice();
  }
  return undefined;
}
