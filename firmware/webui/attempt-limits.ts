import { networkOf } from './client-network.ts';
import { limits } from './limits.ts';
import { createTokenBucket, type TokenBucket } from './token-bucket.ts';

export interface AttemptLimits {
  /** Counts a try from an address at the time `now` (ms since any moment): 0, or the milliseconds until one counts again. */
  take(address: string, now: number): number;
  /** What was counted last from there was no guess, but the first half of one try. */
  giveBack(address: string): void;
  /** Tries from where somebody got in are counted apart from the strangers' from then on. */
  succeeded(address: string): void;
  /** Forgets all of it: somebody stands at the box. */
  lift(): void;
}

/**
 * Bounds guesses for each sender and for all of them together. The bound for all is what counts on a LAN, where anybody
 * has as many addresses as they like; so that it cannot be used to shut people out, addresses from which somebody got in
 * before have only a bound of their own.
 */
export function createAttemptLimits(): AttemptLimits {
  const one = () => createTokenBucket({ burst: limits.signInBurst, refillMs: limits.signInRefillMs });
  const all = () =>
    createTokenBucket({ burst: limits.signInBurstOfAll, refillMs: limits.signInRefillOfAllMs });
  const strangers = new Map<string, TokenBucket>();
  const known = new Map<string, TokenBucket>();
  let ofAll = all();

  /** The newest so many: a forgotten sender begins anew, but still counts with all. */
  function bucketOf(network: string): TokenBucket {
    const bucket = strangers.get(network) ?? one();
    strangers.delete(network);
    strangers.set(network, bucket);
    forgetOldest(strangers);
    return bucket;
  }

  return {
    take(address, now) {
      const network = networkOf(address);
      const own = known.get(network);
      if (own !== undefined) return own.take(now);
      const wait = bucketOf(network).take(now);
      return wait > 0 ? wait : ofAll.take(now);
    },
    giveBack(address) {
      const network = networkOf(address);
      const own = known.get(network);
      (own ?? bucketOf(network)).giveBack();
      if (own === undefined) ofAll.giveBack();
    },
    succeeded(address) {
      const network = networkOf(address);
      strangers.delete(network);
      known.delete(network);
      known.set(network, one());
      forgetOldest(known);
    },
    lift() {
      strangers.clear();
      known.clear();
      ofAll = all();
    },
  };
}

function forgetOldest(buckets: Map<string, TokenBucket>): void {
  for (const oldest of buckets.keys()) {
    if (buckets.size <= limits.sendersRemembered) return;
    buckets.delete(oldest);
  }
}
