import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AuditEntry, AuditStore, auditDatabaseName } from '../../firmware/store/audit-store.ts';
import { limits } from '../../firmware/store/limits.ts';
import type { StoreWarning } from '../../firmware/store/open-store.ts';
import type { StoreResult } from '../../firmware/store/store-error.ts';
import { storeFiles } from '../../firmware/system/store-files.ts';

const day = 86_400_000;
const start = Date.UTC(2026, 5, 1);
let directory: string;
let now = start;
let warnings: StoreWarning[] = [];
const opened: AuditStore[] = [];
beforeEach(async () => {
  [now, warnings] = [start, []];
  directory = await mkdtemp(join(tmpdir(), 'hithe-audit-'));
});
afterEach(async () => {
  for (const store of opened.splice(0)) store.close();
  await rm(directory, { recursive: true, force: true });
});

async function open(where = directory): Promise<AuditStore> {
  const store = await AuditStore.open(where, {
    ...{ files: storeFiles, now: () => now },
    warn: (warning) => warnings.push(warning),
  });
  opened.push(store);
  return store;
}

function succeeded<Value>(result: StoreResult<Value>): Value {
  if (!result.ok) throw result.error;
  return result.value;
}

const entry = (change: Partial<AuditEntry> = {}): AuditEntry => ({
  ...{ who: 'ada', from: '192.168.1.50', act: 'config apply', what: 'revision 3', outcome: 'done' },
  ...change,
});
const acts = (store: AuditStore) => succeeded(store.page({ limit: 100_000 })).entries.map(({ act }) => act);
/** Rows as fast as they can be made; what is counted is what the store leaves of them. */
function fill(count: number, outcome: AuditEntry['outcome'], time = now): void {
  const database = new SqliteDatabase(join(directory, auditDatabaseName));
  database
    .prepare(
      `WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < ?)
       INSERT INTO entry (time, who, origin, act, what, outcome) SELECT ?, 'x', NULL, 'old', '', ? FROM many`,
    )
    .run(count, time, outcome);
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
}

describe('the audit', () => {
  test('comes back newest first, in pages, after a restart', async () => {
    const store = await open();
    for (let index = 1; index <= 5; index++) succeeded(store.add(entry({ act: `act ${index}` })));
    store.close();
    opened.pop();
    const again = await open();
    const first = succeeded(again.page({ limit: 2 }));
    expect(first).toMatchObject({ entries: [{ id: 5, act: 'act 5', time: start }, { id: 4 }], before: 4 });
    const second = succeeded(again.page({ limit: 3, before: first.before ?? 0 }));
    expect(second).toMatchObject({ entries: [{ id: 3 }, { id: 2 }, { id: 1 }], before: null });
    expect(first.entries[0]).toEqual({ ...entry({ act: 'act 5' }), id: 5, time: start });
    expect(warnings).toEqual([]);
  });

  test('lies in a file for its owner alone', async () => {
    await open();
    expect((await stat(join(directory, auditDatabaseName))).mode & 0o777).toBe(0o600);
  });

  test('keeps as many acts as limits say', async () => {
    const store = await open();
    fill(limits.auditEntries, 'done');
    succeeded(store.add(entry()));
    expect(acts(store)).toHaveLength(limits.auditEntries);
    expect(succeeded(store.page({ limit: 1, before: 3 })).entries).toMatchObject([{ id: 2 }]);
    expect(succeeded(store.page({ limit: 1, before: 2 })).entries).toEqual([]);
  });

  test('a flood of refusals pushes out refusals, and nothing that was done', async () => {
    const store = await open();
    succeeded(store.add(entry({ act: 'user add' })));
    fill(limits.auditRefusals, 'refused');
    for (let index = 0; index < 10; index++)
      succeeded(store.add(entry({ act: 'sign in', outcome: 'refused' })));
    const kept = acts(store);
    expect(kept.filter((act) => act === 'old')).toHaveLength(limits.auditRefusals - 10);
    expect(kept.at(-1)).toBe('user add');
  });

  test('forgets what is too old, a little each time: a wrong clock does not empty it', async () => {
    const store = await open();
    fill(100, 'done');
    now += limits.auditDays * day;
    succeeded(store.add(entry()));
    expect(acts(store)).toHaveLength(101);
    now += 1;
    succeeded(store.add(entry()));
    expect(acts(store)).toHaveLength(94);
  });

  test('keeps what a clock wrote that nobody had set', async () => {
    const store = await open();
    now = 5_000;
    succeeded(store.add(entry({ act: 'claim' })));
    now = start;
    succeeded(store.add(entry()));
    expect(acts(store)).toEqual(['config apply', 'claim']);
  });

  test('cuts texts, and takes every text as a text', async () => {
    const store = await open();
    const long = 'x'.repeat(limits.auditLength + 1);
    const hostile = `'); DROP TABLE entry; -- \u202e\0\n`;
    succeeded(store.add({ who: long, from: hostile, act: hostile, what: long, outcome: 'failed' }));
    expect(succeeded(store.page({ limit: 1 })).entries).toMatchObject([
      { who: long.slice(1), from: hostile, act: hostile, what: long.slice(1) },
    ]);
  });

  test.each([
    ['no database', 'rubbish '.repeat(1000)],
    ['a database of something else', null],
  ])('%s in its place is set aside and a new one begun', async (_, text) => {
    const path = join(directory, auditDatabaseName);
    if (text !== null) await writeFile(path, text);
    else new SqliteDatabase(path).exec('CREATE TABLE other (x)').close();
    const store = await open();
    succeeded(store.add(entry()));
    expect(acts(store)).toHaveLength(1);
    expect(warnings.map(({ code }) => code)).toEqual(['AUDIT_CORRUPT']);
    expect((await readdir(directory)).some((name) => name.startsWith('corrupt-'))).toBe(true);
  });

  test('a file that is damaged while it is open is set aside, and what is done then is kept', async () => {
    const store = await open();
    fill(3000, 'done');
    await writeFile(join(directory, auditDatabaseName), Buffer.alloc(1024 * 1024, 0x5a));
    succeeded(store.add(entry({ act: 'after' })));
    expect(acts(store)).toContain('after');
    expect(warnings.map(({ code }) => code)).toEqual(['AUDIT_CORRUPT']);
  });

  test('without a disk it goes on in memory, and says so', async () => {
    const store = await open('/nonexistent');
    succeeded(store.add(entry()));
    expect(acts(store)).toHaveLength(1);
    expect(warnings.map(({ code }) => code)).toEqual(['AUDIT_NOT_KEPT']);
  });
});
