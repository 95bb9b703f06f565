import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LogReader } from '../webui/ports.ts';
import { type Log, makeEntry, type NumberedEntry, parseEntry } from './log-entry.ts';

export type LogRingOptions = {
  /** Octets of the file before it is rotated; with the rotated one the log takes twice that in /run, which is memory. */
  readonly fileSize?: number;
  /** Entries held for the page. */
  readonly entries?: number;
  readonly now?: () => Date;
};

export type LogRing = LogReader & {
  /** Writes one entry, at once: what was logged before a crash is in the file after it. */
  readonly log: Log;
};

const defaultFileSize = 256 * 1024;
const defaultEntries = 1000;

/**
 * Opens the log at `path` (JSON lines) with one rotated file beside it at `path` + `.1`, and goes on with the numbers of
 * an earlier run. A log that cannot be written goes on in memory: logging never fails its caller.
 */
export function openLogRing(
  path: string,
  {
    fileSize = defaultFileSize,
    entries: capacity = defaultEntries,
    now = () => new Date(),
  }: LogRingOptions = {},
): LogRing {
  const entries = readLog(path, capacity);
  let newest = entries.at(-1)?.number ?? 0;
  let size = prepare(path);
  return {
    log(level, source, message) {
      newest += 1;
      const entry = makeEntry(newest, now(), { level, source, message });
      entries.push(entry);
      if (entries.length > capacity) entries.shift();
      const line = `${JSON.stringify(entry)}\n`;
      try {
        if (size > 0 && size + Buffer.byteLength(line) > fileSize) {
          renameSync(path, `${path}.1`);
          size = 0;
        }
        appendFileSync(path, line, { mode: 0o600 });
        size += Buffer.byteLength(line);
      } catch {
        // Nowhere is left to say so; the entry is still in memory and on the page.
      }
    },
    read(after, limit) {
      const later = entries.filter(({ number }) => number > after);
      const kept = limit > 0 ? later.slice(-limit) : [];
      return { entries: kept.map(({ number: _, ...entry }) => entry), newest };
    },
  };
}

/** The newest entries in the files at `path`, oldest first; lines that are none are passed over. */
export function readLog(path: string, limit: number): NumberedEntry[] {
  const entries: NumberedEntry[] = [];
  for (const file of [`${path}.1`, path]) {
    for (const line of textOf(file).split('\n')) {
      const entry = line === '' ? undefined : parseEntry(line);
      if (entry !== undefined) entries.push(entry);
    }
  }
  return limit > 0 ? entries.slice(-limit) : [];
}

/** Makes the folder, ends a line that a crash has cut off, and tells the file's size. */
function prepare(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const text = textOf(path);
    if (text !== '' && !text.endsWith('\n')) appendFileSync(path, '\n');
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
