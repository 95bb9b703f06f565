import type { SettingsApplied } from '../../../api/config-route.ts';
import { Notice, ProblemNotice } from '../../parts/notice.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';
import { undoChange } from './undo.ts';

/** What was done a moment ago, and its undoing. */
export interface Done {
  readonly words: string;
  readonly applied: SettingsApplied;
}

interface ChangedNoticeProps {
  done: Done;
  /** The settings are as they were before. */
  onUndone: () => void;
}

export function ChangedNotice({ done, onUndone }: ChangedNoticeProps) {
  const { busy, problem, run } = useAction();
  const undo = async () => {
    const undone = await run(async () => {
      const answer = await undoChange(done.applied);
      return answer.ok ? { ...answer, value: true } : answer;
    });
    if (undone) onUndone();
  };
  return (
    <div role="status">
      <Notice mark="up" word={done.words}>
        <p class="actions">
          <button type="button" class="plain" aria-disabled={busy} onClick={() => void undo()}>
            {texts.policy.undo}
          </button>
        </p>
      </Notice>
      {problem !== null && <ProblemNotice problem={problem} />}
    </div>
  );
}
