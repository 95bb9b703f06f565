import { hostOf, networkOf } from './client-network.ts';
import { limits } from './limits.ts';
import { createTokenBucket, type TokenBucket } from './token-bucket.ts';

/** Who tries what: from which address, and as whom. */
export interface Attempt {
  readonly address: string;
  /** A user's name as it is kept; null where it is nobody's, or no user's secret is guessed. */
  readonly user: string | null;
}

export interface AttemptLimits {
  /** Counts a try at the time `now` (ms since any moment): 0, or the milliseconds until one counts again. */
  take(attempt: Attempt, now: number): number;
  /** What was counted last was no guess, but the first half of one try. */
  giveBack(attempt: Attempt): void;
  /** Was no guess either; this user's tries from there are counted apart from the strangers' from then on. */
  succeeded(attempt: Attempt): void;
  /** Forgets all of it: somebody stands at the box. */
  lift(): void;
}

/**
 * Bounds guesses for each sender and for all of them together. The bound for all is what counts on a LAN, where anybody
 * has as many addresses as they like; so that it cannot be used to shut people out, users have only a bound of their own
 * where they got in before. It is for their own password alone: whoever has an account is a stranger to the others.
 */
export function createAttemptLimits(): AttemptLimits {
  const one = () => createTokenBucket({ burst: limits.signInBurst, refillMs: limits.signInRefillMs });
  const all = () =>
    createTokenBucket({ burst: limits.signInBurstOfAll, refillMs: limits.signInRefillOfAllMs });
  /** By network: a host has many addresses. */
  const strangers = new Map<string, TokenBucket>();
  /** By host, since its neighbours are in the same network, and user. */
  const known = new Map<string, TokenBucket>();
  let ofAll = all();

  const nameOf = ({ address, user }: Attempt) => `${hostOf(address)} ${user ?? ''}`;

  /** The newest so many: a forgotten sender begins anew, but still counts with all. */
  function bucketOf(address: string): TokenBucket {
    const network = networkOf(address);
    const bucket = strangers.get(network) ?? one();
    strangers.delete(network);
    strangers.set(network, bucket);
    forgetOldest(strangers);
    return bucket;
  }

  function giveBack(attempt: Attempt): void {
    const own = known.get(nameOf(attempt));
    (own ?? bucketOf(attempt.address)).giveBack();
    if (own === undefined) ofAll.giveBack();
  }

  return {
    take(attempt, now) {
      const own = known.get(nameOf(attempt));
      if (own !== undefined) return own.take(now);
      const wait = bucketOf(attempt.address).take(now);
      return wait > 0 ? wait : ofAll.take(now);
    },
    giveBack,
    succeeded(attempt) {
      giveBack(attempt);
      const name = nameOf(attempt);
      const own = known.get(name) ?? one();
      known.delete(name);
      known.set(name, own);
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
