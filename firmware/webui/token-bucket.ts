export interface TokenBucket {
  /** Takes one token at the time `now` (ms); the answer is 0, or the milliseconds until there will be one. */
  take(now: number): number;
  /** Undoes the last `take`. */
  giveBack(): void;
}

/** `burst` tokens at once, then one every `refillMs`. A clock that is set back gives no tokens and takes none. */
export function createTokenBucket({ burst, refillMs }: { burst: number; refillMs: number }): TokenBucket {
  let tokens = burst;
  let countedAt: number | null = null;
  return {
    take(now) {
      const since = Math.max(0, now - (countedAt ?? now));
      tokens = Math.min(burst, tokens + since / refillMs);
      countedAt = now;
      if (tokens < 1) return Math.ceil((1 - tokens) * refillMs);
      tokens -= 1;
      return 0;
    },
    giveBack: () => {
      tokens = Math.min(burst, tokens + 1);
    },
  };
}
