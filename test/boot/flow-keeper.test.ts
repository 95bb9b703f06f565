import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FlowKeeper } from '../../firmware/boot/flow-keeper.ts';
import type { Connection } from '../../firmware/flows/conntrack-messages.ts';
import type { FlowKernel } from '../../firmware/flows/flow-kernel.ts';
import { limits } from '../../firmware/flows/limits.ts';
import { pieceMs } from '../../firmware/flows/tracker.ts';
import { compilePolicy } from '../../firmware/policy/compile.ts';
import { type FlowBounds, FlowStore } from '../../firmware/store/flow-store.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { storeFiles } from '../../firmware/system/store-files.ts';

const { flows: settings } = defaultSettings;
const off = { ...settings, record: false };

/** A kernel whose connections a test names, and a clock that a test moves. */
class Scene implements FlowKernel {
  now = 1_000_000;
  ends: Connection[] = [];
  lives: Connection[] = [];
  isOpen = false;
  reads = 0;
  lanAddresses = ['192.168.1.1/24', 'fe80::1/64'];
  refuses: Error | null = null;
  bounds: FlowBounds[] = [];
  readonly said: string[] = [];
  readonly #timers = new Map<object, { readonly at: number; readonly callback: () => void }>();
  keeper: FlowKeeper;

  constructor(directory: string, stateMebibytes = 1_024) {
    const pause = async () => void (await nextTurn());
    const warn = ({ code }: { code: string }) => void this.said.push(code);
    this.keeper = new FlowKeeper({
      openKernel: async () => {
        if (this.refuses !== null) throw this.refuses;
        this.isOpen = true;
        return this;
      },
      openStore: (bounds) => {
        this.bounds.push(bounds);
        return FlowStore.open(directory, bounds, {
          files: storeFiles,

          now: () => this.now,
          pause,
          warn,
        });
      },
      stateMebibytes: () => stateMebibytes,
      interfaces: () => [{ kernelName: 'br-lan', addresses: this.lanAddresses }],
      now: () => this.now,
      setTimer: (milliseconds, callback) => {
        const timer = { close: () => void this.#timers.delete(timer) };
        this.#timers.set(timer, { at: this.now + milliseconds, callback });
        return timer;
      },
      ...{ pause, warn },
      log: (_, message) => this.said.push(message),
      clearWarning: (code) => this.said.push(`no ${code}`),
    });
    const { policy, overlay, network: told } = defaultSettings;
    const network = { ...told, lan: { ...told.lan, delegated: 0 } };
    const input = { policy, own: {}, peers: [] };
    const compiled = compilePolicy(input, new Map([['modbus', 1]]), 0);
    if (!compiled.ok) throw new Error(compiled.problem);
    const facts = { settings: { policy, overlay, network }, own: {}, lan: ['br-lan'], apart: [] };
    this.keeper.policyInForce({ since: 0, facts, input, compiled: compiled.value });
  }

  read(_: number, { ended }: Parameters<FlowKernel['read']>[1]): void {
    this.reads += 1;
    for (const connection of this.ends.splice(0)) ended(connection);
  }
  async dump(visit: (connection: Connection) => void): Promise<void> {
    for (const connection of this.lives) visit(connection);
  }
  lost = () => ({ connections: 4, packets: 2 });
  close(): void {
    this.isOpen = false;
  }

  /** Moves the clock, timer by timer; then lets what they began end. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.now + milliseconds;
    for (;;) {
      const due = [...this.#timers]
        .filter(([, { at }]) => at <= until)
        .toSorted(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) break;
      const [timer, { at, callback }] = due;
      this.#timers.delete(timer);
      this.now = at;
      callback();
      for (let turn = 0; turn < 3; turn++) await nextTurn();
    }
    this.now = until;
    for (let turn = 0; turn < 10; turn++) await nextTurn();
  }

  async recorded(): Promise<number[]> {
    const page = await this.keeper.query({}, { limit: 1_000 });
    if (!page.ok) throw page.error;
    return page.value.flows.map(({ port }) => port);
  }
}

const connection = (port: number, more: Partial<Connection> = {}): Connection => ({
  ...{ id: port, from: '192.168.1.10', to: '192.168.1.20', protocol: 6, port, mark: 1 },
  ...{
    start: 999_000,
    end: 1_000_000,
    sent: { packets: 1, bytes: 100 },
    received: { packets: 1, bytes: 100 },
  },
  ...more,
});

let directory: string;
let scene: Scene;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hithe-keeper-'));
  scene = new Scene(directory);
});
afterEach(async () => {
  await scene.keeper.close();
  await rm(directory, { recursive: true, force: true });
});

describe('recording', () => {
  test('writes within a second what the kernel told, in batches', async () => {
    await scene.keeper.apply(settings);
    scene.ends = Array.from({ length: 300 }, (_, port) => connection(port));
    await scene.pass(1_000);
    expect(await scene.recorded()).toEqual(Array.from({ length: 300 }, (_, index) => 299 - index));
    expect(scene.keeper.status()).toMatchObject({
      recording: true,
      persistent: true,
      records: 300,
      newest: 300,
    });
  });

  test('reads the kernel five times as often while much comes, so that little costs little', async () => {
    await scene.keeper.apply(settings);
    const readsIn = async (milliseconds: number, each = () => {}) => {
      scene.reads = 0;
      for (let past = 0; past < milliseconds; past += 200) {
        each();
        await scene.pass(200);
      }
      return scene.reads;
    };
    const much = () => {
      scene.ends = Array.from({ length: 600 }, (_, port) => connection(port));
    };
    expect(await readsIn(10_000)).toBe(10);
    expect(await readsIn(10_000, much)).toBeGreaterThanOrEqual(45);
    expect(await readsIn(10_000)).toBeLessThanOrEqual(11);
    const { records } = scene.keeper.status();
    expect(records).toBeGreaterThan(20_000);
  });

  test('lets records go that are too old, also where none come', async () => {
    await scene.keeper.apply({ ...settings, keep: { ...settings.keep, days: 1 } });
    scene.ends = [connection(1, { start: scene.now, end: scene.now })];
    await scene.pass(2_000);
    expect(await scene.recorded()).toEqual([1]);
    scene.now += 2 * 86_400_000;
    await scene.pass(10_000);
    expect(await scene.recorded()).toEqual([]);
  });

  test('ends with the settings, keeps what was written, and begins again', async () => {
    await scene.keeper.apply(settings);
    scene.ends = [connection(1)];
    await scene.keeper.apply(off);
    expect([scene.isOpen, await scene.recorded()]).toEqual([false, [1]]);
    scene.ends = [connection(2)];
    await scene.pass(5_000);
    expect(await scene.recorded()).toEqual([1]);
    await scene.keeper.apply(settings);
    await scene.pass(1_000);
    expect([scene.isOpen, await scene.recorded()]).toEqual([true, [2, 1]]);
  });

  test('makes pieces of connections that last', async () => {
    await scene.keeper.apply(settings);
    scene.lives = [connection(7, { start: scene.now, end: null })];
    await scene.pass(pieceMs - 1_000);
    expect(await scene.recorded()).toEqual([]);
    await scene.pass(600_000);
    expect(await scene.recorded()).toEqual([7]);
  });

  test('knows hosts of a delegated prefix as the gateway’s, from when it has it', async () => {
    const told = async () => {
      const page = await scene.keeper.query({}, { limit: 3 });
      return page.ok
        ? page.value.flows.map(({ from, to, direction }) => [from.gateway, to.gateway, direction])
        : [];
    };
    const [host, gateway] = ['2001:db8:ff00::50', '2001:db8:ff00::1'];
    const spoken = (start: number) => connection(443, { from: host, to: gateway, start, end: start + 1 });
    await scene.keeper.apply(settings);
    const before = scene.now;
    scene.lanAddresses = [...scene.lanAddresses, `${gateway}/64`];
    await scene.pass(2_000);
    scene.keeper.addressesChanged();
    scene.ends = [spoken(before), spoken(scene.now + 100)];
    await scene.pass(2_000);
    expect(await told()).toEqual([
      ['this', 'this', 'local'],
      [null, null, 'internet'],
    ]);
    // Another prefix: the one before is somebody else's.
    scene.lanAddresses = ['192.168.1.1/24', '2001:db8:ee00::1/64'];
    scene.keeper.addressesChanged();
    scene.ends = [spoken(scene.now + 100)];
    await scene.pass(2_000);
    expect((await told())[0]).toEqual([null, null, 'internet']);
  });

  test('keeps what it knew before where no address changed', async () => {
    await scene.keeper.apply(settings);
    const before = scene.now;
    await scene.pass(1_000);
    for (let change = 0; change < 2 * limits.policies; change++) {
      scene.lanAddresses = ['192.168.1.1/24', `fe80::${change + 1}/64`, '2001:db8:ff00::1/64'];
      scene.keeper.addressesChanged();
    }
    scene.ends = [connection(1, { from: '2001:db8:ff00::50', start: before, end: before + 1 })];
    await scene.pass(1_000);
    const page = await scene.keeper.query({}, { limit: 1 });
    expect(page.ok && page.value.flows[0]?.from.gateway).toBe(null);
  });

  test('that the kernel refuses is a warning, which goes once it does not', async () => {
    scene.refuses = new Error('not permitted');
    await scene.keeper.apply(settings);
    expect([scene.said, scene.keeper.status().recording]).toEqual([['FLOWS_NOT_RECORDED'], false]);
    scene.refuses = null;
    await scene.keeper.apply(settings);
    expect([scene.said.at(-1), scene.keeper.status().recording]).toEqual(['no FLOWS_NOT_RECORDED', true]);
  });

  test('takes a quarter of the state partition at most', async () => {
    await scene.keeper.apply(settings);
    const small = new Scene(await mkdtemp(join(directory, 'small-')), 400);
    await small.keeper.apply(settings);
    expect([scene.bounds, small.bounds]).toEqual([
      [{ days: 30, mebibytes: 256 }],
      [{ days: 30, mebibytes: 100 }],
    ]);
    await small.keeper.close();
  });

  test('says what was lost', async () => {
    expect(scene.keeper.status().lost.kernel).toEqual({ connections: 0, packets: 0 });
    await scene.keeper.apply(settings);
    expect(scene.keeper.status().lost).toEqual({
      kernel: { connections: 4, packets: 2 },
      tracker: { denied: 0, records: 0 },
      unwritten: 0,
    });
  });
});

describe('following', () => {
  const follow = (filter: object, cursor: number | null, waitMs: number) => {
    const asked = scene.keeper.follow(filter, cursor, waitMs);
    return asked.then((found) => {
      if (!found.ok) throw found.error;
      return { ports: found.value.flows.map(({ port }) => port), cursor: found.value.cursor };
    });
  };

  test('begins now, or where it left off', async () => {
    await scene.keeper.apply(settings);
    scene.ends = [connection(1), connection(2)];
    await scene.pass(1_000);
    expect(await follow({}, null, 0)).toEqual({ ports: [], cursor: 2 });
    expect(await follow({}, 1, 0)).toEqual({ ports: [2], cursor: 2 });
    expect(await follow({ port: 1 }, 0, 0)).toEqual({ ports: [1], cursor: 2 });
  });

  test('waits for a record that is wanted, and no longer than it was asked to', async () => {
    await scene.keeper.apply(settings);
    const wanted = follow({ port: 9 }, null, 10_000);
    scene.ends = [connection(8)];
    await scene.pass(2_000);
    scene.ends = [connection(9)];
    await scene.pass(2_000);
    expect(await wanted).toEqual({ ports: [9], cursor: 2 });
    const nothing = follow({ port: 10 }, 2, 5_000);
    await scene.pass(5_000);
    expect(await nothing).toEqual({ ports: [], cursor: 2 });
  });
});

describe('living connections', () => {
  test('are those that are wanted, and no more than were asked for', async () => {
    await scene.keeper.apply(settings);
    scene.lives = [connection(1), connection(2), connection(3)].map((one) => ({ ...one, end: null }));
    expect(await scene.keeper.live({ port: 2 }, 10)).toMatchObject([{ port: 2, end: null, rule: 'modbus' }]);
    expect(await scene.keeper.live({}, 2)).toHaveLength(2);
    await scene.keeper.apply(off);
    expect(await scene.keeper.live({}, 2)).toEqual([]);
  });
});
