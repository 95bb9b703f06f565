import { limits } from '../limits.ts';

/** How far the box's clock is behind a server's, and how long the question was under way, in milliseconds. */
export type ClockSample = { readonly offset: number; readonly delay: number };
/** Also how far from a clock that goes by no other the server is. */
export type ServerSample = ClockSample & { readonly stratum: number };

/** What to do about the clock. */
export type ClockCorrection =
  | { readonly do: 'nothing'; readonly because: 'no-answer' | 'implausible' }
  | { readonly do: 'step' | 'slew'; readonly offset: number };

/**
 * Of several servers that one is believed which has as many before it as behind it, so that a single one that lies or is
 * wrong decides nothing where there are three. A small difference is made good by running faster or slower, which no
 * program sees.
 *
 * @param now the box's clock in milliseconds since 1970
 */
export function correctionOf(samples: readonly ClockSample[], now: number): ClockCorrection {
  const usable = samples.filter(({ delay }) => delay >= 0 && delay <= limits.clockDelayMs);
  const sorted = usable.map(({ offset }) => offset).sort((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) return { do: 'nothing', because: 'no-answer' };
  const then = now + middle;
  if (then < limits.clockEarliest || then > limits.clockLatest)
    return { do: 'nothing', because: 'implausible' };
  return { do: Math.abs(middle) < limits.clockStepMs ? 'slew' : 'step', offset: middle };
}
