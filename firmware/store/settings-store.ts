import type { Database } from 'better-sqlite3';
import { limits } from './limits.ts';
import { parseSettingsLayer } from './settings-layers.ts';
import type { SettingsLayer } from './settings-schema.ts';
import { invalid, StoreError, type StoreResult, storeErrorOf } from './store-error.ts';

/**
 * - `confirmed`: was in force, or is.
 * - `trial`: is being tried; what was confirmed before comes back by itself.
 * - `reverted`: was tried and taken back; `reason` says why.
 * - `interrupted`: the box stopped while it was tried.
 */
export type RevisionOutcome = 'confirmed' | 'trial' | 'reverted' | 'interrupted';

export type Revision = {
  /** Ascending in the order of saving, never given twice. */
  readonly id: number;
  /** ISO 8601 in UTC. */
  readonly time: string;
  /** Who saved it, as a person reads it: `web`, `command line`, `conductor`. */
  readonly author: string;
  readonly outcome: RevisionOutcome;
  readonly reason: string | null;
  /** The revision that was in force when this one was saved; it may not be kept any more. */
  readonly base: number | null;
};

const columns = 'id, time, author, outcome, reason, base';

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

  /** The revision in force with its document; undefined where nothing was ever confirmed. */
  current(): StoreResult<(Revision & { readonly layer: SettingsLayer }) | undefined> {
    return this.#attempt(() => {
      const id = this.#inForce();
      return id === null ? undefined : this.#revision(id);
    });
  }

  /** The newest revisions, newest first, at most `limits.revisions` of them and one more that is in force. */
  revisions(): StoreResult<readonly Revision[]> {
    return this.#attempt(() =>
      this.#database.prepare<[], Revision>(`SELECT ${columns} FROM revision ORDER BY id DESC`).all(),
    );
  }

  revision(id: number): StoreResult<Revision & { readonly layer: SettingsLayer }> {
    return this.#attempt(() => this.#revision(id));
  }

  /** Adds a revision and puts it in force. When this answers `ok`, the revision survives a power cut. */
  save(layer: SettingsLayer, author: string): StoreResult<Revision> {
    return this.#add(layer, author, 'confirmed');
  }

  /** Adds a revision that is tried: a box that starts again has the one before it in force. */
  saveTrial(layer: SettingsLayer, author: string): StoreResult<Revision> {
    return this.#add(layer, author, 'trial');
  }

  /** Puts a revision in force for good; `UNKNOWN_REVISION` where it is not kept. */
  confirm(id: number): StoreResult<Revision> {
    return this.#attempt(() => {
      const confirm = this.#database.transaction(() => {
        const { layer: _, ...revision } = this.#revision(id);
        this.#settle(id, 'confirmed', null);
        this.#enforce(id);
        return { ...revision, outcome: 'confirmed' as const, reason: null };
      });
      return confirm.immediate();
    });
  }

  /** Notes that a trial came to nothing. What is in force does not change. */
  revert(id: number, reason: string): StoreResult<void> {
    return this.#attempt(() => this.#settle(id, 'reverted', reason));
  }

  /** Notes of trials that the box did not live through that they were interrupted; their numbers. */
  endTrials(): StoreResult<readonly number[]> {
    return this.#attempt(() =>
      this.#database
        .prepare<[], number>(
          "UPDATE revision SET outcome = 'interrupted' WHERE outcome = 'trial' RETURNING id",
        )
        .pluck()
        .all(),
    );
  }

  close(): void {
    this.#database.close();
  }

  #add(layer: SettingsLayer, author: string, outcome: 'confirmed' | 'trial'): StoreResult<Revision> {
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
        const base = this.#inForce();
        const insert = this.#database.prepare(
          'INSERT INTO revision (time, author, document, outcome, base) VALUES (?, ?, ?, ?, ?)',
        );
        const id = Number(insert.run(time, author, document, outcome, base).lastInsertRowid);
        if (outcome === 'confirmed') this.#enforce(id);
        this.#prune();
        return { id, time, author, outcome, reason: null, base };
      });
      return save.immediate();
    });
  }

  #inForce(): number | null {
    const select = this.#database.prepare<[], number>('SELECT revision FROM in_force').pluck();
    return select.get() ?? null;
  }

  #revision(id: number): Revision & { readonly layer: SettingsLayer } {
    const select = this.#database.prepare<[number], Revision & { document: string }>(
      `SELECT ${columns}, document FROM revision WHERE id = ?`,
    );
    const row = select.get(id);
    if (row === undefined) throw new StoreError('UNKNOWN_REVISION', `revision ${id} is not kept`);
    const { document, ...revision } = row;
    // A release may have narrowed the schema since the revision was saved, so its document is checked again.
    const parsed = parseSettingsLayer(document);
    if (!parsed.ok) throw invalid(parsed.problems);
    return { ...revision, layer: parsed.value };
  }

  #settle(id: number, outcome: RevisionOutcome, reason: string | null): void {
    const shown = reason?.slice(0, limits.reasonLength) ?? null;
    this.#database
      .prepare('UPDATE revision SET outcome = ?, reason = ? WHERE id = ?')
      .run(outcome, shown, id);
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
