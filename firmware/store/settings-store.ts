import type { Database } from 'better-sqlite3';
import { limits } from './limits.ts';
import { parseSettingsLayer } from './settings-layers.ts';
import type { SettingsLayer } from './settings-schema.ts';
import { invalid, StoreError, type StoreResult, storeErrorOf } from './store-error.ts';

export type Revision = {
  /** Ascending in the order of saving, never given twice. */
  readonly id: number;
  /** ISO 8601 in UTC. */
  readonly time: string;
  /** Who saved it, as a person reads it: `web`, `command line`, `conductor`. */
  readonly author: string;
};

/** The saved settings and their history. Every method answers with what is on the disk when it returns. */
export class SettingsStore {
  /** False where the store lives in memory, since the state partition could not be used: nothing outlives a restart. */
  readonly persistent: boolean;
  readonly #database: Database;
  readonly #now: () => string;

  constructor(
    database: Database,
    { persistent, now }: { readonly persistent: boolean; readonly now: () => string },
  ) {
    this.#database = database;
    this.persistent = persistent;
    this.#now = now;
  }

  /** The revision in force with its document; undefined where nothing was ever saved. */
  current(): StoreResult<(Revision & { readonly layer: SettingsLayer }) | undefined> {
    return this.#attempt(() => {
      const row = this.#database.prepare<[], { revision: number }>('SELECT revision FROM in_force').get();
      if (row === undefined) return undefined;
      return this.#revision(row.revision);
    });
  }

  /** The newest revisions, newest first, at most `limits.revisions` of them and one more that is in force. */
  revisions(): StoreResult<readonly Revision[]> {
    return this.#attempt(() =>
      this.#database.prepare<[], Revision>('SELECT id, time, author FROM revision ORDER BY id DESC').all(),
    );
  }

  revision(id: number): StoreResult<Revision & { readonly layer: SettingsLayer }> {
    return this.#attempt(() => this.#revision(id));
  }

  /** Adds a revision and puts it in force. When this answers `ok`, the revision survives a power cut. */
  save(layer: SettingsLayer, author: string): StoreResult<Revision> {
    const document = JSON.stringify(layer);
    const parsed = parseSettingsLayer(document);
    if (!parsed.ok) return { ok: false, error: invalid(parsed.problems) };
    if (author === '' || author.length > limits.authorLength) {
      const problem = `has 1 to ${limits.authorLength} characters`;
      return { ok: false, error: invalid([{ path: 'author', problem }]) };
    }
    return this.#attempt(() => {
      const time = this.#now();
      const save = this.#database.transaction(() => {
        const insert = this.#database.prepare(
          'INSERT INTO revision (time, author, document) VALUES (?, ?, ?)',
        );
        const id = Number(insert.run(time, author, document).lastInsertRowid);
        this.#enforce(id);
        this.#prune();
        return id;
      });
      return { id: save.immediate(), time, author };
    });
  }

  /** Puts an earlier revision in force again; `UNKNOWN_REVISION` where it is not kept any more. */
  restore(id: number): StoreResult<Revision> {
    return this.#attempt(() => {
      const restore = this.#database.transaction(() => {
        const { layer: _, ...revision } = this.#revision(id);
        this.#enforce(id);
        return revision;
      });
      return restore.immediate();
    });
  }

  close(): void {
    this.#database.close();
  }

  #revision(id: number): Revision & { readonly layer: SettingsLayer } {
    const select = this.#database.prepare<[number], Revision & { document: string }>(
      'SELECT id, time, author, document FROM revision WHERE id = ?',
    );
    const row = select.get(id);
    if (row === undefined) throw new StoreError('UNKNOWN_REVISION', `revision ${id} is not kept`);
    const { document, ...revision } = row;
    // A release may have narrowed the schema since the revision was saved, so its document is checked again.
    const parsed = parseSettingsLayer(document);
    if (!parsed.ok) throw invalid(parsed.problems);
    return { ...revision, layer: parsed.value };
  }

  #enforce(id: number): void {
    const upsert =
      'INSERT INTO in_force (only, revision) VALUES (1, ?) ON CONFLICT DO UPDATE SET revision = excluded.revision';
    this.#database.prepare(upsert).run(id);
  }

  #prune(): void {
    this.#database
      .prepare(
        `DELETE FROM revision WHERE id NOT IN (SELECT revision FROM in_force) AND id IN (
           SELECT id FROM (
             SELECT id, row_number() OVER newest AS position, sum(octet_length(document)) OVER newest AS size
             FROM revision WINDOW newest AS (ORDER BY id DESC)
           ) WHERE position > ? OR size > ?
         )`,
      )
      .run(limits.revisions, limits.revisionsSize);
  }

  #attempt<Value>(work: () => Value): StoreResult<Value> {
    try {
      return { ok: true, value: work() };
    } catch (error) {
      return { ok: false, error: storeErrorOf(error) };
    }
  }
}
