import { type FlowFilter, matchesFlow } from '../flows/flow-filter.ts';
import type { FlowEnd, FlowRecord } from '../flows/flow-record.ts';
import type { OpenDatabase, StoreFiles } from './database-file.ts';
import { flowDatabaseName, openFlowDatabase, setFlowsAside } from './flow-database.ts';
import {
  conditionOf,
  endpointRow,
  flowValues,
  type JoinedRow,
  type StoredFlow,
  selectFlows,
  storedFlow,
} from './flow-rows.ts';
import { type FlowStatements, pagesOf, prepareFlowStatements } from './flow-statements.ts';
import { limits } from './limits.ts';
import type { StoreWarning } from './open-store.ts';
import { type StoreResult, storeErrorOf } from './store-error.ts';

export type FlowStorePorts = {
  readonly files: StoreFiles;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Lets the runtime do what else is due. */
  readonly pause: () => Promise<void>;
  readonly warn: (warning: StoreWarning) => void;
};

export type FlowBounds = {
  /** Records of flows that ended earlier than so many days ago go. */
  readonly days: number;
  /** MiB that the database may fill; beyond it the oldest records go. */
  readonly mebibytes: number;
};

/** Records from a cursor on, oldest first. */
export type FlowsSince = {
  readonly flows: readonly StoredFlow[];
  /** The number of the last one, or the cursor that was given: what to ask from next. */
  readonly cursor: number;
  /** Records after the cursor that were deleted before they were read here. */
  readonly missed: number;
};

/** Some flows, newest first. */
export type FlowPage = {
  readonly flows: readonly StoredFlow[];
  /** Give it as `before` for those that come next; null where there are no more. */
  readonly before: number | null;
};

/** Flows whose ends share rows. A flow's ends belong to its epoch, so that they can go with it. */
const epochLength = 16_384;
/** Rows read at one go before the runtime has its turn: some milliseconds. */
const slice = 8_192;
/** Rows deleted at one go. */
const step = 1_024;
const mebibyte = 1024 * 1024;
const dayMs = 86_400_000;
/** MiB, where nothing can be kept on disk. */
const inMemory = 16;

/**
 * Records of flows in a database of their own: it is written all the time, is allowed to lose its last seconds, and the
 * settings' one is neither. Whoever follows what is written (exports, alarms, a terminal) keeps a cursor, the number of
 * the last record seen, and asks `since` for more; 0 is before the first. Calls are synchronous and take some
 * milliseconds; those that read all of it are not, and give way.
 *
 * A store that cannot be used any more sets its file aside, or goes on in memory, and says so by `warn`.
 */
export class FlowStore {
  readonly #directory: string;
  readonly #ports: FlowStorePorts;
  readonly #open: OpenDatabase;
  #bounds: FlowBounds;
  #statements: FlowStatements;
  #persistent = true;
  /** Rows of ends in this epoch. */
  readonly #ends = new Map<string, number>();
  #epoch = -1;
  #isUnsynced = false;

  private constructor(directory: string, open: OpenDatabase, bounds: FlowBounds, ports: FlowStorePorts) {
    this.#directory = directory;
    this.#open = open;
    this.#bounds = bounds;
    this.#ports = ports;
    this.#statements = this.#openAny();
  }

  /** Opens the records in `directory`, or the best that can be had. `nativeBinding` as for the settings. */
  static async open(
    directory: string,
    bounds: FlowBounds,
    ports: FlowStorePorts,
    nativeBinding?: string,
  ): Promise<FlowStore> {
    const { default: SqliteDatabase } = await import('better-sqlite3');
    const open: OpenDatabase = (path) =>
      new SqliteDatabase(path, nativeBinding === undefined ? {} : { nativeBinding });
    return new FlowStore(directory, open, bounds, ports);
  }

  /** False where records are in memory: nothing outlives a restart. */
  get persistent(): boolean {
    return this.#persistent;
  }

  setBounds(bounds: FlowBounds): void {
    this.#bounds = bounds;
  }

  /**
   * Writes records in one transaction: all of them or none. Where the database is as large as it may be, as many of the
   * oldest go.
   */
  add(records: readonly FlowRecord[]): StoreResult<void> {
    const write = () => {
      this.#isUnsynced = true;
      const { database, insertFlow } = this.#statements;
      database
        .transaction(() => {
          let { last } = this.#last();
          for (const record of records) {
            this.#enterEpoch(Math.floor((last + 1) / epochLength));
            const ends = { source: this.#endpoint(record.from), destination: this.#endpoint(record.to) };
            last = Number(insertFlow.run(flowValues(record, ends)).lastInsertRowid);
          }
        })
        .immediate();
    };
    const added = this.#attempt(write);
    if (!added.ok) this.#forgetEnds();
    if (added.ok || added.error.code !== 'FULL') return added;
    // The disk is full before the bound is reached: the oldest records make room.
    const freed = this.#attempt(() => this.#deleteOldest(2 * step + 2 * records.length));
    return freed.ok && freed.value > 0 ? this.#attempt(write) : added;
  }

  /** The number of the newest record, 0 where there was none: the cursor of who wants only what comes from now on. */
  newest(): StoreResult<number> {
    return this.#attempt(() => this.#last().last);
  }

  /**
   * Up to `limit` records with numbers above the cursor, oldest first. A cursor above all numbers is of a file that is not
   * there any more: it counts as 0.
   */
  since(cursor: number, limit: number): StoreResult<FlowsSince> {
    return this.#attempt(() => {
      const { last } = this.#last();
      const after = cursor > last ? 0 : cursor;
      const flows = this.#statements.since.all(after, limit).map(storedFlow);
      // Numbers follow one another without a gap, so what is not there was deleted.
      const first = flows[0]?.id ?? last + 1;
      return { flows, cursor: flows.at(-1)?.id ?? last, missed: first - after - 1 };
    });
  }

  /** Up to `limit` records that a filter wants with numbers below `before`, newest first. */
  async query(
    filter: FlowFilter,
    {
      before = Number.MAX_SAFE_INTEGER,
      limit,
    }: { readonly before?: number | undefined; readonly limit: number },
  ): Promise<StoreResult<FlowPage>> {
    const condition = conditionOf(filter);
    const bounds = this.#attempt(() => this.#statements.bounds.get());
    if (!bounds.ok) return bounds;
    const { oldest, newest } = bounds.value ?? { oldest: null, newest: null };
    const found: StoredFlow[] = [];
    let above = Math.min(before, (newest ?? 0) + 1);
    while (oldest !== null && above > oldest && found.length < limit) {
      const from = Math.max(oldest, above - slice);
      const wanted = limit - found.length;
      const part = this.#attempt(() =>
        this.#statements.database
          .prepare<unknown[], JoinedRow>(
            `${selectFlows} WHERE flow.id >= ? AND flow.id < ?${condition.sql} ORDER BY flow.id DESC LIMIT ?`,
          )
          .all(from, above, ...condition.values, wanted),
      );
      if (!part.ok) return part;
      for (const row of part.value) {
        const flow = storedFlow(row);
        if (matchesFlow(filter, flow)) found.push(flow);
      }
      above = part.value.length < wanted ? from : (part.value.at(-1)?.id ?? from);
      await this.#ports.pause();
    }
    return { ok: true, value: { flows: found, before: oldest === null || above <= oldest ? null : above } };
  }

  /** Where a reader of `since` is that has a name, so that it goes on there after a restart; null before it began. */
  readCursor(name: string): StoreResult<number | null> {
    return this.#attempt(() => this.#statements.readCursor.get(name)?.position ?? null);
  }

  writeCursor(name: string, position: number): StoreResult<void> {
    return this.#attempt(() => void this.#statements.writeCursor.run(name, position));
  }

  /** Forgets the readers that are not named. */
  keepCursors(names: readonly string[]): StoreResult<void> {
    return this.#attempt(() => void this.#statements.keepCursors.run(JSON.stringify(names)));
  }

  /**
   * Remembers pairs of ends that spoke with one another, at most `limits.pairs` of them: which of these are new, and
   * since when pairs are remembered, in milliseconds since 1970.
   */
  meet(names: readonly string[]): StoreResult<{ readonly fresh: readonly string[]; readonly since: number }> {
    return this.#attempt(() => {
      const { database, meetPair, forgetPairs, firstPair } = this.#statements;
      const now = this.#ports.now();
      const meet = database.transaction(() => {
        const fresh = names.filter((name) => meetPair.run(now, name).changes > 0);
        if (fresh.length > 0) forgetPairs.run(limits.pairs);
        return { fresh, since: firstPair.get()?.met ?? now };
      });
      return meet.immediate();
    });
  }

  /** Octets in use, and how many records there are. */
  size(): StoreResult<{ readonly octets: number; readonly records: number }> {
    return this.#attempt(() => {
      const { oldest, newest } = this.#statements.bounds.get() ?? { oldest: null, newest: null };
      return {
        octets: this.#octets(),
        records: newest === null || oldest === null ? 0 : newest - oldest + 1,
      };
    });
  }

  /** Deletes what is too old or too much, a small step of it; true where more is to be deleted. */
  prune(): StoreResult<boolean> {
    return this.#attempt(() => {
      const { database, agedUntil, deleteUntil } = this.#statements;
      const aged = agedUntil.get(step, this.#ports.now() - this.#bounds.days * dayMs)?.id ?? null;
      if (aged !== null) {
        deleteUntil.run(aged);
        this.#deleteEnds(step);
        return true;
      }
      const bound = (this.#persistent ? this.#bounds.mebibytes : inMemory) * mebibyte;
      if (this.#octets() > bound) return this.#deleteOldest(step) > 0;
      // What was deleted is given back to the disk once the bound itself was lowered.
      const { size, count } = pagesOf(database);
      if (count * size <= bound) return false;
      database.pragma(`incremental_vacuum(${step})`);
      return pagesOf(database).count < count;
    });
  }

  /**
   * Resolves when what was written until now survives a power cut. Commits do not wait for the disk; of the database's
   * files it is the log that they append to, the only one on which SQLite holds no locks that opening it could lose.
   */
  async sync(): Promise<StoreResult<void>> {
    if (!this.#persistent || !this.#isUnsynced) return { ok: true, value: undefined };
    this.#isUnsynced = false;
    try {
      await this.#ports.files.sync(`${this.#directory}/${flowDatabaseName}-wal`);
      return { ok: true, value: undefined };
    } catch (error) {
      return { ok: false, error: storeErrorOf(error) };
    }
  }

  close(): void {
    this.#statements.database.close();
  }

  #deleteOldest(count: number): number {
    const { bounds, deleteUntil } = this.#statements;
    const { oldest } = bounds.get() ?? { oldest: null };
    if (oldest === null) return 0;
    const { changes } = deleteUntil.run(oldest + count - 1);
    this.#deleteEnds(count);
    return changes;
  }

  /** Ends of epochs that have no flow any more, as many as so many flows can have had. */
  #deleteEnds(flows: number): void {
    const { bounds, deleteEnds } = this.#statements;
    const { oldest } = bounds.get() ?? { oldest: null };
    deleteEnds.run(2 * flows, oldest === null ? this.#epoch : Math.floor(oldest / epochLength));
  }

  #enterEpoch(epoch: number): void {
    if (epoch === this.#epoch) return;
    this.#forgetEnds();
    this.#epoch = epoch;
  }

  /** What a transaction that failed wrote is not there. */
  #forgetEnds(): void {
    this.#ends.clear();
    this.#epoch = -1;
  }

  #endpoint(end: FlowEnd): number {
    const key = JSON.stringify(end);
    const known = this.#ends.get(key);
    if (known !== undefined) return known;
    const { insertEndpoint } = this.#statements;
    const id = Number(insertEndpoint.run({ ...endpointRow(end), epoch: this.#epoch }).lastInsertRowid);
    this.#ends.set(key, id);
    return id;
  }

  /** The highest number that was given, whether it is still there or not. */
  #last(): { readonly last: number } {
    return this.#statements.last.get() ?? { last: 0 };
  }

  #octets(): number {
    const { size, count, free } = pagesOf(this.#statements.database);
    return (count - free) * size;
  }

  /** Runs `work`; where the file turns out to be damaged, once more on a new one. */
  #attempt<Value>(work: () => Value): StoreResult<Value> {
    try {
      return { ok: true, value: work() };
    } catch (error) {
      const failure = storeErrorOf(error);
      if (failure.code !== 'CORRUPT') return { ok: false, error: failure };
      this.#statements.database.close();
      this.#forgetEnds();
      this.#statements = this.#beginAnew(failure.message);
    }
    try {
      return { ok: true, value: work() };
    } catch (error) {
      return { ok: false, error: storeErrorOf(error) };
    }
  }

  #openAny(): FlowStatements {
    try {
      return this.#openFile();
    } catch (error) {
      const failure = storeErrorOf(error);
      return failure.code === 'CORRUPT'
        ? this.#beginAnew(failure.message)
        : this.#openMemory(failure.message);
    }
  }

  #openFile(): FlowStatements {
    const path = `${this.#directory}/${flowDatabaseName}`;
    this.#ports.files.createPrivate(path);
    return prepareFlowStatements(openFlowDatabase(path, this.#open));
  }

  #beginAnew(reason: string): FlowStatements {
    const { files, now, warn } = this.#ports;
    try {
      const aside = setFlowsAside(this.#directory, files, new Date(now()).toISOString());
      warn({
        code: 'FLOWS_CORRUPT',
        message: `The records of flows were damaged (${oneLine(reason)}) and are set aside as ${aside}.`,
        advice: 'New ones are kept from now on. If it happens again, check or replace the disk.',
      });
      return this.#openFile();
    } catch (error) {
      return this.#openMemory(storeErrorOf(error).message);
    }
  }

  #openMemory(reason: string): FlowStatements {
    this.#persistent = false;
    this.#ports.warn({
      code: 'FLOWS_NOT_KEPT',
      message: `Records of flows cannot be kept: ${oneLine(reason)}.`,
      advice: 'They are lost at the next restart. Check the state partition.',
    });
    return prepareFlowStatements(openFlowDatabase(':memory:', this.#open));
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
