import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AlarmKeeper, type AlarmPorts } from '../../firmware/boot/alarm-keeper.ts';
import type { FlowRecord } from '../../firmware/flows/flow-record.ts';
import { type AlarmsSettings, defaultAlarms } from '../../firmware/store/alarms-schema.ts';
import { FlowStore } from '../../firmware/store/flow-store.ts';
import { limits } from '../../firmware/store/limits.ts';
import { storeFiles } from '../../firmware/system/store-files.ts';
import { aFlow } from '../flows/flow.fixture.ts';

const hour = 3_600_000;
let folder: string;
let store: FlowStore;
let now: number;
let settings: AlarmsSettings;
let told: string[];
let lost: number;
let tunnels: { peer: string; connect: string; establishedAt: string | null; lastError: string | null }[];
let receivers: { name: string; problem: string | null }[];
let verdicts: { name: string; attestation?: 'passed' | 'failed' }[];
let alarms: AlarmKeeper;

const openStore = () =>
  FlowStore.open(
    folder,
    { days: 30, mebibytes: 64 },
    { files: storeFiles, now: () => now, pause: async () => undefined, warn: () => undefined },
  );
const ports = (): AlarmPorts => ({
  settings: () => settings,
  since: (cursor, limit) => store.since(cursor, limit),
  newest: () => store.newest(),
  meet: (pairs) => store.meet(pairs),
  lostFlows: () => lost,
  tunnels: () => tunnels,
  receivers: () => receivers,
  verdicts: () => verdicts,
  tell: ({ text }) => told.push(text),
  log: () => undefined,
  wall: () => now,
  steady: () => now,
  pause: async () => undefined,
});

beforeEach(async () => {
  [folder, now, told, lost, tunnels, receivers] = [
    mkdtempSync(join(tmpdir(), 'hithe-alarms-')),
    0,
    [],
    0,
    [],
    [],
  ];
  verdicts = [];
  settings = { ...defaultAlarms, newTalkers: true };
  store = await openStore();
  alarms = new AlarmKeeper(ports());
  await alarms.look();
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Records flows, lets so many milliseconds pass and looks again. */
async function passing(milliseconds: number, ...flows: readonly FlowRecord[]): Promise<readonly string[]> {
  store.add(flows);
  now += milliseconds;
  await alarms.look();
  return alarms.active().map(({ kind, subject }) => `${kind} ${subject}`);
}
const allowed = (from: string, to: string) => aFlow({ from, to, reason: 'rule', verdict: 'allow' });

describe('what alarms are raised for', () => {
  test('denied packets of a device, by the minute', async () => {
    const flood = aFlow({ from: '10.0.0.9', to: '10.0.0.1', packets: settings.deniedPerMinute });
    expect(await passing(30_000, flood)).toEqual([]);
    expect(await passing(30_000)).toEqual(['denied 10.0.0.9']);
    expect(await passing(60_000)).toEqual(['denied 10.0.0.9']);
    expect(await passing(60_000)).toEqual(['denied 10.0.0.9']);
    expect(await passing(60_000)).toEqual([]);
    expect(alarms.over()).toMatchObject([{ kind: 'denied', clearedAt: 240_000 }]);
    settings = { ...settings, deniedPerMinute: 0 };
    await passing(0, flood);
    expect(await passing(60_000)).toEqual([]);
  });

  test('a tunnel that is always wanted, and is down', async () => {
    const tunnel = { peer: 'plant', connect: 'always', establishedAt: null, lastError: 'no answer' };
    tunnels = [tunnel, { ...tunnel, peer: 'idle', connect: 'on-demand' }];
    expect(await passing(0)).toEqual([]);
    expect(await passing(settings.tunnelDownMinutes * 60_000)).toEqual(['tunnel-down plant']);
    expect(told).toEqual([
      expect.stringContaining('The tunnel to plant is down: no answer. See hithe tunnel list'),
    ]);
    tunnels = [{ ...tunnel, establishedAt: '2026-06-01T12:00:00Z' }];
    expect(await passing(1_000)).toEqual(['tunnel-down plant']);
    expect(await passing(60_000)).toEqual([]);
    expect(told[1]).toMatch(/^Over: /);
  });

  test('flows that are not recorded, until none was lost for ten minutes', async () => {
    lost = 5;
    expect(await passing(5_000)).toEqual(['flows-lost records']);
    expect(await passing(5_000)).toEqual(['flows-lost records']);
    expect(await passing(600_000)).toEqual([]);
    // Counters begin anew with the runtime.
    lost = 0;
    expect(await passing(5_000)).toEqual([]);
  });

  test('a receiver that takes nothing', async () => {
    receivers = [{ name: 'siem', problem: 'ECONNREFUSED' }];
    expect(await passing(0)).toEqual([]);
    expect(await passing(settings.receiverDownMinutes * 60_000)).toEqual(['receiver-down siem']);
    settings = { ...settings, receiverDownMinutes: 0 };
    await passing(0);
    expect(await passing(60_000)).toEqual([]);
  });

  test('two ends that never spoke, once the box knows who usually does, and not again after a restart', async () => {
    expect(await passing(0, allowed('10.0.0.1', '10.0.0.2'))).toEqual([]);
    expect(
      await passing(
        settings.newTalkersAfterHours * hour,
        allowed('10.0.0.1', '10.0.0.2'),
        allowed('10.0.0.1', '10.0.0.3'),
      ),
    ).toEqual(['new-talker 10.0.0.1 > 10.0.0.3']);
    expect(await passing(1_000, allowed('10.0.0.1', '10.0.0.3'))).toEqual(['new-talker 10.0.0.1 > 10.0.0.3']);
    expect(await passing(hour)).toEqual([]);
    store.close();
    store = await openStore();
    alarms = new AlarmKeeper(ports());
    await alarms.look();
    expect(await passing(0, allowed('10.0.0.1', '10.0.0.3'))).toEqual([]);
    expect(await passing(0, allowed('10.0.0.3', '10.0.0.1'))).toEqual(['new-talker 10.0.0.3 > 10.0.0.1']);
    // What is denied has an alarm of its own, and everybody on the internet is new.
    const others = [
      aFlow({ from: '10.0.0.24', to: '10.0.0.25' }),
      { ...allowed('10.0.0.1', '10.0.0.26'), direction: 'internet' as const },
    ];
    expect(await passing(0, ...others)).toEqual(['new-talker 10.0.0.3 > 10.0.0.1']);
    settings = { ...settings, newTalkers: false };
    expect(await passing(0, allowed('10.0.0.4', '10.0.0.1'))).toEqual(['new-talker 10.0.0.3 > 10.0.0.1']);
  });
});

test('the pairs that are remembered are bounded, the oldest go', () => {
  const pairs = Array.from({ length: limits.pairs + 1 }, (_, index) => `pair ${index}`);
  const met = store.meet(pairs);
  expect(met.ok && met.value.fresh.length).toBe(limits.pairs + 1);
  const again = store.meet(['pair 1', `pair ${limits.pairs}`]);
  expect(again).toMatchObject({ ok: true, value: { fresh: [] } });
  expect(store.meet(['pair 0'])).toMatchObject({ ok: true, value: { fresh: ['pair 0'] } });
});

test('a peer whose verdict fails or lapses, until a verifier affirms it again', async () => {
  verdicts = [{ name: 'plant', attestation: 'passed' }, { name: 'depot' }];
  expect(await passing(1000)).toEqual([]);
  verdicts = [{ name: 'plant', attestation: 'failed' }, { name: 'depot' }];
  expect(await passing(1000)).toEqual(['attestation plant']);
  expect(told.at(-1)).toContain('A verifier says that plant is not as it should be');
  verdicts = [{ name: 'plant', attestation: 'passed' }, { name: 'depot' }];
  await passing(1000);
  expect(await passing(1000)).toEqual([]);
  verdicts = [{ name: 'plant' }, { name: 'depot' }];
  expect(await passing(1000)).toEqual(['attestation plant']);
  expect(told.at(-1)).toContain('What verifiers said of plant has lapsed');
  settings = { ...settings, failedVerdicts: false };
  await passing(1000);
  expect(await passing(1000)).toEqual([]);
});
