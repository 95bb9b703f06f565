import { useState } from 'preact/hooks';
import type { Answer, Problem } from './api.ts';

export interface Action {
  readonly busy: boolean;
  /** Why the last one did not happen; null once one does. */
  readonly problem: Problem | null;
  /** Does one thing at a time; resolves with its value, or undefined where it did not happen. */
  readonly run: <Value>(work: () => Promise<Answer<Value>>) => Promise<Value | undefined>;
}

/** Something that the box is told to do, from pressing the button to its answer. */
export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  return {
    busy,
    problem,
    async run(work) {
      if (busy) return undefined;
      setBusy(true);
      const answer = await work();
      setBusy(false);
      setProblem(answer.ok ? null : answer.problem);
      return answer.ok ? answer.value : undefined;
    },
  };
}
