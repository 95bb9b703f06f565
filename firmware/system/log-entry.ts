import type { LogEntry } from '../webui/api/status-schema.ts';

/** Code units of one message: a line on a page, not a document. */
export const messageLength = 1000;
/** Code units of the name of what logs. */
export const sourceLength = 40;

/**
 * What rooms log with. Secrets are of the type `Secret`, whose every ordinary way into a text is `[secret]`; what is
 * passed here as a string is taken to be fit to show.
 */
export type Log = (level: LogEntry['level'], source: string, message: string) => void;

/** An entry with its number, as a line of the log's file holds it. */
export type NumberedEntry = LogEntry & { readonly number: number };

/** Bounds the texts and makes them one line of visible characters. */
export function makeEntry(
  number: number,
  time: Date,
  { level, source, message }: Pick<LogEntry, 'level' | 'source' | 'message'>,
): NumberedEntry {
  return {
    number,
    time: time.toISOString(),
    level,
    source: visible(source, sourceLength),
    message: visible(message, messageLength),
  };
}

/** Reads one line of the log's file; undefined for what a crash or a hand has made of it. */
export function parseEntry(line: string): NumberedEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { number, time, level, source, message } = value as Partial<Record<keyof NumberedEntry, unknown>>;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 1) return undefined;
  if (typeof time !== 'string' || typeof source !== 'string' || typeof message !== 'string') return undefined;
  if (level !== 'debug' && level !== 'info' && level !== 'warning' && level !== 'error') return undefined;
  return {
    number,
    time,
    level,
    source: visible(source, sourceLength),
    message: visible(message, messageLength),
  };
}

/**
 * Escapes what a terminal or a page would act on instead of showing it: controls (C0, C1, DEL), line separators, format
 * characters such as bidirectional overrides, and halves of surrogate pairs. Messages quote what peers and devices sent.
 */
function visible(text: string, length: number): string {
  // Cut before escaping, so that the work is bounded, and after it, since an escape is longer than its character.
  const escaped = text.slice(0, length).replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const point = character.codePointAt(0) ?? 0;
    return point <= 0xff ? `\\x${point.toString(16).padStart(2, '0')}` : `\\u{${point.toString(16)}}`;
  });
  if (text.length <= length && escaped.length <= length) return escaped;
  // A cut may halve a pair; what is left of it is not shown.
  return `${escaped.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
