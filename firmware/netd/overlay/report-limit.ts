import { limits } from './limits.ts';

/**
 * What is told of one peer's packets: whoever sends a hundred a second that are dropped for the same reason, under a HIT
 * that all can see, must not push everything else out of the log.
 */
export class ReportLimit {
  readonly #told = new Set<string>();
  #windowStart = Number.NEGATIVE_INFINITY;

  /** Whether this message may be told at `now`, in milliseconds: each once in a window, and so many in all. */
  allow(message: string, now: number): boolean {
    if (now - this.#windowStart >= limits.reportWindowMs) {
      this.#windowStart = now;
      this.#told.clear();
    }
    if (this.#told.has(message) || this.#told.size >= limits.reportsInWindow) return false;
    this.#told.add(message);
    return true;
  }
}
