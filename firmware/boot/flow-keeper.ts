import { type FlowFilter, matchesFlow } from '../flows/flow-filter.ts';
import type { FlowKernel, KernelLosses } from '../flows/flow-kernel.ts';
import type { FlowRecord } from '../flows/flow-record.ts';
import { FlowTracker, type TrackerLosses } from '../flows/tracker.ts';
import type { PolicyInForce } from '../netd/policy/enforcement.ts';
import { knownPolicy } from '../netd/policy/known-policy.ts';
import { type LinkAddresses, networkAddresses } from '../netd/policy/network-addresses.ts';
import type { FlowBounds, FlowPage, FlowStore, FlowsSince } from '../store/flow-store.ts';
import type { FlowsSettings } from '../store/flows-schema.ts';
import { StoreError, type StoreResult } from '../store/store-error.ts';

export type FlowKeeperPorts = {
  readonly openKernel: () => Promise<FlowKernel>;
  readonly openStore: (bounds: FlowBounds, warn: FlowKeeperPorts['warn']) => Promise<FlowStore>;
  /** MiB of what keeps state, all told. */
  readonly stateMebibytes: () => number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly setTimer: (milliseconds: number, callback: () => void) => { readonly close: () => void };
  /** What the links have now. */
  readonly interfaces: () => LinkAddresses;
  /** Lets the runtime do what else is due. */
  readonly pause: () => Promise<void>;
  readonly log: (level: 'info' | 'warning' | 'error', message: string) => void;
  readonly warn: (warning: {
    readonly code: string;
    readonly message: string;
    readonly advice: string;
  }) => void;
  readonly clearWarning: (code: string) => void;
};

/** What was not recorded since recording began. */
export type FlowLosses = {
  /** Ends of connections that came faster than they were read, and denied packets that came faster than records are made. */
  readonly kernel: KernelLosses;
  readonly tracker: TrackerLosses;
  /** Records that could not be written. */
  readonly unwritten: number;
};

export type FlowStatus = {
  readonly recording: boolean;
  /** False where records are in memory. */
  readonly persistent: boolean;
  readonly records: number;
  readonly octets: number;
  readonly newest: number;
  readonly lost: FlowLosses;
};

/** The kernel is read so often, and for at most so long each time: records take a fifth of one CPU at the most. */
const turnMs = 200;
const readForMs = 40;
/** Where less than this came, as many turns pass until the next read: the kernel keeps some ten thousand meanwhile. */
const muchToRead = 500;
const turnsWithLittle = 5;
/** Turns between two writes, and until what was written is on the disk for sure: what a power cut can take. */
const turnsPerWrite = 5;
const turnsPerSync = 25;
/** Turns between two looks at connections that last. */
const turnsPerSweep = 1_500;
/** Records in one transaction, which the runtime waits for. */
const batch = 128;
/** Part of the state partition that records may fill at most, whatever the settings say. */
const largestPart = 1 / 4;
/** Records looked through at one go for somebody who follows. */
const followed = 500;

const nothingLost: FlowLosses = {
  kernel: { connections: 0, packets: 0 },
  tracker: { denied: 0, records: 0 },
  unwritten: 0,
};
const notOpen = {
  ok: false,
  error: new StoreError('UNAVAILABLE', 'the records are not open'),
} as const;
const warningCode = 'FLOWS_NOT_RECORDED';

type Recording = { readonly kernel: FlowKernel; readonly tracker: FlowTracker };

/** Records flows as the settings have it, and finds them again. */
export class FlowKeeper {
  readonly #ports: FlowKeeperPorts;
  #store: FlowStore | null = null;
  #recording: Recording | null = null;
  #policy: PolicyInForce | null = null;
  /** Of the networks, by which flows were told last. */
  #addresses = '';
  #unwritten = 0;
  #turns = 0;
  #timer: { readonly close: () => void } | null = null;
  #work: Promise<void> = Promise.resolve();
  /** Called when there are new records. */
  readonly #followers = new Set<() => void>();

  constructor(ports: FlowKeeperPorts) {
    this.#ports = ports;
  }

  /** Follows the settings. What goes wrong is a warning: nothing else depends on records. */
  apply(settings: FlowsSettings): Promise<void> {
    return this.#enqueue(async () => {
      const { days, mebibytes } = settings.keep;
      const most = Math.floor(this.#ports.stateMebibytes() * largestPart);
      const bounds = { days, mebibytes: Math.max(1, Math.min(mebibytes, most)) };
      this.#store ??= await this.#ports.openStore(bounds, this.#ports.warn);
      this.#store.setBounds(bounds);
      if (settings.record) await this.#begin();
      else await this.#end();
    });
  }

  /** Takes note of a policy: flows are told by the one they began under. */
  policyInForce(policy: PolicyInForce): void {
    this.#policy = policy;
    this.#tellTracker(this.#recording?.tracker, policy);
  }

  /** Takes note of addresses that came or went: a provider's prefix is another one. */
  addressesChanged(): void {
    if (this.#policy === null || this.#addressesOf(this.#policy) === this.#addresses) return;
    this.policyInForce({ ...this.#policy, since: this.#ports.now() });
  }

  #tellTracker(tracker: FlowTracker | undefined, policy: PolicyInForce): void {
    this.#addresses = this.#addressesOf(policy);
    tracker?.setPolicy(knownPolicy(policy, this.#ports.interfaces()));
  }

  #addressesOf({ facts }: PolicyInForce): string {
    return networkAddresses(facts, this.#ports.interfaces()).flat().join();
  }

  /** Recorded flows, newest first. */
  async query(
    filter: FlowFilter,
    options: { readonly before?: number | undefined; readonly limit: number },
  ): Promise<StoreResult<FlowPage>> {
    return (await this.#store?.query(filter, options)) ?? { ok: true, value: { flows: [], before: null } };
  }

  /** Flows recorded after a cursor, oldest first; an answer may have none of those that are wanted and still lead on. */
  since(cursor: number, limit: number): StoreResult<FlowsSince> {
    return this.#store?.since(cursor, limit) ?? { ok: true, value: { flows: [], cursor, missed: 0 } };
  }

  /** Remembers pairs of ends that spoke with one another. */
  meet(pairs: readonly string[]): ReturnType<FlowStore['meet']> {
    return this.#store?.meet(pairs) ?? notOpen;
  }

  /** The number of the newest record. */
  newest(): StoreResult<number> {
    return this.#store?.newest() ?? notOpen;
  }

  /** Where somebody with a name is who reads `since`; null before it began. */
  readCursor(name: string): StoreResult<number | null> {
    return this.#store?.readCursor(name) ?? notOpen;
  }

  writeCursor(name: string, cursor: number): StoreResult<void> {
    return this.#store?.writeCursor(name, cursor) ?? notOpen;
  }

  keepCursors(names: readonly string[]): StoreResult<void> {
    return this.#store?.keepCursors(names) ?? notOpen;
  }

  /** Those of them that a filter wants; waits for the first of them so many milliseconds. */
  async follow(filter: FlowFilter, cursor: number | null, waitMs: number): Promise<StoreResult<FlowsSince>> {
    const until = this.#ports.now() + waitMs;
    let [at, missed] = [cursor ?? 0, 0];
    if (cursor === null) {
      const newest = this.#store?.newest() ?? { ok: true, value: 0 };
      if (!newest.ok) return newest;
      at = newest.value;
    }
    for (;;) {
      const found = this.since(at, followed);
      if (!found.ok) return found;
      const flows = found.value.flows.filter((flow) => matchesFlow(filter, flow));
      const isMore = found.value.cursor !== at;
      at = found.value.cursor;
      missed += found.value.missed;
      const left = until - this.#ports.now();
      if (flows.length > 0 || (!isMore && (left <= 0 || left > waitMs)))
        return { ok: true, value: { flows, cursor: at, missed } };
      if (isMore) await this.#ports.pause();
      else await this.#nextRecords(left);
    }
  }

  /** Connections that live, with their counts so far: at most so many. */
  async live(filter: FlowFilter, limit: number): Promise<readonly FlowRecord[]> {
    const recording = this.#recording;
    if (recording === null) return [];
    const found: FlowRecord[] = [];
    const now = this.#ports.now();
    await recording.kernel.dump((connection) => {
      if (found.length >= limit) return;
      const flow = recording.tracker.living(connection, now);
      if (flow !== null && matchesFlow(filter, flow)) found.push(flow);
    });
    return found;
  }

  status(): FlowStatus {
    const size = this.#store?.size();
    const newest = this.#store?.newest();
    return {
      recording: this.#recording !== null,
      persistent: this.#store?.persistent ?? false,
      ...(size?.ok ? size.value : { records: 0, octets: 0 }),
      newest: newest?.ok ? newest.value : 0,
      lost: this.#lost(),
    };
  }

  /** Flows and denied packets that were not recorded, however they were lost. */
  lostFlows(): number {
    const { kernel, tracker, unwritten } = this.#lost();
    return kernel.connections + kernel.packets + tracker.denied + tracker.records + unwritten;
  }

  /** Writes what is known by now. */
  async close(): Promise<void> {
    await this.#enqueue(() => this.#end());
    this.#store?.close();
    this.#store = null;
  }

  #lost(): FlowLosses {
    if (this.#recording === null) return { ...nothingLost, unwritten: this.#unwritten };
    const { kernel, tracker } = this.#recording;
    return { kernel: kernel.lost(), tracker: tracker.lost, unwritten: this.#unwritten };
  }

  async #begin(): Promise<void> {
    if (this.#recording !== null) return;
    try {
      const tracker = new FlowTracker();
      if (this.#policy !== null) this.#tellTracker(tracker, this.#policy);
      this.#recording = { kernel: await this.#ports.openKernel(), tracker };
      this.#ports.clearWarning(warningCode);
      this.#wait(turnsWithLittle);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#ports.warn({
        code: warningCode,
        message: `Flows are not recorded: ${reason}.`,
        advice: 'Traffic and policy work as before. Restart the box.',
      });
    }
  }

  async #end(): Promise<void> {
    this.#timer?.close();
    this.#timer = null;
    if (this.#recording === null) return;
    this.#read(this.#recording);
    await this.#write(this.#recording.tracker.take(this.#ports.now(), true));
    this.#recording.kernel.close();
    this.#recording = null;
  }

  #wait(turns: number): void {
    this.#timer = this.#ports.setTimer(turns * turnMs, () => {
      if (this.#recording === null) return;
      const came = this.#read(this.#recording);
      const before = this.#turns;
      this.#turns += turns;
      const isTime = (every: number) => Math.floor(before / every) !== Math.floor(this.#turns / every);
      if (isTime(turnsPerWrite)) void this.#enqueue(() => this.#keep());
      if (isTime(turnsPerSync)) void this.#enqueue(() => this.#sync());
      if (isTime(turnsPerSweep)) void this.#enqueue(() => this.#sweep());
      this.#wait(came < muchToRead ? turnsWithLittle : 1);
    });
  }

  /** How much came. */
  #read({ kernel, tracker }: Recording): number {
    const now = this.#ports.now();
    let came = 0;
    kernel.read(readForMs, {
      ended: (connection) => {
        came++;
        tracker.ended(connection, now);
      },
      logged: (packet) => {
        came++;
        tracker.logged(packet, now);
      },
    });
    return came;
  }

  async #keep(): Promise<void> {
    if (this.#recording === null) return;
    const records = this.#recording.tracker.take(this.#ports.now());
    await this.#write(records);
    // As much goes as came, and a little more, where there is too much.
    if (records.length > 0) await this.#prune(1 + records.length / batch);
  }

  async #prune(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const pruned = this.#store?.prune();
      if (!pruned?.ok || !pruned.value) break;
      await this.#ports.pause();
    }
  }

  async #write(records: readonly FlowRecord[]): Promise<void> {
    const before = this.#unwritten;
    for (let from = 0; from < records.length; from += batch) {
      const part = records.slice(from, from + batch);
      const written = this.#store?.add(part);
      if (!written?.ok) {
        if (this.#unwritten === before)
          this.#ports.log(
            'error',
            `records of flows could not be written: ${written?.error.message ?? 'closed'}`,
          );
        this.#unwritten += part.length;
      }
      await this.#ports.pause();
    }
    if (records.length > 0) for (const wake of [...this.#followers]) wake();
  }

  async #sync(): Promise<void> {
    const synced = await this.#store?.sync();
    if (synced?.ok === false)
      this.#ports.log('error', `records of flows may not be on the disk: ${synced.error.message}`);
    // Records grow old where none come, too.
    await this.#prune(1);
  }

  async #sweep(): Promise<void> {
    const recording = this.#recording;
    if (recording === null) return;
    const { kernel, tracker } = recording;
    tracker.beginSweep();
    await kernel.dump((connection) => tracker.passed(connection, this.#ports.now()));
    tracker.endSweep();
  }

  /** Resolves when there are new records, or after some milliseconds. */
  #nextRecords(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#ports.setTimer(milliseconds, resolve);
    this.#followers.add(resolve);
    return promise.finally(() => {
      timer.close();
      this.#followers.delete(resolve);
    });
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#ports.log('error', `records of flows: ${error instanceof Error ? error.message : String(error)}`);
    });
    return this.#work;
  }
}
