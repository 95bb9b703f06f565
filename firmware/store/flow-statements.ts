import type { Database } from 'better-sqlite3';
import {
  type EndpointRow,
  endpointColumns,
  type FlowRow,
  flowColumns,
  type JoinedRow,
  selectFlows,
} from './flow-rows.ts';

export type FlowStatements = ReturnType<typeof prepareFlowStatements>;

/** What the records' store asks of its database. */
export function prepareFlowStatements(database: Database) {
  const insert = (table: string, columns: readonly string[], value = (name: string) => `:${name}`) =>
    `INSERT INTO ${table} (${columns.map((name) => `"${name}"`).join(', ')}) VALUES (${columns.map(value).join(', ')})`;
  return {
    database,
    insertFlow: database.prepare<[FlowRow[keyof FlowRow][]]>(insert('flow', flowColumns, () => '?')),
    insertEndpoint: database.prepare<[EndpointRow & { epoch: number }]>(
      insert('endpoint', ['epoch', ...endpointColumns]),
    ),
    last: database.prepare<[], { last: number }>(
      "SELECT seq AS last FROM sqlite_sequence WHERE name = 'flow'",
    ),
    bounds: database.prepare<[], { oldest: number | null; newest: number | null }>(
      'SELECT (SELECT min(id) FROM flow) AS oldest, (SELECT max(id) FROM flow) AS newest',
    ),
    since: database.prepare<[number, number], JoinedRow>(
      `${selectFlows} WHERE flow.id > ? ORDER BY flow.id LIMIT ?`,
    ),
    meetPair: database.prepare<[number, string]>('INSERT OR IGNORE INTO pair (met, name) VALUES (?, ?)'),
    forgetPairs: database.prepare<[number]>('DELETE FROM pair WHERE id <= (SELECT max(id) FROM pair) - ?'),
    firstPair: database.prepare<[], { met: number }>('SELECT met FROM pair ORDER BY id LIMIT 1'),
    readCursor: database.prepare<[string], { position: number }>(
      'SELECT position FROM cursor WHERE name = ?',
    ),
    writeCursor: database.prepare<[string, number]>(
      'INSERT INTO cursor (name, position) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET position = excluded.position',
    ),
    keepCursors: database.prepare<[string]>(
      'DELETE FROM cursor WHERE name NOT IN (SELECT value FROM json_each(?))',
    ),
    agedUntil: database.prepare<[number, number], { id: number | null }>(
      'SELECT max(id) AS id FROM (SELECT id, "end" FROM flow ORDER BY id LIMIT ?) WHERE "end" < ?',
    ),
    deleteUntil: database.prepare<[number]>('DELETE FROM flow WHERE id <= ?'),
    // Epochs ascend with the numbers of their ends: what is to go is at the front.
    deleteEnds: database.prepare<[number, number]>(
      'DELETE FROM endpoint WHERE id IN (SELECT id FROM (SELECT id, epoch FROM endpoint ORDER BY id LIMIT ?) WHERE epoch < ?)',
    ),
  };
}

/** Octets of a page, pages of the file, and those of them that are not in use. */
export function pagesOf(database: Database): {
  readonly size: number;
  readonly count: number;
  readonly free: number;
} {
  const number = (name: string) => Number(database.pragma(name, { simple: true }));
  return { size: number('page_size'), count: number('page_count'), free: number('freelist_count') };
}
