import { copyFile, mkdir, mkdtemp, open as openFile, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FlowFilter } from '../../firmware/flows/flow-filter.ts';
import { type FlowRecord, flowDirections, flowReasons } from '../../firmware/flows/flow-record.ts';
import { type FlowBounds, FlowStore } from '../../firmware/store/flow-store.ts';
import type { StoreWarning } from '../../firmware/store/open-store.ts';
import type { StoreResult } from '../../firmware/store/store-error.ts';
import { storeFiles } from '../../firmware/system/store-files.ts';
import { addresses, anyFlow, madeFlow, names } from '../flows/made-flows.ts';

const day = 86_400_000;
const bounds: FlowBounds = { days: 30, mebibytes: 64 };

let directory: string;
let now = 0;
let warnings: StoreWarning[] = [];
let synced: string[] = [];
beforeEach(async () => {
  [now, warnings, synced] = [0, [], []];
  directory = await mkdtemp(join(tmpdir(), 'hithe-flows-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (wanted = bounds, where = directory) =>
  FlowStore.open(where, wanted, {
    files: {
      ...storeFiles,
      sync: (path) => {
        synced.push(path);
        return storeFiles.sync(path);
      },
    },
    now: () => now,
    pause: async () => undefined,
    warn: (warning) => warnings.push(warning),
  });

function succeeded<Value>(result: StoreResult<Value>): Value {
  if (!result.ok) throw result.error;
  return result.value;
}

const many = (count: number, make: (index: number) => Partial<FlowRecord> = () => ({})) =>
  Array.from({ length: count }, (_, index) => madeFlow({ port: index % 65_536, ...make(index) }));

async function all(store: FlowStore, filter: FlowFilter = {}, limit = 100) {
  const found: number[] = [];
  for (let before: number | null | undefined; before !== null; ) {
    const page = succeeded(await store.query(filter, { before, limit }));
    expect(page.flows.length).toBeLessThanOrEqual(limit);
    found.push(...page.flows.map(({ id }) => id));
    before = page.before;
  }
  return found;
}

describe('records', () => {
  test('come back as they were written, under numbers that grow, also from a file that was closed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyFlow, { maxLength: 20 }), async (flows) => {
        const where = await mkdtemp(join(directory, 'any-'));
        const store = await open(bounds, where);
        succeeded(store.add(flows));
        store.close();
        const again = await open(bounds, where);
        const expected = flows.map((flow, index) => ({ ...flow, id: index + 1 }));
        expect(succeeded(again.since(0, 100)).flows).toEqual(expected);
        expect(succeeded(again.newest())).toBe(flows.length);
        again.close();
      }),
      { numRuns: 30 },
    );
    expect(warnings).toEqual([]);
  });

  test('a follower gets all of them once, and learns what it has missed', async () => {
    const store = await open({ days: 1, mebibytes: 64 });
    succeeded(store.add(many(3)));
    expect(succeeded(store.since(0, 2))).toMatchObject({
      cursor: 2,
      missed: 0,
      flows: [{ id: 1 }, { id: 2 }],
    });
    expect(succeeded(store.since(2, 2))).toMatchObject({ cursor: 3, missed: 0, flows: [{ id: 3 }] });
    expect(succeeded(store.since(3, 2))).toEqual({ cursor: 3, missed: 0, flows: [] });
    now = 2 * day;
    while (succeeded(store.prune()));
    expect(succeeded(store.since(1, 2))).toEqual({ cursor: 3, missed: 2, flows: [] });
    succeeded(store.add(many(1, () => ({ end: now }))));
    expect(succeeded(store.since(1, 2))).toMatchObject({ cursor: 4, missed: 2, flows: [{ id: 4 }] });
    store.close();
  });

  test('pages lead through all of them, newest first, over many slices', async () => {
    const store = await open();
    for (let batch = 0; batch < 20; batch++) succeeded(store.add(many(1_000)));
    expect(await all(store, {}, 999)).toEqual(Array.from({ length: 20_000 }, (_, index) => 20_000 - index));
    expect(await all(store, { port: 7 }, 3)).toEqual(
      Array.from({ length: 20 }, (_, index) => (19 - index) * 1_000 + 8),
    );
    expect(await all(store, { port: 60_000 })).toEqual([]);
    store.close();
  });
});

describe('filters', () => {
  /** Slow, and written another way: by text and lists. */
  function isWanted(filter: FlowFilter, flow: FlowRecord): boolean {
    const octets = (text: string) =>
      text.includes(':')
        ? { '::': [0, 0], 'fd00::1': [0xfd00, 1], 'fd00::a:1': [0xfd00, 0xa_0001] }[text]
        : text.split('.').map(Number);
    const isAt = (wanted: string, end: FlowRecord['from']) => {
      if (wanted === '10.0.0.0/24') return end.address.startsWith('10.0.0.');
      if (wanted === 'fd00::/112') return end.address === 'fd00::1';
      if (wanted === '0.0.0.0/0') return end.address.includes('.');
      if ((addresses as readonly string[]).includes(wanted))
        return String(octets(wanted)) === String(octets(end.address));
      return [end.gateway, ...end.devices].includes(wanted);
    };
    const both = [flow.from, flow.to];
    const tests: Record<keyof FlowFilter, (value: never) => boolean> = {
      since: (value: number) => !(flow.end !== null && flow.end < value),
      until: (value: number) => !(flow.start > value),
      from: (value: string) => isAt(value, flow.from),
      to: (value: string) => isAt(value, flow.to),
      address: (value: string) => both.some((end) => isAt(value, end)),
      device: (value: string) => both.flatMap(({ devices }) => devices).includes(value),
      gateway: (value: string) => both.map(({ gateway }) => gateway).includes(value),
      label: (value: string) => both.flatMap(({ labels }) => labels).includes(value),
      protocol: (value: string) => flow.protocol === value,
      port: (value: number) => flow.port === value,
      direction: (value: string) => flow.direction === value,
      verdict: (value: string) => flow.verdict === value,
      reason: (value: string) => flow.reason === value,
      rule: (value: string) => [flow.rule, flow.staged?.rule].includes(value),
    };
    return Object.entries(filter).every(
      ([name, value]) => value === undefined || tests[name as keyof FlowFilter](value as never),
    );
  }

  const filterNames = [
    ...(['since', 'until', 'from', 'to', 'address', 'device', 'gateway', 'label'] as const),
    ...(['protocol', 'port', 'direction', 'verdict', 'rule', 'reason'] as const),
  ] satisfies (keyof FlowFilter)[];
  const anyWanted = fc.constantFrom(...names, ...addresses, '10.0.0.0/24', 'fd00::/112', '0.0.0.0/0', 'this');
  const everyFilter: fc.Arbitrary<Required<FlowFilter>> = fc.record({
    since: fc.nat({ max: 20 }),
    until: fc.nat({ max: 20 }),
    from: anyWanted,
    to: anyWanted,
    address: anyWanted,
    device: fc.constantFrom(...names),
    gateway: fc.constantFrom('this', ...names),
    label: fc.constantFrom(...names),
    protocol: fc.constantFrom('tcp', 'udp', 'icmp', '47'),
    port: fc.constantFrom(0, 53, 502),
    direction: fc.constantFrom(...flowDirections),
    verdict: fc.constantFrom('allow', 'deny'),
    rule: fc.constantFrom(...names),
    reason: fc.constantFrom(...flowReasons),
  });
  /** Of a few conditions, since all together leave nothing. */
  const anyFilter = fc
    .tuple(everyFilter, fc.subarray([...filterNames], { maxLength: 3 }))
    .map(([filter, chosen]): FlowFilter => Object.fromEntries(chosen.map((name) => [name, filter[name]])));

  test('find what a slow search finds', async () => {
    const flows = fc.sample(anyFlow, { numRuns: 600, seed: 5 });
    const store = await open();
    succeeded(store.add(flows));
    let [hits, tries] = [0, 0];
    await fc.assert(
      fc.asyncProperty(anyFilter, fc.integer({ min: 60, max: 400 }), async (filter, limit) => {
        const expected = flows.flatMap((flow, index) => (isWanted(filter, flow) ? [index + 1] : []));
        expect(await all(store, filter, limit)).toEqual(expected.toReversed());
        hits += expected.length > 0 ? 1 : 0;
        tries++;
      }),
      { numRuns: 60 },
    );
    expect(hits).toBeGreaterThan(tries / 4);
    store.close();
  });
});

describe('bounds', () => {
  test('what ended too long ago goes in small steps, the oldest first', async () => {
    const store = await open({ days: 1, mebibytes: 64 });
    succeeded(store.add(many(3_000, (index) => ({ end: index < 2_000 ? 0 : day }))));
    now = day;
    expect(succeeded(store.prune())).toBe(false);
    now = day + 1;
    const left: number[] = [];
    while (succeeded(store.prune())) left.push(succeeded(store.size()).records);
    expect(left).toEqual([1_976, 1_000]);
    store.close();
  });

  test('the database does not grow beyond its bound, whoever speaks with whomever', async () => {
    const store = await open({ days: 30, mebibytes: 2 });
    const from = (index: number) => ({
      ...{ address: `10.${index >>> 16}.${(index >>> 8) & 255}.${index & 255}` },
      ...{ devices: [], gateway: 'this', labels: ['zone=a-label-of-some-length'] },
    });
    for (let batch = 0; batch < 40; batch++) {
      succeeded(store.add(many(1_000, (index) => ({ from: from(batch * 1_000 + index) }))));
      while (succeeded(store.prune()));
      expect(succeeded(store.size()).octets).toBeLessThanOrEqual(2 * 1024 * 1024);
    }
    const { records } = succeeded(store.size());
    expect(records).toBeGreaterThan(5_000);
    // No end was taken away from a flow that is still there.
    expect((await all(store)).length).toBe(records);
    expect(succeeded(await store.query({ from: '10.0.156.63' }, { limit: 2 })).flows).toHaveLength(1);
    store.close();
    expect((await stat(join(directory, 'flows.v1.db'))).size).toBeLessThan(3 * 1024 * 1024);
  });

  test('a bound that is lowered gives its room back to the disk', async () => {
    const store = await open();
    for (let batch = 0; batch < 40; batch++) succeeded(store.add(many(1_000)));
    store.setBounds({ days: 30, mebibytes: 1 });
    while (succeeded(store.prune()));
    store.close();
    expect((await stat(join(directory, 'flows.v1.db'))).size).toBeLessThanOrEqual(1024 * 1024);
  });
});

describe('damage', () => {
  const corrupt = async (at: number, octets: number) => {
    const file = await openFile(join(directory, 'flows.v1.db'), 'r+');
    await file.write(new Uint8Array(octets).fill(0xa5), 0, octets, at);
    await file.close();
  };
  const asides = async () => (await readdir(directory)).filter((name) => name.startsWith('corrupt-'));

  test.each([
    ['a header', 0, 100],
    ['every page after the first', 4096, 4096 * 60],
  ])('in %s: the file is set aside, said so, and new records are kept', async (_, at, octets) => {
    const store = await open();
    succeeded(store.add(many(2_000)));
    store.close();
    await corrupt(at, octets);
    const again = await open();
    succeeded(again.add(many(2)));
    expect(warnings).toMatchObject([{ code: 'FLOWS_CORRUPT' }]);
    expect(await asides()).toEqual(['corrupt-19700101T000000000Z-flows.v1.db']);
    expect(await all(again)).toEqual([2, 1]);
    // A cursor of the file that is gone is above all numbers.
    expect(succeeded(again.since(2_000, 10))).toMatchObject({ cursor: 2, flows: [{ id: 1 }, { id: 2 }] });
    again.close();
  });

  test('a second damaged file takes the place of the first', async () => {
    for (const moment of [0, 1_000]) {
      now = moment;
      const store = await open();
      succeeded(store.add(many(10)));
      store.close();
      await corrupt(0, 100);
    }
    (await open()).close();
    expect(await asides()).toHaveLength(1);
  });

  test('a database of something else is not touched but set aside', async () => {
    const other = new SqliteDatabase(join(directory, 'flows.v1.db'));
    other.exec('CREATE TABLE mine (a)');
    other.close();
    const store = await open();
    expect(warnings).toMatchObject([{ code: 'FLOWS_CORRUPT' }]);
    store.close();
    const aside = new SqliteDatabase(join(directory, (await asides())[0] ?? ''), { readonly: true });
    expect(aside.prepare('SELECT name FROM sqlite_schema').pluck().all()).toEqual(['mine']);
    aside.close();
  });

  test('a log whose end a power cut took is read up to there', async () => {
    const store = await open();
    for (let batch = 0; batch < 5; batch++) succeeded(store.add(many(10)));
    const wal = join(directory, 'flows.v1.db-wal');
    const { size } = await stat(wal);
    const copy = join(directory, 'after-cut');
    await mkdir(copy);
    for (const suffix of ['', '-wal'])
      await copyFile(join(directory, `flows.v1.db${suffix}`), join(copy, `flows.v1.db${suffix}`));
    store.close();
    await truncate(join(copy, 'flows.v1.db-wal'), size - 100);
    const again = await open(bounds, copy);
    expect(warnings).toEqual([]);
    expect(succeeded(again.newest())).toBe(40);
    succeeded(again.add(many(1)));
    expect(succeeded(again.newest())).toBe(41);
    again.close();
  });

  test('what was written is synced once, beside a store that goes on', async () => {
    const store = await open();
    succeeded(await store.sync());
    expect(synced).toEqual([]);
    succeeded(store.add(many(10)));
    const syncing = store.sync();
    succeeded(store.add(many(10)));
    succeeded(await syncing);
    succeeded(await store.sync());
    succeeded(await store.sync());
    expect(synced).toEqual(new Array(2).fill(join(directory, 'flows.v1.db-wal')));
    store.close();
    // Another connection finds all of it, and no lock that was left.
    const again = await open();
    expect(succeeded(again.size()).records).toBe(20);
    again.close();
  });

  test('where nothing can be written, records are kept in memory', async () => {
    const store = await open(bounds, join(directory, 'not-there'));
    expect(store.persistent).toBe(false);
    expect(warnings).toMatchObject([{ code: 'FLOWS_NOT_KEPT' }]);
    succeeded(store.add(many(3)));
    expect(await all(store)).toEqual([3, 2, 1]);
    store.close();
  });
});
