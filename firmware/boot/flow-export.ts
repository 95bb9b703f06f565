import { limits } from '../flows/export/limits.ts';
import { flowLogRecord, type LogRecord } from '../flows/export/log-record.ts';
import { type Delivery, encodeOtlpLogs, type LogSource, readOtlpAnswer } from '../flows/export/otlp.ts';
import { waitAfter } from '../flows/export/retry.ts';
import { encodeSyslog, frameSyslog } from '../flows/export/syslog.ts';
import type { FlowRecord } from '../flows/flow-record.ts';
import type { FlowExportSettings } from '../store/flow-export-schema.ts';
import type { StoreResult } from '../store/store-error.ts';
import type { LogTransport } from './log-transport.ts';

export type FlowExportPorts = {
  readonly transport: LogTransport;
  /** Records with numbers above the cursor, oldest first, and how many above it were deleted before. */
  readonly since: (
    cursor: number,
    limit: number,
  ) => StoreResult<{
    readonly flows: readonly FlowRecord[];
    readonly cursor: number;
    readonly missed: number;
  }>;
  readonly newest: () => StoreResult<number>;
  /** Where an exporter is; null for one that has not begun. Those that are not named any more are forgotten. */
  readonly readCursor: (exporter: string) => StoreResult<number | null>;
  readonly writeCursor: (exporter: string, cursor: number) => StoreResult<void>;
  readonly keepCursors: (exporters: readonly string[]) => StoreResult<void>;
  readonly source: () => LogSource;
  readonly timestamp: (milliseconds: number) => string;
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly log: (level: 'info' | 'warning', message: string) => void;
};

export type ExportStatus = {
  readonly name: string;
  readonly type: FlowExportSettings['type'];
  /** The number of the last record that was dealt with. */
  readonly cursor: number;
  /** Records that the receiver took, and that it or nobody will take. */
  readonly taken: number;
  readonly refused: number;
  /** Records that were deleted before they could be sent. */
  readonly missed: number;
  /** Why the receiver does not take any now, or null. */
  readonly problem: string | null;
};

/** Milliseconds between two looks for new records. */
const lookEveryMs = 1_000;

/** Sends what is recorded to the receivers of the settings, each at its own pace. */
export class FlowExport {
  readonly #ports: FlowExportPorts;
  readonly #running = new Map<string, Exporter>();

  constructor(ports: FlowExportPorts) {
    this.#ports = ports;
  }

  /** Follows the settings: exporters that did not change go on. */
  async apply(wanted: readonly FlowExportSettings[]): Promise<void> {
    const keys = new Set(wanted.map((settings) => JSON.stringify(settings)));
    const gone = [...this.#running].filter(([key]) => !keys.has(key));
    for (const [key] of gone) this.#running.delete(key);
    // One that was changed begins where it ended.
    await Promise.all(gone.map(([, exporter]) => exporter.close()));
    const kept = this.#ports.keepCursors(wanted.map(({ name }) => name));
    if (!kept.ok)
      this.#ports.log('warning', `Where receivers of flows are cannot be kept: ${kept.error.message}`);
    for (const settings of wanted) {
      const key = JSON.stringify(settings);
      if (!this.#running.has(key)) this.#running.set(key, new Exporter(settings, this.#ports));
    }
  }

  /** Has every receiver told of something besides flows. */
  tell(record: LogRecord): void {
    for (const exporter of this.#running.values()) exporter.tell(record);
  }

  status(): readonly ExportStatus[] {
    return [...this.#running.values()].map((exporter) => exporter.status());
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((exporter) => exporter.close()));
    this.#running.clear();
  }
}

/** One receiver. Its cursor moves only once the records before it were taken, or never will be. */
class Exporter {
  readonly #settings: FlowExportSettings;
  readonly #ports: FlowExportPorts;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #waiting: LogRecord[] = [];
  #cursor = 0;
  #taken = 0;
  #refused = 0;
  #missed = 0;
  #problem: string | null = null;

  constructor(settings: FlowExportSettings, ports: FlowExportPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#done = this.#run();
  }

  tell(record: LogRecord): void {
    this.#waiting = [...this.#waiting, record].slice(-limits.waitingAlarms);
  }

  status(): ExportStatus {
    const { name, type } = this.#settings;
    return {
      ...{ name, type, cursor: this.#cursor, taken: this.#taken, refused: this.#refused },
      ...{ missed: this.#missed, problem: this.#problem },
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let failures = 0;
    let hasBegun = false;
    while (!signal.aborted) {
      hasBegun = hasBegun || this.#begin();
      const step = hasBegun ? await this.#step() : { outcome: 'idle' as const };
      if (step.outcome === 'moved') failures = 0;
      if (step.outcome === 'again') failures += 1;
      if (step.outcome !== 'moved' && !signal.aborted)
        await this.#ports.wait(
          step.outcome === 'again' ? waitAfter(failures, step.afterMs) : lookEveryMs,
          signal,
        );
    }
  }

  /** A new exporter sends what is recorded from now on; one that ran before goes on where it was. */
  #begin(): boolean {
    const { name } = this.#settings;
    const { readCursor, writeCursor, newest } = this.#ports;
    const kept = readCursor(name);
    if (!kept.ok) return this.#stuck(kept.error.message);
    if (kept.value !== null) {
      this.#cursor = kept.value;
      return true;
    }
    const start = newest();
    if (!start.ok) return this.#stuck(start.error.message);
    this.#cursor = start.value;
    const written = writeCursor(name, start.value);
    return written.ok || this.#stuck(written.error.message);
  }

  async #step(): Promise<
    { readonly outcome: 'moved' | 'idle' } | { readonly outcome: 'again'; readonly afterMs: number | null }
  > {
    const found = this.#ports.since(this.#cursor, limits.batch);
    if (!found.ok) {
      this.#stuck(found.error.message);
      return { outcome: 'idle' };
    }
    const { flows, cursor, missed } = found.value;
    const alarms = this.#waiting;
    const records = [...alarms, ...flows.map(flowLogRecord)];
    if (records.length > 0) {
      const delivery = await this.#deliver(records);
      if (delivery.outcome === 'again') {
        this.#say(delivery.reason, `does not take records, and is asked again: ${delivery.reason}`);
        return { outcome: 'again', afterMs: delivery.afterMs };
      }
      if (delivery.outcome === 'refused') {
        this.#refused += records.length;
        this.#say(delivery.reason, `refuses records, which are not sent again: ${delivery.reason}`);
      } else {
        this.#refused += delivery.rejected;
        this.#taken += records.length - delivery.rejected;
        this.#say(delivery.reason, `took records, but says: ${delivery.reason ?? ''}`);
      }
      this.#waiting = this.#waiting.filter((record) => !alarms.includes(record));
    }
    this.#missed += missed;
    if (cursor !== this.#cursor) {
      this.#cursor = cursor;
      const written = this.#ports.writeCursor(this.#settings.name, cursor);
      // What was taken is sent once more after a restart, rather than something never.
      if (!written.ok) this.#stuck(written.error.message);
    }
    return { outcome: flows.length > 0 ? 'moved' : 'idle' };
  }

  async #deliver(records: readonly LogRecord[]): Promise<Delivery> {
    const { transport, source, timestamp } = this.#ports;
    const settings = this.#settings;
    const ca = settings.ca ?? null;
    const { signal } = this.#stop;
    if (settings.type === 'otlp') {
      const { url, headers = {} } = settings;
      const answer = await transport.post(
        { url, headers, ca, body: encodeOtlpLogs(records, source()) },
        signal,
      );
      return answer.ok ? readOtlpAnswer(answer) : { outcome: 'again', afterMs: null, reason: answer.reason };
    }
    const { host, port, facility } = settings;
    const messages = records.map((record) =>
      encodeSyslog(record, { host: source().host, facility, timestamp }),
    );
    const framed = settings.transport === 'udp' ? messages : messages.map(frameSyslog);
    const reason = await transport.sendSyslog(
      { host, port, transport: settings.transport, ca },
      framed,
      signal,
    );
    return reason === null
      ? { outcome: 'taken', rejected: 0, reason: null }
      : { outcome: 'again', afterMs: null, reason };
  }

  #stuck(problem: string): false {
    this.#say(problem, `waits, since records cannot be read: ${problem}`);
    return false;
  }

  /** Keeps the problem for the status, and logs it when it is another than before. */
  #say(problem: string | null, sentence: string): void {
    if (problem === this.#problem) return;
    const { name } = this.#settings;
    if (problem !== null) this.#ports.log('warning', `The receiver ${name} ${sentence}`);
    else this.#ports.log('info', `The receiver ${name} takes records again`);
    this.#problem = problem;
  }
}
