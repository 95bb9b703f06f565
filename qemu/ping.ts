import * as busybox from '../firmware/system/ping.ts';
import { HarnessError } from './harness-error.ts';

export type { PingResult } from '../firmware/system/ping.ts';

/** Reads what busybox's ping says at its end. */
export function parsePing(output: string): busybox.PingResult {
  const result = busybox.parsePing(output);
  if (result === null) throw new HarnessError('refused', `ping said: ${output}`);
  return result;
}
