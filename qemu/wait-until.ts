import { setTimeout as delay } from 'node:timers/promises';
import { HarnessError } from './harness-error.ts';

/**
 * Looks again and again until what is seen is as wanted, and returns it.
 *
 * @throws HarnessError `timeout` with what was seen last
 */
export async function waitUntil<T>(
  wanted: string,
  look: () => Promise<T>,
  isWanted: (seen: T) => boolean,
  { timeoutMs = 60_000, pauseMs = 200 }: { readonly timeoutMs?: number; readonly pauseMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (isWanted(seen)) return seen;
    if (performance.now() > deadline) {
      throw new HarnessError(
        'timeout',
        `Not within ${timeoutMs / 1000} s: ${wanted}; last seen: ${JSON.stringify(seen)}`,
      );
    }
    await delay(pauseMs);
  }
}
