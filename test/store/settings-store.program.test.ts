import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import SqliteDatabase from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openNewest } from '../../firmware/store/database-file.ts';
import { limits } from '../../firmware/store/limits.ts';
import { type Migration, migrations as released } from '../../firmware/store/migrations.ts';
import { openSettingsStore, type StoreOptions, type StorePorts } from '../../firmware/store/open-store.ts';
import type { SettingsLayer } from '../../firmware/store/settings-schema.ts';
import { SettingsStore } from '../../firmware/store/settings-store.ts';
import type { StoreResult } from '../../firmware/store/store-error.ts';
import { storeFiles } from '../../firmware/system/store-files.ts';

let directory: string;
let moment = 0;
beforeEach(async () => {
  moment = 0;
  directory = await mkdtemp(join(tmpdir(), 'hithe-store-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Time moves on by a second with each question. */
const ports: StorePorts = { files: storeFiles, now: () => new Date(moment++ * 1000).toISOString() };
const open = (options?: StoreOptions) => openSettingsStore(directory, ports, options);
const layer = (hostname: string): SettingsLayer => ({ version: 1, hostname });

function succeeded<Value>(result: StoreResult<Value>): Value {
  if (!result.ok) throw result.error;
  return result.value;
}

describe('revisions', () => {
  test('a new store has none; what is saved is in force, also after it was closed', async () => {
    const first = await open();
    expect(first.warnings).toEqual([]);
    expect(first.store.persistent).toBe(true);
    expect(succeeded(first.store.current())).toBeUndefined();
    const one = {
      ...{ id: 1, time: '1970-01-01T00:00:00.000Z', author: 'web' },
      ...{ outcome: 'confirmed', reason: null, base: null },
    };
    expect(succeeded(first.store.save(layer('one'), 'web'))).toEqual(one);
    succeeded(first.store.save(layer('two'), 'command line'));
    first.store.close();
    const { store } = await open();
    const second = { ...one, id: 2, time: '1970-01-01T00:00:01.000Z', author: 'command line', base: 1 };
    expect(succeeded(store.current())).toEqual({ ...second, layer: layer('two') });
    expect(succeeded(store.revisions())).toEqual([second, one]);
    store.close();
  });

  test('an earlier revision is put in force again, and one that is not kept is not', async () => {
    const { store } = await open();
    for (const name of ['one', 'two', 'three']) succeeded(store.save(layer(name), 'web'));
    expect(succeeded(store.confirm(1))).toMatchObject({ id: 1 });
    expect(succeeded(store.current())).toMatchObject({ id: 1, layer: layer('one') });
    expect(store.confirm(9)).toMatchObject({ ok: false, error: { code: 'UNKNOWN_REVISION' } });
    expect(succeeded(store.current())).toMatchObject({ id: 1 });
    expect(succeeded(store.save(layer('four'), 'web')).id).toBe(4);
    store.close();
  });

  test('a document or an author that is none is not saved', async () => {
    const { store } = await open();
    const wrong = { version: 1, hostname: 'not a name' } as SettingsLayer;
    expect(store.save(wrong, 'web')).toMatchObject({
      error: { code: 'INVALID', problems: [{ path: 'hostname', problem: 'Invalid hostname' }] },
    });
    expect(store.save(layer('a'), '')).toMatchObject({ error: { code: 'INVALID' } });
    expect(store.save(layer('a'), 'x'.repeat(limits.authorLength + 1))).toMatchObject({
      error: { code: 'INVALID' },
    });
    expect(succeeded(store.revisions())).toEqual([]);
    expect(store.save(layer('a'), 'x'.repeat(limits.authorLength)).ok).toBe(true);
    store.close();
  });

  test('the oldest go when there are too many, the one in force stays', async () => {
    const { store } = await open();
    succeeded(store.save(layer('first'), 'web'));
    succeeded(store.save(layer('second'), 'web'));
    for (let count = 0; count < limits.revisions; count++) succeeded(store.save(layer('later'), 'web'));
    expect(succeeded(store.revisions()).map(({ id }) => id)).toEqual(
      Array.from({ length: limits.revisions }, (_, index) => limits.revisions + 2 - index),
    );
    store.close();
  });

  test('the oldest go when they are too large together', async () => {
    const { store } = await open();
    const host = `${'name.'.repeat(49)}example`;
    const peers = Array.from({ length: limits.peers }, (_, index) => ({
      name: `peer ${index}`.padEnd(limits.labelLength, '.'),
      uri: `hip://${host}:10500/2001:20::1`,
      protectedPrefixes: [],
    }));
    const large: SettingsLayer = { version: 1, overlay: { peers } };
    const size = JSON.stringify(large).length;
    const fitting = Math.floor(limits.revisionsSize / size);
    for (let count = 0; count < fitting + 2; count++) succeeded(store.save(large, 'web'));
    expect(succeeded(store.revisions())).toHaveLength(fitting);
    store.close();
  }, 60_000);

  test('a document that this release does not take any more is an error that names the field', async () => {
    const { store } = await open();
    succeeded(store.save(layer('good'), 'web'));
    store.close();
    const database = new SqliteDatabase(join(directory, 'settings.v2.db'));
    database.prepare('UPDATE revision SET document = ?').run('{"version":1,"gone":true}');
    database.close();
    const again = await open();
    expect(again.store.current()).toMatchObject({
      error: { code: 'INVALID', problems: [{ path: 'gone', problem: 'is no such setting' }] },
    });
    expect(again.store.save(layer('new'), 'web').ok).toBe(true);
    again.store.close();
  });
});

describe('trials', () => {
  test('are not in force until they are confirmed, also for a box that starts again', async () => {
    const { store } = await open();
    succeeded(store.save(layer('one'), 'web'));
    expect(succeeded(store.saveTrial(layer('two'), 'web'))).toMatchObject({
      id: 2,
      outcome: 'trial',
      base: 1,
    });
    expect(succeeded(store.current())?.id).toBe(1);
    store.close();
    const again = (await open()).store;
    expect(succeeded(again.current())).toMatchObject({ id: 1, layer: layer('one') });
    expect(succeeded(again.endTrials())).toEqual([2]);
    expect(succeeded(again.endTrials())).toEqual([]);
    expect(succeeded(again.revision(2))).toMatchObject({ outcome: 'interrupted', layer: layer('two') });
    expect(succeeded(again.saveTrial(layer('three'), 'web')).id).toBe(3);
    expect(succeeded(again.confirm(3))).toMatchObject({ outcome: 'confirmed' });
    expect(succeeded(again.current())).toMatchObject({ id: 3, outcome: 'confirmed' });
    again.close();
  });

  test('that come to nothing say why, at a length that a person reads', async () => {
    const { store } = await open();
    succeeded(store.saveTrial(layer('one'), 'web'));
    succeeded(store.revert(1, 'x'.repeat(limits.reasonLength + 1)));
    expect(succeeded(store.current())).toBeUndefined();
    const [revision] = succeeded(store.revisions());
    expect(revision).toMatchObject({ outcome: 'reverted', base: null });
    expect(revision?.reason).toHaveLength(limits.reasonLength);
    store.close();
  });
});

describe('the files', () => {
  test('all have mode 0600, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const { store } = await open();
      succeeded(store.save(layer('one'), 'web'));
      const names = await readdir(directory);
      expect(names).toContain('settings.v2.db-wal');
      for (const name of names)
        expect([name, (await stat(join(directory, name))).mode & 0o777]).toEqual([name, 0o600]);
      store.close();
    } finally {
      process.umask(before);
    }
  });

  test('a file that was readable for others is not after opening', async () => {
    (await open()).store.close();
    await chmod(join(directory, 'settings.v2.db'), 0o644);
    (await open()).store.close();
    expect((await stat(join(directory, 'settings.v2.db'))).mode & 0o777).toBe(0o600);
  });

  test('commits are synced: write-ahead log with synchronous=FULL (2)', () => {
    const database = openNewest(
      join(directory, 'settings.v2.db'),
      (path) => new SqliteDatabase(path),
      released,
    );
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(database.pragma('synchronous', { simple: true })).toBe(2);
    database.close();
  });

  test('a full disk is an error, and what was saved before stays in force', () => {
    const database = openNewest(
      join(directory, 'settings.v2.db'),
      (path) => new SqliteDatabase(path),
      released,
    );
    const store = new SettingsStore(database, { persistent: true, now: ports.now });
    succeeded(store.save(layer('before'), 'web'));
    // SQLite then answers SQLITE_FULL as it does where the disk has no room.
    database.pragma(`max_page_count = ${database.pragma('page_count', { simple: true })}`);
    const peers = Array.from({ length: 500 }, () => ({
      name: 'peer',
      uri: 'hip://192.0.2.1:10500/2001:20::1',
      protectedPrefixes: [],
    }));
    expect(store.save({ version: 1, overlay: { peers } }, 'web')).toMatchObject({ error: { code: 'FULL' } });
    expect(succeeded(store.current())).toMatchObject({ layer: layer('before') });
    store.close();
  });
});

describe('a power cut', () => {
  test('loses nothing that was confirmed', async () => {
    for (let round = 0; round < 3; round++) {
      const writer = spawn(process.execPath, [join(import.meta.dirname, 'writer.fixture.ts'), directory], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = new Promise((resolve) => writer.once('exit', resolve));
      const confirmed: string[] = [];
      for await (const line of createInterface({ input: writer.stdout })) {
        confirmed.push(line);
        // At another moment of the loop in each round.
        if (confirmed.length === 10 + 7 * round) writer.kill('SIGKILL');
      }
      await ended;
      const { store, warnings } = await open();
      expect(warnings).toEqual([]);
      for (const line of confirmed) {
        const [id, hostname] = line.split(' ');
        expect(succeeded(store.revision(Number(id))).layer).toEqual(layer(hostname ?? ''));
      }
      const last = Number(confirmed.at(-1)?.split(' ')[0]);
      expect(succeeded(store.current())?.id).toBeGreaterThanOrEqual(last);
      store.close();
    }
  }, 60_000);

  test('between the making of the file and its schema leaves a store that works', async () => {
    await writeFile(join(directory, 'settings.v2.db'), '');
    const { store, warnings } = await open();
    expect(warnings).toEqual([]);
    expect(store.save(layer('one'), 'web').ok).toBe(true);
    store.close();
  });
});

describe('a damaged database', () => {
  const fill = async () => {
    const { store } = await open();
    for (let count = 0; count < 20; count++) succeeded(store.save(layer(`host-${count}`), 'web'));
    store.close();
    return join(directory, 'settings.v2.db');
  };

  test.each<[string, (bytes: Buffer) => Buffer]>([
    [
      'of other content',
      () => Buffer.from('not a database at all, but long enough to be looked at '.repeat(100)),
    ],
    ['cut in the middle', (bytes) => bytes.subarray(0, Math.floor(bytes.length / 2))],
    ['with a page of noise', (bytes) => Buffer.from(bytes).fill(0xa5, 4096, 8192)],
    ['of another program', (bytes) => Buffer.from(bytes).fill(1, 68, 72)],
    ['of a schema version that its name does not say', (bytes) => Buffer.from(bytes).fill(1, 60, 64)],
  ])('%s is set aside whole, and a new one begun', async (_, damage) => {
    const path = await fill();
    const damaged = damage(await readFile(path));
    await writeFile(path, damaged);
    const { store, warnings } = await open();
    expect(warnings).toEqual([
      {
        code: 'SETTINGS_CORRUPT',
        message: expect.stringMatching(
          /damaged \(.+\) and are set aside as corrupt-[0-9TZ]+-settings\.v2\.db\.$/,
        ),
        advice: expect.stringMatching(/\.$/),
      },
    ]);
    const aside = (await readdir(directory)).filter((name) => /^corrupt-.*\.db$/.test(name));
    expect(aside).toHaveLength(1);
    expect((await readFile(join(directory, aside[0] ?? ''))).length).toBe(damaged.length);
    expect(store.persistent).toBe(true);
    expect(succeeded(store.current())).toBeUndefined();
    succeeded(store.save(layer('again'), 'web'));
    store.close();
    expect((await open()).warnings).toEqual([]);
  });

  test('a second one does not take the place of the first', async () => {
    const still: StorePorts = { files: storeFiles, now: () => '2026-01-01T00:00:00.000Z' };
    for (let round = 1; round <= 3; round++) {
      await writeFile(join(directory, 'settings.v2.db'), `noise ${round} `.repeat(1000));
      (await openSettingsStore(directory, still)).store.close();
    }
    const aside = (await readdir(directory)).filter((name) => name.startsWith('corrupt-'));
    expect(aside).toHaveLength(3);
  });
});

describe('a state partition that cannot be used', () => {
  test.each([
    ['is not there', async () => join(directory, 'missing')],
    [
      'has a folder in the place of the file',
      async () => {
        await mkdir(join(directory, 'settings.v2.db'));
        return directory;
      },
    ],
  ])('%s: the store is in memory, works, and says so', async (_, prepare) => {
    const { store, warnings } = await openSettingsStore(await prepare(), ports);
    expect(warnings).toMatchObject([{ code: 'SETTINGS_NOT_KEPT' }]);
    expect(store.persistent).toBe(false);
    succeeded(store.save(layer('one'), 'web'));
    expect(succeeded(store.current())).toMatchObject({ layer: layer('one') });
    store.close();
  });
});

describe('migrations', () => {
  test('version 1 to 2: revisions from before were confirmed', async () => {
    const first = openNewest(join(directory, 'settings.v1.db'), (path) => new SqliteDatabase(path), []);
    const insert = "INSERT INTO revision (time, author, document) VALUES ('then', 'web', ?)";
    first.prepare(insert).run(JSON.stringify(layer('old')));
    first.exec('INSERT INTO in_force VALUES (1, 1)');
    first.close();
    const { store, warnings } = await open();
    expect(warnings).toEqual([]);
    expect(succeeded(store.current())).toEqual({
      ...{ id: 1, time: 'then', author: 'web', outcome: 'confirmed', reason: null, base: null },
      layer: layer('old'),
    });
    store.close();
  });

  const addNote: Migration = (database) =>
    database.exec("ALTER TABLE revision ADD COLUMN note TEXT NOT NULL DEFAULT ''");
  const rename: Migration = (database) => {
    database.prepare("UPDATE revision SET author = 'migrated ' || author").run();
  };
  const fill = async () => {
    const { store } = await open();
    succeeded(store.save(layer('old'), 'web'));
    store.close();
  };

  test('work on a copy: the new release has the settings, the release before it still has its own', async () => {
    await fill();
    const newer = await open({ migrations: [...released, addNote, rename] });
    expect(newer.warnings).toEqual([]);
    expect(succeeded(newer.store.current())).toMatchObject({ layer: layer('old'), author: 'migrated web' });
    succeeded(newer.store.save(layer('new'), 'web'));
    newer.store.close();
    expect((await readdir(directory)).sort()).toEqual(['settings.v2.db', 'settings.v4.db']);
    expect((await stat(join(directory, 'settings.v4.db'))).mode & 0o777).toBe(0o600);
    const older = await open();
    expect(succeeded(older.store.current())).toMatchObject({ layer: layer('old'), author: 'web' });
    older.store.close();
    // A second start of the new release does not migrate again.
    const again = await open({ migrations: [...released, addNote, rename] });
    expect(succeeded(again.store.current())).toMatchObject({ layer: layer('new') });
    again.store.close();
  });

  test('start from the newest older version', async () => {
    await fill();
    const second = await open({ migrations: [...released, rename] });
    succeeded(second.store.save(layer('second'), 'web'));
    second.store.close();
    const third = await open({ migrations: [...released, rename, addNote] });
    expect(succeeded(third.store.current())).toMatchObject({ layer: layer('second') });
    third.store.close();
  });

  test('a new box gets the newest schema at once', async () => {
    const { store } = await open({ migrations: [...released, addNote] });
    store.close();
    const database = new SqliteDatabase(join(directory, 'settings.v3.db'));
    expect(database.prepare("SELECT name FROM pragma_table_info('revision')").pluck().all()).toContain(
      'note',
    );
    database.close();
  });

  test('one that fails leaves the original and no half-made file in its place', async () => {
    await fill();
    const failing: Migration = (database) => {
      rename(database);
      if (database.prepare('SELECT 1 FROM revision').get() !== undefined) throw new Error('no such luck');
    };
    const { store, warnings } = await open({ migrations: [...released, failing] });
    expect(warnings).toMatchObject([
      { code: 'SETTINGS_NOT_KEPT', message: expect.stringContaining('no such luck') },
    ]);
    expect(store.persistent).toBe(false);
    store.close();
    expect(await readdir(directory)).not.toContain('settings.v3.db');
    const fixed = await open({ migrations: [...released, rename] });
    expect(succeeded(fixed.store.current())).toMatchObject({ author: 'migrated web' });
    fixed.store.close();
  });

  test('a damaged original is set aside and the box starts anew', async () => {
    await writeFile(join(directory, 'settings.v2.db'), 'noise '.repeat(2000));
    const { store, warnings } = await open({ migrations: [...released, rename] });
    expect(warnings).toMatchObject([{ code: 'SETTINGS_CORRUPT' }]);
    expect(store.persistent).toBe(true);
    store.close();
  });
});
