import { useEffect, useState } from 'preact/hooks';
import type { Revision } from '../../api/config-route.ts';
import { call, type Problem } from '../api.ts';
import type { View } from '../live.ts';
import { nextTrial, noTrial, type TrialInput, type TrialState } from './trial-state.ts';

/** A connection of before the change may still look open, and never bring an answer: what is not there by then is asked anew. */
const outcomeMs = 10_000;

let state: TrialState = noTrial;
let asking = false;
const followers = new Set<(state: TrialState) => void>();

/** Tells the page what it learned of the change on trial. */
export function tellTrial(input: TrialInput): void {
  const next = nextTrial(state, input);
  if (next === state) return;
  state = next;
  for (const follow of followers) follow(state);
}

/** Tells of every change of it, until the function that this returns is called. */
export function followTrial(follow: (state: TrialState) => void): () => void {
  followers.add(follow);
  return () => void followers.delete(follow);
}

/** The change on trial as the page knows of it, from the box's status and from what was asked here. */
export function useTrial({ phase, status, heardAfter }: View): TrialState {
  const [shown, setShown] = useState(state);
  useEffect(() => {
    setShown(state);
    return followTrial(setShown);
  }, []);
  useEffect(() => {
    if (phase === 'live' && status !== null)
      tellTrial({ kind: 'heard', trial: status.trial, at: heardAfter });
  }, [phase, status]);
  const { kind } = shown;
  useEffect(() => {
    if (shown.kind === 'ended' && phase === 'live') void askOutcome(shown);
  }, [kind, phase, status]);
  return shown;
}

/** Asks what came of a trial. Where no answer comes, or one that says nothing of it, the next status asks again. */
async function askOutcome(ended: Extract<TrialState, { kind: 'ended' }>): Promise<void> {
  if (asking) return;
  asking = true;
  const signal = AbortSignal.timeout(outcomeMs);
  const path = '/api/v1/config/history';
  const answer = await call<{ revisions: readonly Revision[] }>('GET', path, undefined, { signal });
  asking = false;
  if (state !== ended || (!answer.ok && !isRefusal(answer.problem))) return;
  const revisions = answer.ok ? answer.value.revisions : [];
  const { revision, after } = ended;
  const found = revisions.find(({ id }) => (revision === null ? id > after : id === revision));
  tellTrial({ kind: 'outcome', outcome: found ?? null });
}

/** Whether asking again would change nothing. */
function isRefusal({ status }: Problem): boolean {
  return status >= 400 && status < 500 && status !== 429;
}
