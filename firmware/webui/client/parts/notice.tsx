import type { ComponentChildren } from 'preact';
import type { Problem } from '../api.ts';
import type { MarkName } from '../summary.ts';
import { texts } from '../texts.ts';
import { State } from './state.tsx';

interface NoticeProps {
  mark: MarkName;
  word: string;
  children?: ComponentChildren;
}

export function Notice({ mark, word, children }: NoticeProps) {
  return (
    <div class="notice">
      <State mark={mark} word={word} />
      {children}
    </div>
  );
}

/** What went wrong, the code to search for, and another try where that may help. */
export function ProblemNotice({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <div class="notice" role="alert">
      <State mark="attention" word={problem.detail} />
      <p>
        <code class="quiet">{problem.code}</code>
        {onRetry !== undefined && (
          <button type="button" class="plain" onClick={onRetry}>
            {texts.retry}
          </button>
        )}
      </p>
    </div>
  );
}
