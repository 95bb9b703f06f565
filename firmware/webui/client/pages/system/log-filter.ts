import type { LogEntry } from '../../../api/status-schema.ts';

export const logLevels = ['debug', 'info', 'warning', 'error'] as const;

export interface LogFilter {
  /** Of this level and above. */
  readonly level: LogEntry['level'];
  /** Empty: from everywhere. */
  readonly source: string;
  /** All of these words, in any case and order. */
  readonly words: string;
}

export function matches({ level, source, message }: LogEntry, filter: LogFilter): boolean {
  if (logLevels.indexOf(level) < logLevels.indexOf(filter.level)) return false;
  if (filter.source !== '' && source !== filter.source) return false;
  const text = `${source} ${message}`.toLowerCase();
  return filter.words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Where lines came from, in order; the one that is asked for too, though nothing came from there. */
export function sourcesOf(entries: readonly LogEntry[], asked: string): readonly string[] {
  const names = new Set(entries.map(({ source }) => source));
  if (asked !== '') names.add(asked);
  return [...names].sort();
}

/** Lines of `entries` that came after the last of `known`. */
export function linesAfter(known: readonly LogEntry[], entries: readonly LogEntry[]): readonly LogEntry[] {
  const last = known.at(-1);
  if (last === undefined) return entries;
  const at = entries.findLastIndex(
    ({ time, source, message }) => time === last.time && source === last.source && message === last.message,
  );
  // One that is not kept any more is older than all that are, unless they are older still.
  return at >= 0 ? entries.slice(at + 1) : entries.filter(({ time }) => time > last.time);
}
