import { describe, expect, test } from 'vitest';
import {
  nextTrial,
  noTrial,
  type TrialInput,
  type TrialState,
} from '../../../../firmware/webui/client/settings/trial-state.ts';

const trial = {
  ...{ revision: 7, author: 'anna', seconds: 60, secondsLeft: 42 },
  ...{ automatic: false, missing: null },
};
const kept = { id: 7, outcome: 'confirmed', reason: null } as const;
const states = {
  none: noTrial,
  sent: { kind: 'sent', after: 6, endsAt: 60_000, unanswered: false },
  unanswered: { kind: 'sent', after: 6, endsAt: 60_000, unanswered: true },
  running: { kind: 'running', trial, endsAt: 52_000 },
  ended: { kind: 'ended', revision: 7, after: 6 },
  endedUnheard: { kind: 'ended', revision: null, after: 6 },
  told: { kind: 'told', outcome: kept },
} satisfies Record<string, TrialState>;
const inputs = {
  trial: { kind: 'heard', trial, at: 10_000 },
  noTrial: { kind: 'heard', trial: null, at: 10_000 },
  asked: { kind: 'asked', after: 6, endsAt: 60_000 },
  refused: { kind: 'refused' },
  unanswered: { kind: 'unanswered' },
  outcome: { kind: 'outcome', outcome: kept },
  forgotten: { kind: 'outcome', outcome: null },
  dismissed: { kind: 'dismissed' },
} satisfies Record<string, TrialInput>;

/** Every state with every input; what is left out stays as it is. */
const table: Record<keyof typeof states, Partial<Record<keyof typeof inputs, keyof typeof states>>> = {
  none: { trial: 'running', asked: 'sent' },
  sent: { trial: 'running', asked: 'sent', refused: 'none', unanswered: 'unanswered' },
  unanswered: { trial: 'running', noTrial: 'endedUnheard', asked: 'sent', refused: 'none' },
  running: { noTrial: 'ended', asked: 'sent' },
  ended: { trial: 'running', asked: 'sent', outcome: 'told', forgotten: 'none' },
  endedUnheard: { trial: 'running', asked: 'sent', outcome: 'told', forgotten: 'none' },
  told: { trial: 'running', asked: 'sent', dismissed: 'none' },
};

describe('a change on trial as the page knows of it', () => {
  const names = Object.keys(states) as (keyof typeof states)[];
  const given = Object.keys(inputs) as (keyof typeof inputs)[];
  test.each(names.flatMap((state) => given.map((input) => [state, input] as const)))(
    '%s, %s',
    (state, input) =>
      expect(nextTrial(states[state], inputs[input])).toEqual(states[table[state][input] ?? state]),
  );

  test('its end does not jump by what the box rounds, and does by what it says', () => {
    const heardAgain = (secondsLeft: number, at: number) =>
      nextTrial(states.running, { kind: 'heard', trial: { ...trial, secondsLeft }, at });
    expect(heardAgain(40, 12_900)).toMatchObject({ endsAt: 52_000, trial: { secondsLeft: 40 } });
    expect(heardAgain(30, 12_000)).toMatchObject({ endsAt: 42_000 });
  });

  test('another one takes its place', () => {
    const other = { ...trial, revision: 8, secondsLeft: 41 };
    expect(nextTrial(states.running, { kind: 'heard', trial: other, at: 10_000 })).toEqual({
      kind: 'running',
      trial: other,
      endsAt: 51_000,
    });
  });
});
