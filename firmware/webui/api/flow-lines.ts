import type { StoredFlow } from './flows-route.ts';

function jsonLine(flow: StoredFlow): string {
  return `${JSON.stringify(flow)}\n`;
}

const columns: readonly (readonly [name: string, cell: (flow: StoredFlow) => string | number | null])[] = [
  ['id', ({ id }) => id],
  ['start', ({ start }) => iso(start)],
  ['end', ({ end }) => (end === null ? null : iso(end))],
  ['from_address', ({ from }) => from.address],
  ['from_devices', ({ from }) => from.devices.join(' ')],
  ['from_gateway', ({ from }) => from.gateway],
  ['from_labels', ({ from }) => from.labels.join(' ')],
  ['to_address', ({ to }) => to.address],
  ['to_devices', ({ to }) => to.devices.join(' ')],
  ['to_gateway', ({ to }) => to.gateway],
  ['to_labels', ({ to }) => to.labels.join(' ')],
  ['protocol', ({ protocol }) => protocol],
  ['port', ({ port }) => port],
  ['direction', ({ direction }) => direction],
  ['verdict', ({ verdict }) => verdict],
  ['reason', ({ reason }) => reason],
  ['rule', ({ rule }) => rule],
  ['staged_rule', ({ staged }) => staged?.rule ?? null],
  ['staged_verdict', ({ staged }) => staged?.verdict ?? null],
  ['sent_packets', ({ sent }) => sent.packets],
  ['sent_bytes', ({ sent }) => sent.bytes],
  ['received_packets', ({ received }) => received.packets],
  ['received_bytes', ({ received }) => received.bytes],
];

/** Forms in which flows are downloaded: a JSON document a line, or a table for spreadsheets (RFC 4180). */
export const flowFormats = {
  jsonl: { contentType: 'application/x-ndjson', head: '', line: jsonLine },
  csv: { contentType: 'text/csv; charset=utf-8; header=present', head: csvHead(), line: csvLine },
} as const;
export type FlowFormat = keyof typeof flowFormats;

function csvHead(): string {
  return `${columns.map(([name]) => name).join(',')}\r\n`;
}

function csvLine(flow: StoredFlow): string {
  return `${columns.map(([, cell]) => csvCell(cell(flow))).join(',')}\r\n`;
}

/**
 * Text stands in quotes. A spreadsheet takes what begins with one of these characters for a formula and runs it; behind an
 * apostrophe it is text.
 */
function csvCell(value: string | number | null): string {
  if (value === null || value === '') return '';
  if (typeof value === 'number') return String(value);
  const guarded = /^(\s*[=+\-@＝＋－＠]|[\t\r\n])/.test(value) ? `'${value}` : value;
  return `"${guarded.replaceAll('"', '""')}"`;
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
