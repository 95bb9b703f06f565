import { equalBytes, toHex } from '../bytes/bytes.ts';
import type { DecodeError } from '../bytes/decode.ts';
import { hashAlgorithms } from '../tpm/constants.ts';
import { type EventDetail, eventDetail } from './event-detail.ts';
import { type BootEvent, type BootLog, parseEventLog } from './event-log.ts';
import { eventText } from './event-text.ts';
import { eventType, eventTypeName } from './event-types.ts';
import { type Digest, replayEventLog } from './replay.ts';

/** One event for people and for `--json`. */
export type EventReport = {
  readonly index: number;
  readonly offset: number;
  readonly pcr: number;
  readonly type: string;
  /** False for EV_NO_ACTION, which no PCR knows of. */
  readonly extends: boolean;
  /** In hex, by algorithm. */
  readonly digests: Readonly<Record<string, string>>;
  readonly dataSize: number;
  /**
   * The digests are those of the event's data, so that what the data says was measured. Where false the data only
   * describes what was measured: whoever kept the log may have written anything there.
   */
  readonly dataIsMeasured: boolean;
  readonly text: string;
  readonly detail: EventDetail;
};

/** PCR values in hex, by bank and index. */
export type PcrTable = Readonly<Record<string, Readonly<Record<string, string>>>>;

export type EventLogReport = {
  readonly format: BootLog['format'];
  readonly algorithms: readonly string[];
  readonly startupLocality: number | null;
  /** Why reading ended before the log's end; null when it did not. Events and PCRs are then those up to there. */
  readonly error: DecodeError | null;
  readonly events: readonly EventReport[];
  readonly pcrs: PcrTable;
};

/** Reads, replays and explains an event log. Never throws on any octets. */
export function reportEventLog(octets: Uint8Array, digest: Digest): EventLogReport {
  const { events, ...rest } = explainEventLog(octets, digest);
  return { ...rest, events: [...events] };
}

/** The same, each event explained when it is asked for: explained, a log takes some fifty times the memory that it has. */
export function explainEventLog(
  octets: Uint8Array,
  digest: Digest,
): Omit<EventLogReport, 'events'> & { readonly events: Iterable<EventReport> } {
  const log = parseEventLog(octets);
  const pcrs = [...replayEventLog(log, digest)].map(([bank, values]) => [
    bank,
    Object.fromEntries([...values].map(([index, value]) => [String(index), toHex(value)])),
  ]);
  return {
    format: log.format,
    algorithms: log.algorithms.map(({ name }) => name),
    startupLocality: log.startupLocality,
    error: log.error,
    events: reportEvents(log.events, digest),
    pcrs: Object.fromEntries(pcrs),
  };
}

function* reportEvents(events: readonly BootEvent[], digest: Digest): Generator<EventReport> {
  for (const event of events) yield reportEvent(event, digest);
}

function reportEvent(event: BootEvent, digest: Digest): EventReport {
  const detail = eventDetail(event);
  const dataIsMeasured = isMeasured(event, measuredForm(event, detail), digest);
  return {
    index: event.index,
    offset: event.offset,
    pcr: event.pcr,
    type: eventTypeName(event.type),
    extends: event.type !== eventType.noAction,
    digests: Object.fromEntries([...event.digests].map(([name, value]) => [name, toHex(value)])),
    dataSize: event.data.length,
    dataIsMeasured,
    text:
      detail.kind === 'section' && !dataIsMeasured ? `content of ${eventText(detail)}` : eventText(detail),
    detail,
  };
}

/** systemd's stub measures a section's name as ASCII with a NUL and logs it in UCS-2. */
function measuredForm({ data }: BootEvent, detail: EventDetail): Uint8Array {
  if (detail.kind !== 'section') return data;
  return Uint8Array.from(`${detail.name}\0`, (character) => character.charCodeAt(0));
}

function isMeasured({ digests, type }: BootEvent, data: Uint8Array, digest: Digest): boolean {
  if (type === eventType.noAction) return false;
  const known = hashAlgorithms.flatMap(({ name }) => {
    const value = digests.get(name);
    return value === undefined ? [] : [{ name, value }];
  });
  return known.length > 0 && known.every(({ name, value }) => equalBytes(value, digest(name, data)));
}

/** The events of a report as a table for a terminal, and after them the PCRs of each bank, line by line. */
export function* eventLogLines({
  events,
  pcrs,
}: Pick<EventLogReport, 'pcrs'> & { readonly events: Iterable<EventReport> }): Generator<string> {
  yield '  #  PCR  what was measured';
  for (const { index, pcr, type, extends: extended, text } of events) {
    const place = extended ? String(pcr) : '–';
    yield `${String(index).padStart(3)}  ${place.padStart(3)}  ${type.replace(/^EV_(EFI_)?/, '').padEnd(25)} ${text}`;
  }
  for (const [bank, values] of Object.entries(pcrs)) {
    yield '';
    yield `PCRs that follow, ${bank}`;
    for (const [index, value] of Object.entries(values)) yield `${index.padStart(3)}  ${value}`;
  }
}

/** A report as JSON, an event a line. */
export function* eventLogJson({
  events,
  pcrs,
  ...head
}: Omit<EventLogReport, 'events'> & { readonly events: Iterable<EventReport> }): Generator<string> {
  yield `${JSON.stringify(head).slice(0, -1)},"events":[`;
  let before = '';
  for (const event of events) {
    if (before !== '') yield `${before},`;
    before = JSON.stringify(event);
  }
  yield `${before}],`;
  yield `"pcrs":${JSON.stringify(pcrs)}}`;
}
