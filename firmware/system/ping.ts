import { runCommand } from './run-command.ts';

export type PingResult = {
  readonly sent: number;
  readonly received: number;
  /** Round-trip times in milliseconds; null when nothing came back. */
  readonly rttMs: { readonly min: number; readonly average: number; readonly max: number } | null;
};

export type PingResultOrProblem =
  | { readonly ok: true; readonly value: PingResult }
  /** In words: there is no way there, or no such source address. */
  | { readonly ok: false; readonly problem: string };

const intervalSeconds = 0.2;
const answerSeconds = 2;

/** Sends echo requests from this machine, a fifth of a second apart, and waits two seconds for the last answer. */
export async function ping(
  address: string,
  { count, source }: { readonly count: number; readonly source?: string | undefined },
): Promise<PingResultOrProblem> {
  const from = source === undefined ? [] : ['-I', source];
  const args = [
    'ping',
    '-q',
    '-c',
    String(count),
    '-i',
    String(intervalSeconds),
    '-W',
    String(answerSeconds),
  ];
  const timeoutMs = (count * intervalSeconds + 2 * answerSeconds) * 1000;
  const { stdout, stderr } = await runCommand('/bin/busybox', [...args, ...from, address], { timeoutMs });
  const value = parsePing(stdout);
  const problem = stderr.trim().split('\n')[0] || 'ping said nothing of what came back';
  return value === null ? { ok: false, problem } : { ok: true, value };
}

/** Reads what busybox's ping says at its end; null where it does not. */
export function parsePing(output: string): PingResult | null {
  const counts = /(\d+) packets transmitted, (\d+) packets received/.exec(output);
  if (!counts) return null;
  const times = /= ([\d.]+)\/([\d.]+)\/([\d.]+) ms/.exec(output);
  const rttMs = times ? { min: Number(times[1]), average: Number(times[2]), max: Number(times[3]) } : null;
  return { sent: Number(counts[1]), received: Number(counts[2]), rttMs };
}
