import type { AssociationState } from '../../hip/association.ts';

/**
 * The time from our I1 to its R1, which the responder has ready: the way there and back. Of an I1 that was sent again the
 * answer may belong to either, so that counts for nothing (Karn's rule).
 */
export class RoundTrip {
  #sentAt: number | undefined;
  #milliseconds: number | null = null;

  /** Of the last exchange that told it. */
  get milliseconds(): number | null {
    return this.#milliseconds;
  }

  /** Takes the state after every input, with the time in milliseconds. */
  note(state: AssociationState, now: number): void {
    const answered = state.pending?.kind === 'I2';
    if (answered && this.#sentAt !== undefined) this.#milliseconds = now - this.#sentAt;
    const waits = state.name === 'I1-SENT' && !answered && state.transmissions === 1;
    this.#sentAt = waits ? (this.#sentAt ?? now) : undefined;
  }
}
