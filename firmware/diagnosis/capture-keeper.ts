import { type PacketFilter, parsePacketFilter } from '../capture/packet-filter.ts';
import { overlayDevice } from '../netd/desired.ts';
import type {
  Capture,
  CaptureQuery,
  Diagnostics,
  DiagnosticsResult,
} from '../webui/api/diagnostics-route.ts';
import { limits } from '../webui/limits.ts';
import type { DiagnosisPorts } from './ports.ts';
import { type RunningRecord, startRecord } from './record.ts';

type Kept = {
  readonly query: CaptureQuery;
  readonly link: string;
  readonly startedAt: number;
  readonly stop: AbortController;
  readonly record: RunningRecord;
  /** Resolves when it is over, however. */
  readonly over: Promise<void>;
  end: (Pick<Capture, 'ended' | 'dropped'> & { readonly deletedAt: number }) | null;
};

/** The one capture that is made for the API at a time, and its file until that was fetched or waited too long. */
export class CaptureKeeper {
  readonly #ports: DiagnosisPorts;
  #kept: Kept | null = null;
  #starting = false;
  #forget: ReturnType<typeof setTimeout> | undefined;

  constructor(ports: DiagnosisPorts) {
    this.#ports = ports;
  }

  async start(query: CaptureQuery): Promise<DiagnosticsResult<Capture>> {
    const filter = parsePacketFilter(query.filter);
    if (!filter.ok) return { ok: false, code: 'bad-request', detail: filter.problem, field: 'filter' };
    const link = this.#linkOf(query.link);
    if (link === null)
      return {
        ...{ ok: false, code: 'bad-request', field: 'link' },
        detail: `There is no port or link ${query.link}.`,
      };
    if (this.#starting || this.#kept?.end === null)
      return { ok: false, code: 'diagnosis-running', detail: 'A capture is running. Stop it first.' };
    this.#starting = true;
    try {
      await this.discard();
      this.#kept = await this.#begin(query, link, filter.value);
      return { ok: true, value: viewOf(this.#kept) };
    } catch (error) {
      return { ok: false, code: 'diagnosis-failed', detail: `Nothing was captured: ${reasonOf(error)}` };
    } finally {
      this.#starting = false;
    }
  }

  current(): Capture | null {
    return this.#kept === null ? null : viewOf(this.#kept);
  }

  async stop(): Promise<DiagnosticsResult<Capture>> {
    const kept = this.#kept;
    if (kept === null) return none;
    kept.stop.abort();
    await kept.over;
    return { ok: true, value: viewOf(kept) };
  }

  async discard(): Promise<void> {
    await this.stop();
    clearTimeout(this.#forget);
    this.#kept = null;
    await this.#ports.captureFile.remove();
  }

  read(): ReturnType<Diagnostics['readCapture']> {
    const kept = this.#kept;
    if (kept === null) return none;
    if (kept.end === null)
      return { ok: false, code: 'diagnosis-running', detail: 'The capture is still running. Stop it first.' };
    const content = this.#ports.captureFile.read(() => {
      if (this.#kept === kept) void this.discard();
    });
    return { ok: true, value: { octets: kept.record.counts().octets, content } };
  }

  async #begin(query: CaptureQuery, link: string, filter: PacketFilter): Promise<Kept> {
    const { openLink, captureFile, now } = this.#ports;
    const stop = new AbortController();
    const startedAt = now();
    const { snapLength, count, kibibytes, rate, seconds } = query;
    const record = await startRecord(
      link,
      { ...{ filter, snapLength, count, rate, seconds }, size: kibibytes * 1024, signal: stop.signal },
      { openLink, createFile: () => captureFile.create(), now },
    );
    const end = (how: Pick<Capture, 'ended' | 'dropped'>) => {
      kept.end = { ...how, deletedAt: now() + limits.captureKeptMs };
      this.#forget = setTimeout(() => void this.discard(), limits.captureKeptMs);
      this.#forget.unref?.();
    };
    // A file that cannot be written on, since memory is full, ends the capture as its bound would.
    const over = record.ended.then(end, () => end({ ended: 'size', dropped: 0 }));
    const kept: Kept = { query, link, startedAt, stop, record, over, end: null };
    return kept;
  }

  /** The kernel's name of a link, null where there is none. */
  #linkOf(name: string): string | null {
    if (name === 'tunnel') return overlayDevice;
    if (this.#ports.hasLink(name)) return name;
    const port = this.#ports.status().network.interfaces.find((each) => each.name === name);
    return port?.kernelName ?? null;
  }
}

const none = { ok: false, code: 'diagnosis-none', detail: 'There is no capture.' } as const;

function viewOf({ query, startedAt, record, end }: Kept): Capture {
  const { written, filtered, overRate, octets } = record.counts();
  return {
    ...{ state: end === null ? 'running' : 'ended', link: query.link, filter: query.filter },
    ...{ written, filtered, overRate, octets, dropped: end?.dropped ?? 0, ended: end?.ended ?? null },
    ...{ largest: query.kibibytes * 1024, seconds: query.seconds },
    startedAt: new Date(startedAt).toISOString(),
    deletedAt: end === null ? null : new Date(end.deletedAt).toISOString(),
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
