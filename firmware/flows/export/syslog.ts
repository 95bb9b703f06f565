import { limits } from './limits.ts';
import type { LogRecord, LogSeverity, LogValue } from './log-record.ts';

/** Severities of RFC 5424 § 6.2.1. */
const severities: Readonly<Record<LogSeverity, number>> = {
  informational: 6,
  notice: 5,
  warning: 4,
  error: 3,
};

/** The enterprise number of examples (RFC 5612): the project has none of its own. */
const enterprise = 32473;

export type SyslogOptions = {
  /** The gateway's name. */
  readonly host: string;
  /** RFC 5424 § 6.2.1: 16 is local0. */
  readonly facility: number;
  /** Milliseconds since 1970 as § 6.2.3 has them: `2026-06-01T12:00:00.000Z`. */
  readonly timestamp: (milliseconds: number) => string;
};

/**
 * A message of RFC 5424: a sentence, and the same as structured data. At most `limits.syslogOctets` in UTF-8; where that
 * is too little, attributes at the end are left out.
 */
export function encodeSyslog(record: LogRecord, { host, facility, timestamp }: SyslogOptions): string {
  const { kind, time, severity, text, attributes } = record;
  const header = `<${facility * 8 + severities[severity]}>1 ${timestamp(time)} ${headerName(host, 255)} hithe - ${kind.toUpperCase()} `;
  const sentence = readable(text);
  // § 6.4: what is not ASCII alone is said to be UTF-8 by a byte order mark.
  const message = ` ${isAscii(sentence) ? '' : '\u{feff}'}${sentence}`;
  const params = attributes.map(([name, value]) => ` ${name}="${paramValue(value)}"`);
  const opening = `[${kind}@${enterprise}`;
  let size = utf8Length(header) + utf8Length(opening) + 1 + utf8Length(message);
  let structured = '';
  for (const param of params) {
    size += utf8Length(param);
    if (size > limits.syslogOctets) break;
    structured += param;
  }
  return `${header}${opening}${structured}]${message}`;
}

/** A message in a stream (RFC 6587 § 3.4.1, RFC 5425 § 4.3): its length in octets goes before it. */
export function frameSyslog(message: string): string {
  return `${utf8Length(message)} ${message}`;
}

/** A field of the header: visible ASCII, `-` where nothing is left (§ 6). */
function headerName(text: string, length: number): string {
  const visible = text.replaceAll(/[^\x21-\x7e]/g, '').slice(0, length);
  return visible === '' ? '-' : visible;
}

/** § 6.3.3: three characters are escaped; control characters would end a line at receivers that know only lines. */
function paramValue(value: LogValue): string {
  const text = Array.isArray(value) ? value.join(',') : String(value);
  return readable(text.slice(0, limits.valueLength)).replaceAll(/["\\\]]/g, '\\$&');
}

function readable(text: string): string {
  return text.slice(0, 2 * limits.valueLength).replaceAll(/\p{Cc}/gu, '?');
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/** Octets of a text in UTF-8; half a surrogate pair is written as the replacement character's three. */
export function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  }
  return length;
}
