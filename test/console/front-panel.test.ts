import { describe, expect, test } from 'vitest';
import {
  buttonDown,
  lightsReport,
  type Presence,
  type PresenceInput,
  panelLights,
  presence,
  presenceSeconds,
} from '../../firmware/console/front-panel.ts';

const layout = {
  lights: { report: 1, bits: { well: 7, attention: 1, tunnels: 2, press: 0 } },
  button: { report: 2, bit: 3 },
};

describe('lights', () => {
  const quiet = { networkWorks: true, troubles: 0, tunnelsUp: 0, pressWanted: false };
  test.each([
    [quiet, ['well']],
    [{ ...quiet, troubles: 1, tunnelsUp: 3 }, ['attention', 'tunnels']],
    [{ ...quiet, networkWorks: false, pressWanted: true }, ['attention', 'press']],
  ] as const)('%j', (facts, lights) => {
    expect(panelLights(facts)).toEqual(lights);
  });

  test('are the bits of one octet after the report’s number', () => {
    expect(lightsReport(layout, ['well', 'press'])).toEqual(Uint8Array.of(1, 0x81));
    expect(lightsReport(layout, [])).toEqual(Uint8Array.of(1, 0));
  });
});

test.each([
  [[2, 0b1000], true],
  [[2, 0b0111], false],
  [[1, 0b1000], null],
  [[2], null],
  [[], null],
])('the input report %j says of the button: %s', (octets, down) => {
  expect(buttonDown(layout, Uint8Array.from(octets))).toBe(down);
});

describe('presence: every state and input', () => {
  const now = 100;
  const later = now + presenceSeconds;
  const states = {
    quiet: { phase: 'quiet', until: 0, down: false },
    'quiet, held': { phase: 'quiet', until: 0, down: true },
    asked: { phase: 'asked', until: now + 1, down: false },
    'asked, held': { phase: 'asked', until: now + 1, down: true },
    'asked long ago': { phase: 'asked', until: now, down: false },
    shown: { phase: 'shown', until: now + 1, down: true },
    'shown long ago': { phase: 'shown', until: now, down: false },
  } satisfies Record<string, Presence>;
  const inputs = {
    time: { kind: 'time' },
    ask: { kind: 'ask' },
    use: { kind: 'use' },
    down: { kind: 'button', down: true },
    up: { kind: 'button', down: false },
  } satisfies Record<string, PresenceInput>;
  /** Phase and until when. */
  const table: Record<keyof typeof states, Record<keyof typeof inputs, string>> = {
    quiet: { time: 'quiet 0', ask: `asked ${later}`, use: 'quiet 0', down: 'quiet 0', up: 'quiet 0' },
    'quiet, held': { time: 'quiet 0', ask: `asked ${later}`, use: 'quiet 0', down: 'quiet 0', up: 'quiet 0' },
    asked: {
      time: 'asked 101',
      ask: `asked ${later}`,
      use: 'quiet 0',
      down: `shown ${later}`,
      up: 'asked 101',
    },
    // A button that does not come up shows nothing.
    'asked, held': {
      ...{ time: 'asked 101', ask: `asked ${later}`, use: 'quiet 0', down: 'asked 101', up: 'asked 101' },
    },
    'asked long ago': {
      ...{ time: 'quiet 0', ask: `asked ${later}`, use: 'quiet 0', down: 'quiet 0', up: 'quiet 0' },
    },
    shown: { time: 'shown 101', ask: 'shown 101', use: 'quiet 0', down: 'shown 101', up: 'shown 101' },
    'shown long ago': {
      ...{ time: 'quiet 0', ask: `asked ${later}`, use: 'quiet 0', down: 'quiet 0', up: 'quiet 0' },
    },
  };
  for (const [stateName, state] of Object.entries(states))
    for (const [inputName, input] of Object.entries(inputs))
      test(`${stateName}, ${inputName}`, () => {
        const next = presence(state, input, now);
        const row: Record<string, string> | undefined = table[stateName as keyof typeof states];
        expect(`${next.phase} ${next.until}`).toBe(row?.[inputName]);
        expect(next.down).toBe(input.kind === 'button' ? input.down : state.down);
      });
});
