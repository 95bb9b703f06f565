import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ConsoleFacts } from '../../firmware/console/console-facts.ts';
import {
  type ConsoleInput,
  type ConsoleState,
  type Job,
  transition,
} from '../../firmware/console/console-machine.ts';
import { decodeKeys, firstDecoderState, type Key } from '../../firmware/console/keys.ts';
import { limits } from '../../firmware/console/limits.ts';
import { drawScreen, paint } from '../../firmware/console/screens.ts';
import { unclaimed } from './facts.ts';

const claimed: ConsoleFacts = { ...unclaimed, claimCode: null };
const trial = {
  revision: 7,
  author: 'console',
  seconds: 120,
  secondsLeft: 42,
  automatic: false,
  missing: null,
};
const onTrial: ConsoleFacts = { ...claimed, status: { ...claimed.status, trial }, shellAllowed: true };
const { hostname, identity } = unclaimed.status;

const restart: Job = { kind: 'restart' };
const keep: Job = { kind: 'keep' };

const states = {
  status: { at: 'status' },
  menu: { at: 'menu' },
  network: { at: 'network' },
  reset: { at: 'reset' },
  'ask lan': { at: 'ask', form: 'lan', given: [], typed: '10.0.0.1/24' },
  'ask lan, empty': { at: 'ask', form: 'lan', given: [], typed: '' },
  'ask uplink': { at: 'ask', form: 'uplink-static', given: [], typed: '10.0.0.2/24' },
  'ask gateway, empty': { at: 'ask', form: 'uplink-static', given: ['10.0.0.2/24'], typed: '' },
  'guard, right word': { at: 'guard', act: 'restart', typed: 'restart', wrong: false },
  'guard, wrong word': { at: 'guard', act: 'reset-new', typed: `${hostname}x`, wrong: false },
  'guard, empty': { at: 'guard', act: 'power-off', typed: '', wrong: true },
  working: { at: 'working', job: restart },
  told: { at: 'told', ok: false, lines: ['no'], job: restart },
  'told of the network': { at: 'told', ok: true, lines: [], job: keep },
} satisfies Record<string, ConsoleState>;
type StateName = keyof typeof states;

const character = (letter: string): ConsoleInput => ({
  kind: 'key',
  key: { kind: 'character', character: letter },
});
const inputs = {
  enter: { kind: 'key', key: { kind: 'enter' } },
  erase: { kind: 'key', key: { kind: 'erase' } },
  cancel: { kind: 'key', key: { kind: 'cancel' } },
  redraw: { kind: 'key', key: { kind: 'redraw' } },
  '0': character('0'),
  '1': character('1'),
  '5': character('5'),
  x: character('x'),
  idle: { kind: 'idle' },
  'done, its own': { kind: 'done', job: restart, ok: true, lines: [] },
  'done, another': { kind: 'done', job: { ...restart }, ok: true, lines: [] },
} satisfies Record<string, ConsoleInput>;
type InputName = keyof typeof inputs;

/** A state in a few characters: where, what is typed, and what is asked for in brackets. */
function short(state: ConsoleState, effects: readonly Job[] = []): string {
  const details = {
    ...('typed' in state ? { typed: `"${state.typed}"` } : {}),
    ...('given' in state ? { given: state.given.length } : {}),
    ...('wrong' in state && state.wrong ? { wrong: '!' } : {}),
  };
  const wanted = effects.map((job) => `[${job.kind}]`);
  return [state.at, ...Object.values(details), ...wanted].join(' ');
}

/** What every input makes of every state; `=` leaves it as it is. Facts: claimed, nothing on trial, no shell. */
const table: Record<StateName, Record<InputName, string>> = {
  status: {
    ...{ enter: 'menu', erase: '=', cancel: '=', redraw: '=', '0': '=', '1': '=', '5': '=', x: '=' },
    ...{ idle: '=', 'done, its own': '=', 'done, another': '=' },
  },
  menu: {
    ...{ enter: '=', erase: '=', cancel: 'status', redraw: '=', '0': 'status', '1': 'network' },
    ...{ '5': 'guard ""', x: '=', idle: 'status', 'done, its own': '=', 'done, another': '=' },
  },
  network: {
    ...{ enter: '=', erase: '=', cancel: 'menu', redraw: '=', '0': 'menu', '1': 'ask "" 0' },
    // Nothing is on trial that could be kept.
    ...{ '5': '=', x: '=', idle: 'status', 'done, its own': '=', 'done, another': '=' },
  },
  reset: {
    ...{ enter: '=', erase: '=', cancel: 'menu', redraw: '=', '0': 'menu', '1': 'guard ""' },
    ...{ '5': '=', x: '=', idle: 'status', 'done, its own': '=', 'done, another': '=' },
  },
  'ask lan': {
    ...{ enter: 'working [try]', erase: 'ask "10.0.0.1/2" 0', cancel: 'network', redraw: '=' },
    ...{ '0': 'ask "10.0.0.1/240" 0', '1': 'ask "10.0.0.1/241" 0', '5': 'ask "10.0.0.1/245" 0' },
    ...{ x: 'ask "10.0.0.1/24x" 0', idle: 'status', 'done, its own': '=', 'done, another': '=' },
  },
  'ask lan, empty': {
    ...{ enter: 'network', erase: '=', cancel: 'network', redraw: '=', '0': 'ask "0" 0' },
    ...{ '1': 'ask "1" 0', '5': 'ask "5" 0', x: 'ask "x" 0', idle: 'status' },
    ...{ 'done, its own': '=', 'done, another': '=' },
  },
  'ask uplink': {
    ...{ enter: 'ask "" 1', erase: 'ask "10.0.0.2/2" 0', cancel: 'network', redraw: '=' },
    ...{ '0': 'ask "10.0.0.2/240" 0', '1': 'ask "10.0.0.2/241" 0', '5': 'ask "10.0.0.2/245" 0' },
    ...{ x: 'ask "10.0.0.2/24x" 0', idle: 'status', 'done, its own': '=', 'done, another': '=' },
  },
  'ask gateway, empty': {
    ...{ enter: 'working [try]', erase: '=', cancel: 'network', redraw: '=', '0': 'ask "0" 1' },
    ...{ '1': 'ask "1" 1', '5': 'ask "5" 1', x: 'ask "x" 1', idle: 'status' },
    ...{ 'done, its own': '=', 'done, another': '=' },
  },
  'guard, right word': {
    ...{ enter: 'working [restart]', erase: 'guard "restar"', cancel: 'menu', redraw: '=' },
    ...{ '0': 'guard "restart0"', '1': 'guard "restart1"', '5': 'guard "restart5"', x: 'guard "restartx"' },
    ...{ idle: 'status', 'done, its own': '=', 'done, another': '=' },
  },
  'guard, wrong word': {
    ...{ enter: 'guard "" !', erase: `guard "${hostname}"`, cancel: 'menu', redraw: '=' },
    ...{ '0': `guard "${hostname}x0"`, '1': `guard "${hostname}x1"`, '5': `guard "${hostname}x5"` },
    ...{ x: `guard "${hostname}xx"`, idle: 'status', 'done, its own': '=', 'done, another': '=' },
  },
  'guard, empty': {
    ...{ enter: 'menu', erase: 'guard ""', cancel: 'menu', redraw: '=', '0': 'guard "0"', '1': 'guard "1"' },
    ...{ '5': 'guard "5"', x: 'guard "x"', idle: 'status', 'done, its own': '=', 'done, another': '=' },
  },
  working: {
    ...{ enter: '=', erase: '=', cancel: '=', redraw: '=', '0': '=', '1': '=', '5': '=', x: '=' },
    ...{ idle: '=', 'done, its own': 'told', 'done, another': '=' },
  },
  told: {
    ...{ enter: 'status', erase: '=', cancel: 'status', redraw: '=', '0': '=', '1': '=', '5': '=', x: '=' },
    ...{ idle: 'status', 'done, its own': '=', 'done, another': '=' },
  },
  'told of the network': {
    ...{ enter: 'network', erase: '=', cancel: 'network', redraw: '=', '0': '=', '1': '=', '5': '=', x: '=' },
    ...{ idle: 'status', 'done, its own': '=', 'done, another': '=' },
  },
};

const names = <Name extends string>(of: Record<Name, unknown>) => Object.keys(of) as Name[];

describe('every state and input', () => {
  for (const stateName of names(states))
    for (const inputName of names(inputs))
      test(`${stateName}, ${inputName}`, () => {
        const state = states[stateName];
        const next = transition(state, inputs[inputName], claimed);
        const expected = table[stateName][inputName];
        if (expected !== '=') return expect(short(next.state, next.effects)).toBe(expected);
        expect(next).toEqual({ state, effects: [] });
      });
});

/** Types from the status on. */
function walk(typed: string, facts: ConsoleFacts): { state: ConsoleState; effects: Job[] } {
  let state: ConsoleState = { at: 'status' };
  const effects: Job[] = [];
  const { keys } = decodeKeys(firstDecoderState, new TextEncoder().encode(typed));
  for (const key of keys) {
    const next = transition(state, { kind: 'key', key }, facts);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects };
}

describe('what the menu leads to', () => {
  test.each<[string, ConsoleFacts, readonly Job[]]>([
    ['\r112001:db8::1/24\r', claimed, [{ kind: 'try', change: { kind: 'lan', address: '2001:db8::1/24' } }]],
    ['\r1210.0.0.1/24\r', claimed, [{ kind: 'try', change: { kind: 'management', address: '10.0.0.1/24' } }]],
    ['\r13', claimed, [{ kind: 'try', change: { kind: 'uplink-dhcp' } }]],
    [
      '\r1410.1.1.2/24\r\r',
      claimed,
      [{ kind: 'try', change: { kind: 'uplink-static', address: '10.1.1.2/24', gateway: null } }],
    ],
    [
      '\r1410.1.1.2/24\r 10.1.1.1 \r',
      claimed,
      [{ kind: 'try', change: { kind: 'uplink-static', address: '10.1.1.2/24', gateway: '10.1.1.1' } }],
    ],
    ['\r15', onTrial, [{ kind: 'keep' }]],
    ['\r16', onTrial, [{ kind: 'take-back' }]],
    ['\r2', claimed, [{ kind: 'recovery-code' }]],
    ['\r3replace\r', claimed, [{ kind: 'replace-identity', hit: identity.hit ?? '' }]],
    [`\r41${hostname}\r`, claimed, [{ kind: 'factory-reset', identity: 'kept' }]],
    [`\r42${hostname}\r`, claimed, [{ kind: 'factory-reset', identity: 'new' }]],
    ['\r6off\r', claimed, [{ kind: 'power-off' }]],
    ['\r7', onTrial, [{ kind: 'shell' }]],
  ])('%j', (typed, facts, jobs) => {
    expect(walk(typed, facts).effects).toEqual(jobs);
  });

  test('no shell where the settings do not allow one, and no new password before there is one', () => {
    expect(walk('\r7', claimed)).toEqual({ state: { at: 'menu' }, effects: [] });
    expect(walk('\r2', unclaimed)).toEqual({ state: { at: 'menu' }, effects: [] });
    expect(drawScreen({ at: 'menu' }, claimed).join('\n')).not.toMatch(/shell/i);
    expect(drawScreen({ at: 'menu' }, onTrial).join('\n')).toMatch(/shell/i);
  });

  test('an identity that is only known from before, and one that nobody knows', () => {
    const without = (formerHit: string | null): ConsoleFacts => ({
      ...claimed,
      status: { ...claimed.status, identity: { ...identity, hit: null, formerHit } },
    });
    expect(walk('\r3replace\r', without('2001:22::7')).effects).toMatchObject([{ hit: '2001:22::7' }]);
    expect(walk('\r3replace\r', without(null)).effects).toMatchObject([{ hit: 'none' }]);
  });
});

describe('whatever is typed', () => {
  const keys = fc.array(
    fc.oneof(
      fc.constantFrom<Key>({ kind: 'enter' }, { kind: 'erase' }, { kind: 'cancel' }, { kind: 'redraw' }),
      fc.string({ minLength: 1, maxLength: 1 }).map((one): Key => ({ kind: 'character', character: one })),
    ),
    { maxLength: 300 },
  );

  test('what is typed stays bounded, and every screen is 80 × 24 of printable ASCII', () => {
    fc.assert(
      fc.property(keys, (pressed) => {
        let state: ConsoleState = { at: 'status' };
        for (const key of pressed) state = transition(state, { kind: 'key', key }, onTrial).state;
        if ('typed' in state) expect(state.typed.length).toBeLessThanOrEqual(limits.answerLength);
        const lines = drawScreen(state, onTrial);
        expect(lines.length).toBeLessThanOrEqual(limits.rows);
        for (const line of lines) expect(line).toMatch(/^[\x20-\x7e]{0,80}$/);
      }),
      { numRuns: 50 },
    );
  });

  test('at most 63 characters are taken for an answer', () => {
    const { state } = walk(`\r11${'9'.repeat(limits.answerLength + 1)}`, claimed);
    expect(state).toMatchObject({ at: 'ask', typed: '9'.repeat(limits.answerLength) });
  });
});

describe('screens', () => {
  test.each(names(states))('%s: shows where one is and how to get on', (name) => {
    const lines = drawScreen(states[name], claimed);
    expect(lines.length).toBeLessThanOrEqual(limits.rows);
    expect(lines.at(-1)).toMatch(/Enter|number|moment/);
  });

  test('a network of many ports leaves room for the menu', () => {
    const { network } = unclaimed.status;
    const [first] = network.interfaces;
    const interfaces = first === undefined ? [] : Array.from({ length: 40 }, () => first);
    const status = { ...onTrial.status, network: { ...network, interfaces } };
    const screen = drawScreen({ at: 'network' }, { ...onTrial, status }).join('\n');
    for (const words of ['and 32 more', 'KEEP the change', '0  Back']) expect(screen).toContain(words);
  });

  test('are painted over one another, or on a cleared terminal', () => {
    expect(paint(['a', 'b'], { cleared: false })).toBe('\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J');
    expect(paint(['a'], { cleared: true })).toBe('\x1b[2J\x1b[Ha\x1b[K\x1b[J');
  });
});
