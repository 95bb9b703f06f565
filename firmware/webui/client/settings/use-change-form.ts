import { useState } from 'preact/hooks';
import type { Problem } from '../api.ts';
import { texts } from '../texts.ts';
import { type ChangeRequest, changeSettings } from './settings-change.tsx';

interface ChangeForm {
  /** For `Form`: what the box refuses, to be shown at the fields. */
  readonly problem: Problem | null;
  readonly busy: boolean;
  readonly submit: (request: Omit<ChangeRequest, 'ownFields'>) => void;
}

/** A form that changes settings. `onTried`: the box tries them, and the form has done its work; until then nothing typed goes. */
export function useChangeForm(onTried: () => void): ChangeForm {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const change = async (request: Omit<ChangeRequest, 'ownFields'>) => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    const outcome = await changeSettings({ ...request, ownFields: true });
    setBusy(false);
    if (outcome.outcome === 'refused') setProblem(withoutFields(outcome.problem));
    if (outcome.outcome === 'on-trial') onTried();
  };
  return { problem, busy, submit: (request) => void change(request) };
}

/** What is wrong with fields stands at them and is not said twice. */
function withoutFields(problem: Problem): Problem {
  return problem.errors === undefined ? problem : { ...problem, detail: texts.change.refusedFields };
}
