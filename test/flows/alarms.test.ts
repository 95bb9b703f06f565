import { describe, expect, test } from 'vitest';
import {
  type AlarmState,
  activeAlarms,
  alarmLogRecord,
  type Observation,
  observeAlarms,
} from '../../firmware/flows/alarms.ts';
import { DeniedRates } from '../../firmware/flows/denied-rates.ts';
import { limits } from '../../firmware/flows/limits.ts';
import { aFlow } from './flow.fixture.ts';

const observation = (state: Observation['state'], subject = 'plant'): Observation => ({
  ...{ subject, state, reason: `${subject} is ${state}`, advice: 'See to it' },
});
const delays = { raiseMs: 100, clearMs: 50 };

/** Observes one subject at these times and tells what changed. */
function story(...steps: readonly (readonly [number, Observation['state'] | 'gone'])[]) {
  let state: AlarmState = new Map();
  const changes: string[] = [];
  for (const [steady, seen] of steps) {
    const observations = seen === 'gone' ? [] : [observation(seen)];
    const next = observeAlarms(
      state,
      { kind: 'tunnel-down', delays, observations },
      { wall: 5_000 + steady, steady },
    );
    state = next.state;
    changes.push(...next.changes.map(({ change }) => `${change} ${steady}`));
  }
  return { changes, active: activeAlarms(state).length, watched: state.size };
}

describe('an alarm, by what it was and what is seen', () => {
  test.each([
    ['well', [[0, 'good']], [], 0],
    ['well', [[0, 'between']], [], 0],
    ['well', [[0, 'bad']], [], 0],
    [
      'suspected, too short',
      [
        [0, 'bad'],
        [99, 'bad'],
      ],
      [],
      0,
    ],
    [
      'suspected, long enough',
      [
        [0, 'bad'],
        [100, 'bad'],
      ],
      ['raised 100'],
      1,
    ],
    [
      'suspected, then good',
      [
        [0, 'bad'],
        [50, 'good'],
        [100, 'bad'],
      ],
      [],
      0,
    ],
    [
      'suspected, then between',
      [
        [0, 'bad'],
        [50, 'between'],
        [149, 'bad'],
      ],
      [],
      0,
    ],
    [
      'suspected, then gone',
      [
        [0, 'bad'],
        [50, 'gone'],
        [149, 'bad'],
      ],
      [],
      0,
    ],
    [
      'raised, still bad',
      [
        [0, 'bad'],
        [100, 'bad'],
        [200, 'bad'],
      ],
      ['raised 100'],
      1,
    ],
    [
      'raised, between',
      [
        [0, 'bad'],
        [100, 'bad'],
        [900, 'between'],
        [999, 'between'],
      ],
      ['raised 100'],
      1,
    ],
    [
      'raised, good too short',
      [
        [0, 'bad'],
        [100, 'bad'],
        [110, 'good'],
        [159, 'good'],
      ],
      ['raised 100'],
      1,
    ],
    [
      'raised, good long enough',
      [
        [0, 'bad'],
        [100, 'bad'],
        [110, 'good'],
        [160, 'good'],
      ],
      ['raised 100', 'cleared 160'],
      0,
    ],
    [
      'raised, gone long enough',
      [
        [0, 'bad'],
        [100, 'bad'],
        [110, 'gone'],
        [160, 'gone'],
      ],
      ['raised 100', 'cleared 160'],
      0,
    ],
    [
      'calming, then bad again',
      [
        [0, 'bad'],
        [100, 'bad'],
        [110, 'good'],
        [140, 'bad'],
        [160, 'good'],
        [209, 'good'],
      ],
      ['raised 100'],
      1,
    ],
    [
      'calming, then between',
      [
        [0, 'bad'],
        [100, 'bad'],
        [110, 'good'],
        [140, 'between'],
        [170, 'good'],
        [219, 'good'],
      ],
      ['raised 100'],
      1,
    ],
  ] as const)('%s: %j', (_, steps, changes, active) => {
    expect(story(...steps)).toMatchObject({ changes, active });
  });

  test('keeps nothing of subjects that are well', () => {
    expect(story([0, 'bad'], [100, 'bad'], [200, 'good'], [250, 'good']).watched).toBe(0);
  });

  test('says what it was raised for, and when, by the clock for people', () => {
    const input = {
      kind: 'denied',
      delays: { raiseMs: 0, clearMs: 0 },
      observations: [observation('bad')],
    } as const;
    const raised = observeAlarms(new Map(), input, { wall: 7_000, steady: 1 });
    expect(raised.changes).toEqual([
      {
        change: 'raised',
        alarm: {
          ...{ kind: 'denied', subject: 'plant', reason: 'plant is bad', advice: 'See to it' },
          raisedAt: 7_000,
          clearedAt: null,
        },
      },
    ]);
    const later = { ...input, observations: [] };
    const [cleared] = observeAlarms(raised.state, later, { wall: 9_000, steady: 2 }).changes;
    expect(cleared).toMatchObject({ change: 'cleared', alarm: { reason: 'plant is bad', clearedAt: 9_000 } });
    const records = [...raised.changes, ...(cleared === undefined ? [] : [cleared])].map(alarmLogRecord);
    expect(records).toMatchObject([
      { kind: 'alarm', time: 7_000, severity: 'warning', text: 'plant is bad. See to it' },
      { kind: 'alarm', time: 9_000, severity: 'notice', text: 'Over: plant is bad.' },
    ]);
    expect(Object.fromEntries(records[1]?.attributes ?? [])).toMatchObject({
      'alarm.change': 'cleared',
      'alarm.cleared': 9_000,
    });
  });

  test('of one kind leaves those of others alone', () => {
    const none = { raiseMs: 0, clearMs: 0 };
    const now = { wall: 0, steady: 0 };
    const first = observeAlarms(
      new Map(),
      { kind: 'denied', delays: none, observations: [observation('bad')] },
      now,
    );
    const second = observeAlarms(first.state, { kind: 'tunnel-down', delays: none, observations: [] }, now);
    expect(activeAlarms(second.state)).toHaveLength(1);
  });

  test('as many as limits say; those that last are still followed', () => {
    const many = Array.from({ length: limits.alarms + 1 }, (_, index) => observation('bad', `d${index}`));
    const input = { kind: 'denied', delays: { raiseMs: 0, clearMs: 0 } } as const;
    const full = observeAlarms(new Map(), { ...input, observations: many }, { wall: 0, steady: 0 });
    expect(full.changes).toHaveLength(limits.alarms);
    const again = observeAlarms(
      full.state,
      { ...input, observations: many.slice(1) },
      { wall: 1, steady: 1 },
    );
    expect(again.changes.filter(({ change }) => change === 'cleared')).toHaveLength(1);
  });
});

describe('denied packets in a minute', () => {
  const denied = (from: string, packets: number) => aFlow({ from, to: '10.0.0.1', packets });

  test('are bad from the threshold on, and good below half of it', () => {
    const rates = new DeniedRates();
    for (const [from, packets] of [
      ['a', 100],
      ['b', 99],
      ['c', 50],
      ['d', 49],
    ] as const)
      rates.add(denied(from, packets));
    rates.add(denied('d', 0));
    rates.add(aFlow({ from: 'e', to: 'f', packets: 1_000, verdict: 'allow' }));
    const found = rates.take(100).map(({ subject, state }) => `${subject} ${state}`);
    expect(found).toEqual(['a bad', 'b between', 'c between', 'd good']);
    expect(rates.take(100)).toEqual([]);
  });

  test('of several flows of a device are one sum, under its name', () => {
    const rates = new DeniedRates();
    const flow = denied('10.0.0.9', 60);
    for (let count = 0; count < 2; count += 1)
      rates.add({ ...flow, from: { ...flow.from, devices: ['press'] } });
    expect(rates.take(100)).toMatchObject([{ subject: 'press', state: 'bad' }]);
  });

  test('of more senders than limits say are counted together', () => {
    const rates = new DeniedRates();
    for (let sender = 0; sender < limits.deniedSenders + 2; sender += 1) rates.add(denied(`s${sender}`, 1));
    const found = rates.take(2);
    expect(found).toHaveLength(limits.deniedSenders + 1);
    expect(found.filter(({ state }) => state === 'bad').map(({ subject }) => subject)).toEqual(['others']);
  });
});
