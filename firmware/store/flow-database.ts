import type { Database } from 'better-sqlite3';
import type { OpenDatabase, StoreFiles } from './database-file.ts';
import { endpointColumns, flowColumns } from './flow-rows.ts';
import { databaseSuffixes, setAside } from './set-aside.ts';
import { StoreError } from './store-error.ts';

/** The name carries the schema's version, so that the release before an update finds its own file. */
export const flowDatabaseName = 'flows.v1.db';
const version = 1;
/** "Hfls": tells this database from any other in its header. */
const applicationId = 0x48666c73;

/** KiB of the log that a commit appends to, before it is carried over into the file; and what is left of it then. */
const logPages = 512;
const logOctets = 4 * 1024 * 1024;

/**
 * Opens the database at a path, making it where the file is empty. It is not read through: of a file as large as this
 * one that takes longer than a start may, and damage is found where it is met. Throws `StoreError` or SQLite's errors.
 */
export function openFlowDatabase(path: string, open: OpenDatabase): Database {
  const database = open(path);
  try {
    // Before the first table: space that is free can be given back later.
    database.pragma('auto_vacuum = INCREMENTAL');
    database.pragma('journal_mode = WAL');
    // A commit is not synced. A power cut may take those since the last `sync`, and never what was there before them:
    // the log is synced before it is carried over, and a torn end of it is found by its checksums. Records come by the
    // second, and a sync for each would wear flash out and make the runtime wait for it.
    database.pragma('synchronous = NORMAL');
    database.pragma(`wal_autocheckpoint = ${logPages}`);
    database.pragma(`journal_size_limit = ${logOctets}`);
    database.pragma('trusted_schema = OFF');
    if (database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined) {
      database.transaction(() => {
        createSchema(database);
        database.pragma(`application_id = ${applicationId}`);
        database.pragma(`user_version = ${version}`);
      })();
    }
    const number = (name: string) => database.pragma(name, { simple: true });
    if (number('application_id') !== applicationId || number('user_version') !== version)
      throw new StoreError('CORRUPT', `the database is not one of flows in version ${version}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Flows in the order in which they were written, with no index beside their numbers: they are written all the time and
 * read when somebody asks, and a table of small rows is read through at millions of rows a second. Ends are rows of
 * their own, since few ends have many flows.
 */
function createSchema(database: Database): void {
  const typeOf = (name: string): string => {
    if (name === 'place') return 'BLOB NOT NULL';
    if (name === 'protocol' || name === 'devices' || name === 'labels') return 'TEXT NOT NULL';
    if (['rule', 'staged', 'gateway', 'platform', 'attestation'].includes(name)) return 'TEXT';
    return name === 'end' || name === 'stagedVerdict' ? 'INTEGER' : 'INTEGER NOT NULL';
  };
  const columns = (names: readonly string[]) => names.map((name) => `"${name}" ${typeOf(name)}`).join(', ');
  database.exec(`
    CREATE TABLE flow (id INTEGER PRIMARY KEY AUTOINCREMENT, ${columns(flowColumns)}) STRICT;
    CREATE TABLE pair (id INTEGER PRIMARY KEY AUTOINCREMENT, met INTEGER NOT NULL, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE cursor (name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT;
    CREATE TABLE endpoint (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, ${columns(endpointColumns)}) STRICT;
  `);
}

/** Sets a damaged file aside; what was set aside before goes, since it is large and the newer one says more. */
export function setFlowsAside(directory: string, files: StoreFiles, now: string): string {
  for (const name of files.list(directory)) {
    const isOurs = databaseSuffixes.some((suffix) => name.endsWith(`${flowDatabaseName}${suffix}`));
    if (isOurs && name.startsWith('corrupt-')) files.remove(`${directory}/${name}`);
  }
  return setAside(directory, flowDatabaseName, files, now);
}
