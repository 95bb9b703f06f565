import { HarnessError } from './harness-error.ts';

export type PingResult = {
  readonly sent: number;
  readonly received: number;
  /** Round-trip times in milliseconds; null when nothing came back. */
  readonly rttMs: { readonly min: number; readonly average: number; readonly max: number } | null;
};

/** Reads what busybox's ping says at its end. */
export function parsePing(output: string): PingResult {
  const counts = /(\d+) packets transmitted, (\d+) packets received/.exec(output);
  if (!counts) throw new HarnessError('refused', `ping said: ${output}`);
  const times = /= ([\d.]+)\/([\d.]+)\/([\d.]+) ms/.exec(output);
  const rttMs = times ? { min: Number(times[1]), average: Number(times[2]), max: Number(times[3]) } : null;
  return { sent: Number(counts[1]), received: Number(counts[2]), rttMs };
}
