import type { Database } from 'better-sqlite3';

/**
 * Brings a copy of a database from one schema version to the next. It runs in a transaction and may throw: the copy is
 * dropped then, and the original was never touched.
 */
export type Migration = (database: Database) => void;

/** Version 2 knows what became of a revision, and which one was in force when it was made. */
const addOutcome: Migration = (database) =>
  database.exec(`
    ALTER TABLE revision ADD COLUMN outcome TEXT NOT NULL DEFAULT 'confirmed'
      CHECK (outcome IN ('confirmed', 'trial', 'reverted', 'interrupted'));
    ALTER TABLE revision ADD COLUMN reason TEXT;
    ALTER TABLE revision ADD COLUMN base INTEGER;
  `);

/** Entry 0 goes from version 1 to 2, and so on. */
export const migrations: readonly Migration[] = [addOutcome];

/** Version 1. Later versions are made from it by the migrations, so that a new box and an old one have the same schema. */
export function createFirstSchema(database: Database): void {
  database.exec(`
    CREATE TABLE revision (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      time TEXT NOT NULL,
      author TEXT NOT NULL,
      document TEXT NOT NULL
    ) STRICT;
    CREATE TABLE in_force (
      only INTEGER PRIMARY KEY CHECK (only = 1),
      revision INTEGER NOT NULL REFERENCES revision (id)
    ) STRICT;
  `);
}
