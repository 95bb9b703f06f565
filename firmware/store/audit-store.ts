import type { Database } from 'better-sqlite3';
import type { OpenDatabase, StoreFiles } from './database-file.ts';
import { limits } from './limits.ts';
import type { StoreWarning } from './open-store.ts';
import { setAside } from './set-aside.ts';
import { StoreError, type StoreResult, storeErrorOf } from './store-error.ts';

export type AuditOutcome = 'done' | 'refused' | 'failed';

/** Something that somebody did to the box, or tried to. */
export type AuditEntry = {
  /** A user, `token NAME`, `console`, `command line`, `system`; a name that was only claimed for refused sign-ins. */
  readonly who: string;
  /** The address it came from; null where it came from none. */
  readonly from: string | null;
  /** Such as `config apply`. */
  readonly act: string;
  /** What it was done to; no secrets. */
  readonly what: string;
  readonly outcome: AuditOutcome;
};

export type StoredAuditEntry = AuditEntry & {
  /** Ascending in the order in which they were written. */
  readonly id: number;
  /** Milliseconds since 1970, by the box's clock. */
  readonly time: number;
};

export type AuditPage = {
  /** Newest first. */
  readonly entries: readonly StoredAuditEntry[];
  /** Give it as `before` for those that come next; null where there are no more. */
  readonly before: number | null;
};

export type AuditStorePorts = {
  readonly files: StoreFiles;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly warn: (warning: StoreWarning) => void;
};

/** The name carries the schema's version, so that the release before an update finds its own file. */
export const auditDatabaseName = 'audit.v1.db';
const version = 1;
/** "Haud": tells this database from any other in its header. */
const applicationId = 0x48617564;
const dayMs = 86_400_000;
/** Entries from before 2025 are of a clock that nobody had set yet: they go by number alone. */
const clockSet = Date.UTC(2025, 0);
/** Old entries that one new one takes away: a clock that is wrong for a while must not empty the audit. */
const forgottenAtOnce = 8;

/**
 * Who did what, kept through restarts and bounded by number and age. Refused attempts have a bound of their own: whoever
 * is not let in must not be able to push out what was done. A file that is damaged is set aside, and where none can be
 * kept the audit goes on in memory; both are told by `warn`. Calls are synchronous and write one row.
 */
export class AuditStore {
  readonly #directory: string;
  readonly #ports: AuditStorePorts;
  readonly #open: OpenDatabase;
  #statements: AuditStatements;

  private constructor(directory: string, open: OpenDatabase, ports: AuditStorePorts) {
    this.#directory = directory;
    this.#open = open;
    this.#ports = ports;
    this.#statements = this.#openAny();
  }

  /** Opens the audit in `directory`, or the best that can be had. */
  static async open(directory: string, ports: AuditStorePorts): Promise<AuditStore> {
    const { default: SqliteDatabase } = await import('better-sqlite3');
    return new AuditStore(directory, (path) => new SqliteDatabase(path), ports);
  }

  /** Writes an entry; it survives a power cut once this returns. Texts beyond their bounds are cut. */
  add(entry: AuditEntry): StoreResult<void> {
    const time = this.#ports.now();
    const cut = (text: string) => text.slice(0, limits.auditLength);
    const row = {
      ...{ time, who: cut(entry.who), origin: entry.from === null ? null : cut(entry.from) },
      ...{ act: cut(entry.act), what: cut(entry.what), outcome: entry.outcome },
    };
    return this.#attempt(() => {
      const { database, insert, forgetOld, forgetMany } = this.#statements;
      database
        .transaction(() => {
          insert.run(row);
          forgetOld.run({ until: time - limits.auditDays * dayMs, clockSet, most: forgottenAtOnce });
          const [kind, most] =
            entry.outcome === 'refused' ? [1, limits.auditRefusals] : [0, limits.auditEntries];
          forgetMany.run({ kind, most });
        })
        .immediate();
    });
  }

  /** Up to `limit` entries with numbers below `before`, newest first. */
  page({
    before = Number.MAX_SAFE_INTEGER,
    limit,
  }: {
    readonly before?: number | undefined;
    readonly limit: number;
  }): StoreResult<AuditPage> {
    return this.#attempt(() => {
      const rows = this.#statements.page.all(before, limit + 1);
      const entries = rows.slice(0, limit).map(({ origin, ...row }) => ({ ...row, from: origin }));
      return { entries, before: rows.length > limit ? (entries.at(-1)?.id ?? null) : null };
    });
  }

  close(): void {
    this.#statements.database.close();
  }

  /** Runs `work`; where the file turns out to be damaged, once more on a new one. */
  #attempt<Value>(work: () => Value): StoreResult<Value> {
    try {
      return { ok: true, value: work() };
    } catch (error) {
      const failure = storeErrorOf(error);
      if (failure.code !== 'CORRUPT') return { ok: false, error: failure };
      this.#statements.database.close();
      this.#statements = this.#beginAnew(failure.message);
    }
    try {
      return { ok: true, value: work() };
    } catch (error) {
      return { ok: false, error: storeErrorOf(error) };
    }
  }

  #openAny(): AuditStatements {
    try {
      return this.#openFile();
    } catch (error) {
      const failure = storeErrorOf(error);
      return failure.code === 'CORRUPT'
        ? this.#beginAnew(failure.message)
        : this.#openMemory(failure.message);
    }
  }

  #openFile(): AuditStatements {
    const path = `${this.#directory}/${auditDatabaseName}`;
    this.#ports.files.createPrivate(path);
    return openAuditDatabase(path, this.#open);
  }

  #beginAnew(reason: string): AuditStatements {
    const { files, now, warn } = this.#ports;
    try {
      const aside = setAside(this.#directory, auditDatabaseName, files, new Date(now()).toISOString());
      warn({
        code: 'AUDIT_CORRUPT',
        message: `The audit was damaged (${oneLine(reason)}) and is set aside as ${aside}.`,
        advice: 'A new one is kept from now on. If it happens again, check or replace the disk.',
      });
      return this.#openFile();
    } catch (error) {
      return this.#openMemory(storeErrorOf(error).message);
    }
  }

  #openMemory(reason: string): AuditStatements {
    this.#ports.warn({
      code: 'AUDIT_NOT_KEPT',
      message: `The audit cannot be kept: ${oneLine(reason)}.`,
      advice: 'It is lost at the next restart. Check the state partition.',
    });
    return openAuditDatabase(':memory:', this.#open);
  }
}

type AuditRow = Omit<StoredAuditEntry, 'from'> & { readonly origin: string | null };
type AuditStatements = ReturnType<typeof prepare>;

function prepare(database: Database) {
  return {
    database,
    insert: database.prepare<[Omit<AuditRow, 'id'>]>(
      'INSERT INTO entry (time, who, origin, act, what, outcome) VALUES (:time, :who, :origin, :act, :what, :outcome)',
    ),
    page: database.prepare<[number, number], AuditRow>(
      'SELECT id, time, who, origin, act, what, outcome FROM entry WHERE id < ? ORDER BY id DESC LIMIT ?',
    ),
    forgetOld: database.prepare<[{ until: number; clockSet: number; most: number }]>(
      `DELETE FROM entry WHERE id IN (
         SELECT id FROM entry WHERE time < :until AND time > :clockSet ORDER BY time LIMIT :most)`,
    ),
    forgetMany: database.prepare<[{ kind: number; most: number }]>(
      `DELETE FROM entry WHERE (outcome = 'refused') = :kind AND id <= (
         SELECT id FROM entry WHERE (outcome = 'refused') = :kind ORDER BY id DESC LIMIT 1 OFFSET :most)`,
    ),
  };
}

function openAuditDatabase(path: string, open: OpenDatabase): AuditStatements {
  const database = open(path);
  try {
    database.pragma('journal_mode = WAL');
    // What was answered as done stands here after a power cut.
    database.pragma('synchronous = FULL');
    database.pragma('trusted_schema = OFF');
    if (database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined) {
      database.transaction(() => {
        database.exec(`
          CREATE TABLE entry (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            time INTEGER NOT NULL,
            who TEXT NOT NULL,
            origin TEXT,
            act TEXT NOT NULL,
            what TEXT NOT NULL,
            outcome TEXT NOT NULL CHECK (outcome IN ('done', 'refused', 'failed'))
          ) STRICT;
          CREATE INDEX entry_by_time ON entry (time);
          CREATE INDEX entry_by_kind ON entry ((outcome = 'refused'), id);
        `);
        database.pragma(`application_id = ${applicationId}`);
        database.pragma(`user_version = ${version}`);
      })();
    }
    const number = (name: string) => database.pragma(name, { simple: true });
    if (number('application_id') !== applicationId || number('user_version') !== version)
      throw new StoreError('CORRUPT', `the database is not one of the audit in version ${version}`);
    return prepare(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
