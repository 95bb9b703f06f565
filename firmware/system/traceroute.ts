import { runCommand } from './run-command.ts';

/** A router on the way; null where none answered in time. */
export type Hop = {
  readonly hop: number;
  readonly address: string | null;
  readonly ms: number | null;
  /** As traceroute marks it, `!H` and the like: the router says that it goes no further. */
  readonly note: string | null;
};

export type TracerouteResult =
  | { readonly ok: true; readonly value: readonly Hop[] }
  | { readonly ok: false; readonly problem: string };

const answerSeconds = 2;

/**
 * Asks each router on the way once, by UDP packets whose time to live ends there.
 *
 * @param onHops told of those that are known so far
 */
export async function traceroute(
  address: string,
  {
    hops,
    source,
    onHops,
  }: {
    readonly hops: number;
    readonly source?: string | undefined;
    readonly onHops?: (hops: readonly Hop[]) => void;
  },
): Promise<TracerouteResult> {
  const from = source === undefined ? [] : ['-s', source];
  const args = [
    'traceroute',
    '-n',
    '-q',
    '1',
    '-w',
    String(answerSeconds),
    '-m',
    String(hops),
    ...from,
    address,
  ];
  const timeoutMs = (hops + 1) * answerSeconds * 1000 + 5000;
  const { status, stdout, stderr } = await runCommand('/bin/busybox', args, {
    timeoutMs,
    // The last line may be half of one.
    onOutput: (text) => onHops?.(parseTraceroute(text.slice(0, text.lastIndexOf('\n') + 1))),
  });
  const value = parseTraceroute(stdout);
  const problem = stderr.trim().split('\n').at(-1) || `traceroute ended with status ${status}`;
  return value.length === 0 && status !== 0 ? { ok: false, problem } : { ok: true, value };
}

/** Reads busybox's lines: ` 1  10.0.0.1  0.345 ms !H`, ` 2  *`; others are left out. */
export function parseTraceroute(output: string): readonly Hop[] {
  return output.split('\n').flatMap((line): Hop[] => {
    const [, hop, rest = ''] = /^ *(\d{1,3}) {2}(.*)$/.exec(line) ?? [];
    if (hop === undefined) return [];
    const [, address, ms, note] = /^([0-9a-fA-F.:]+) {2}([\d.]+) ms *(![A-Z0-9]*)?/.exec(rest) ?? [];
    return [
      {
        hop: Number(hop),
        address: address ?? null,
        ms: ms === undefined ? null : Number(ms),
        note: note ?? null,
      },
    ];
  });
}
