import type { Database } from 'better-sqlite3';
import { createFirstSchema, type Migration } from './migrations.ts';
import { StoreError } from './store-error.ts';

/** Opens a database at a path; `:memory:` is one that lives as long as the process. */
export type OpenDatabase = (path: string) => Database;

/** What the store needs of the file system. Every change is on the disk when the call returns; failures throw. */
export type StoreFiles = {
  /** The names in a directory. */
  list(directory: string): readonly string[];
  /** Makes an empty file with mode 0600 where there is none, and gives an existing one that mode. */
  createPrivate(path: string): void;
  rename(from: string, to: string): void;
  /** Resolves when what was written to a file is on the disk; other work goes on meanwhile. */
  sync(path: string): Promise<void>;
  /** Removes a file; one that is not there is no failure. */
  remove(path: string): void;
};

/** "Hith": tells this database from any other in its header. */
const applicationId = 0x48697468;

/**
 * The file's name carries the schema version: a new release migrates a copy, and the release before it still finds its
 * own file, untouched, when it is booted again.
 */
export function databaseName(version: number): string {
  return `settings.v${version}.db`;
}

/** The schema version in a database's file name, or undefined for any other file. */
export function databaseVersion(name: string): number | undefined {
  const digits = /^settings\.v([1-9]\d{0,5})\.db$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Opens a database of the newest version, making it where the file is empty. Throws `StoreError` or SQLite's errors. */
export function openNewest(path: string, open: OpenDatabase, migrations: readonly Migration[]): Database {
  const version = migrations.length + 1;
  const database = open(path);
  try {
    harden(database);
    if (isEmpty(database)) {
      database.transaction(() => {
        createFirstSchema(database);
        for (const migrate of migrations) migrate(database);
        database.pragma(`application_id = ${applicationId}`);
        database.pragma(`user_version = ${version}`);
      })();
    }
    check(database, version);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Copies an older database, migrates the copy and renames it to its name of the newest version: until that rename the
 * old file is all there is, after it the new one is complete.
 */
export function migrateCopy(
  directory: string,
  from: number,
  { open, files, migrations }: { open: OpenDatabase; files: StoreFiles; migrations: readonly Migration[] },
): void {
  const version = migrations.length + 1;
  const target = `${directory}/${databaseName(version)}`;
  const copy = `${target}.new`;
  for (const leftover of [copy, `${copy}-wal`, `${copy}-shm`, `${copy}-journal`]) files.remove(leftover);
  files.createPrivate(copy);
  const original = open(`${directory}/${databaseName(from)}`);
  try {
    harden(original);
    check(original, from);
    original.prepare('VACUUM INTO ?').run(copy);
  } finally {
    original.close();
  }
  const database = open(copy);
  try {
    // No write-ahead log beside the copy: one file has to be renamed, not three.
    database.pragma('journal_mode = DELETE');
    database.pragma('synchronous = FULL');
    database.transaction(() => {
      for (const migrate of migrations.slice(from - 1)) migrate(database);
      database.pragma(`application_id = ${applicationId}`);
      database.pragma(`user_version = ${version}`);
    })();
    check(database, version);
  } finally {
    database.close();
  }
  files.rename(copy, target);
}

function harden(database: Database): void {
  // A commit is on the disk before it returns: FULL syncs the log at each one, where NORMAL may lose the last ones.
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  // The file may come from a disk that others have written: its schema shall not run functions.
  database.pragma('trusted_schema = OFF');
}

function isEmpty(database: Database): boolean {
  return (
    pragmaNumber(database, 'user_version') === 0 &&
    database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined
  );
}

function check(database: Database, version: number): void {
  const found = database.pragma('quick_check(1)', { simple: true });
  if (found !== 'ok') throw new StoreError('CORRUPT', String(found));
  if (
    pragmaNumber(database, 'application_id') !== applicationId ||
    pragmaNumber(database, 'user_version') !== version
  ) {
    throw new StoreError('CORRUPT', `the database is not one of settings in version ${version}`);
  }
}

function pragmaNumber(database: Database, name: string): unknown {
  return database.pragma(name, { simple: true });
}
