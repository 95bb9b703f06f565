import { limits } from './limits.ts';

/**
 * Bounds how many R1s go to one address (RFC 7401 §6.7: a MUST, since an I1 with a forged source turns R1s against its
 * owner), and to all together. Addresses where a peer is known to be have a share of their own, or a flood from forged
 * sources would leave an honest newcomer one chance in hundreds. Windows are fixed, so that a flood costs one small map
 * a second and no timer.
 */
export class R1RateLimit {
  #windowStart = Number.NEGATIVE_INFINITY;
  #counts = new Map<string, number>();
  #strangers = 0;

  /**
   * Whether an R1 may go to this address at `now`, in milliseconds; counts it if so. `isKnown` says that the I1's sender
   * is expected there, by settings or by its association.
   */
  allow(address: string, now: number, isKnown: boolean): boolean {
    if (now - this.#windowStart >= limits.r1WindowMs) {
      this.#windowStart = now;
      this.#counts = new Map();
      this.#strangers = 0;
    }
    const count = this.#counts.get(address) ?? 0;
    if (count >= limits.r1sPerAddress || (!isKnown && this.#strangers >= limits.r1sInAll)) return false;
    this.#counts.set(address, count + 1);
    if (!isKnown) this.#strangers++;
    return true;
  }
}
