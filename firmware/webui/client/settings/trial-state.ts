import type { Trial } from '../../api/config-route.ts';

/**
 * A change on trial as this page knows of it. Times are in milliseconds of the page's own steady clock.
 * - `sent`: this page asked for it; whether the box tries it is not known, and may never be told where it cut us off.
 * - `running`: the box says so, whoever began it.
 * - `ended`: it is over; what came of it is being asked. `revision` is null where only `after` is known: it is a later one.
 * - `told`: it is known what came of it.
 */
export type TrialState =
  | { readonly kind: 'none' }
  | { readonly kind: 'sent'; readonly after: number; readonly endsAt: number; readonly unanswered: boolean }
  | { readonly kind: 'running'; readonly trial: Trial; readonly endsAt: number }
  | { readonly kind: 'ended'; readonly revision: number | null; readonly after: number }
  | { readonly kind: 'told'; readonly outcome: TrialEnd };

export type TrialEnd = {
  readonly id: number;
  readonly outcome: 'confirmed' | 'trial' | 'reverted' | 'interrupted';
  readonly reason: string | null;
};

export type TrialInput =
  /** The box has told how it is. `at`: when; null: nothing is on trial. */
  | { readonly kind: 'heard'; readonly trial: Trial | null; readonly at: number }
  /** This page asks for a change of the settings whose newest revision is `after`. */
  | { readonly kind: 'asked'; readonly after: number; readonly endsAt: number }
  /** The box did not do it, or cannot be heard any more. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'unanswered' }
  /** What came of it, null where the box does not say: it has forgotten, or it never tried it. */
  | { readonly kind: 'outcome'; readonly outcome: TrialEnd | null }
  | { readonly kind: 'dismissed' };

export const noTrial: TrialState = { kind: 'none' };

/** The box rounds to seconds and speaks every two: an end that moves by less has not moved. */
const unmovedMs = 1500;

export function nextTrial(state: TrialState, input: TrialInput): TrialState {
  switch (input.kind) {
    case 'heard':
      return input.trial === null ? withoutTrial(state) : running(state, input.trial, input.at);
    case 'asked':
      return { kind: 'sent', after: input.after, endsAt: input.endsAt, unanswered: false };
    case 'refused':
      return state.kind === 'sent' ? noTrial : state;
    case 'unanswered':
      return state.kind === 'sent' ? { ...state, unanswered: true } : state;
    case 'outcome':
      if (state.kind !== 'ended') return state;
      return input.outcome === null ? noTrial : { kind: 'told', outcome: input.outcome };
    case 'dismissed':
      return state.kind === 'told' ? noTrial : state;
  }
}

function running(state: TrialState, trial: Trial, at: number): TrialState {
  const endsAt = at + trial.secondsLeft * 1000;
  const same = state.kind === 'running' && state.trial.revision === trial.revision;
  const moved = !same || Math.abs(endsAt - state.endsAt) > unmovedMs;
  return { kind: 'running', trial, endsAt: moved ? endsAt : state.endsAt };
}

function withoutTrial(state: TrialState): TrialState {
  if (state.kind === 'running')
    return { kind: 'ended', revision: state.trial.revision, after: state.trial.revision - 1 };
  // Until its own request was answered, the box may not have begun.
  if (state.kind === 'sent' && state.unanswered) return { kind: 'ended', revision: null, after: state.after };
  return state;
}
