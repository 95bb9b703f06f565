import { limits } from './limits.ts';

/**
 * How hard a responder's puzzles are (RFC 7401 §4.1.1, §7): not at all in quiet times, since the return trip that #I proves
 * is price enough then. It rises by a step in every window with more public-key work than a box should do for strangers,
 * and falls by a step after a long calm, so that it does not swing with the flood that it holds off. I1s cost little:
 * they raise it a little way, as the herald of I2s.
 */
export class PuzzleDifficulty {
  #windowStart = Number.NEGATIVE_INFINITY;
  #i1s = 0;
  #i2s = 0;
  #step = 0;
  #calmSince = Number.NEGATIVE_INFINITY;
  readonly #least: number;

  /** `least` is #K in quiet times. */
  constructor(least = 0) {
    this.#least = least;
  }

  /** An I1 was answered at `now`, in milliseconds. */
  countI1(now: number): void {
    this.#advance(now);
    this.#i1s++;
  }

  /** An I2 took public-key operations. */
  countI2(now: number): void {
    this.#advance(now);
    this.#i2s++;
  }

  /** #K for R1s that are sent now. */
  bits(now: number): number {
    this.#advance(now);
    return Math.max(this.#least, limits.puzzleDifficulties[this.#step] ?? 0);
  }

  #advance(now: number): void {
    const elapsed = now - this.#windowStart;
    if (elapsed < limits.loadWindowMs) return;
    const perSecond = (count: number) => (count * 1_000) / elapsed;
    const [i1s, i2s] = [perSecond(this.#i1s), perSecond(this.#i2s)];
    const { raise, lower } = limits.load;
    const top = limits.puzzleDifficulties.length - 1;
    if (i2s > raise.i2s) this.#step = Math.min(top, this.#step + 1);
    else if (i1s > raise.i1s && this.#step < limits.i1PuzzleStep) this.#step++;
    if (i2s > lower.i2s || i1s > lower.i1s) this.#calmSince = now;
    const calmSteps = Math.floor((now - this.#calmSince) / limits.calmMs);
    if (calmSteps > 0) {
      this.#step = Math.max(0, this.#step - calmSteps);
      this.#calmSince = now;
    }
    this.#windowStart = now;
    this.#i1s = 0;
    this.#i2s = 0;
  }
}
