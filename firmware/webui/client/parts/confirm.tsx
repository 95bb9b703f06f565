import type { ComponentChildren } from 'preact';
import { texts } from '../texts.ts';
import type { Action } from '../use-action.ts';
import { Dialog } from './dialog.tsx';
import { ProblemNotice } from './notice.tsx';

interface ConfirmProps {
  title: string;
  /** What the button says that does it; null where there is nothing to do. */
  act: string | null;
  action: Pick<Action, 'busy' | 'problem'>;
  onAct: () => void;
  onClose: () => void;
  children: ComponentChildren;
}

/** Says what is about to be done and asks whether it should be. */
export function Confirm({ title, act, action: { busy, problem }, onAct, onClose, children }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      {problem !== null && <ProblemNotice problem={problem} />}
      <p class="actions">
        {act !== null && (
          <button type="button" class="main" aria-disabled={busy} onClick={onAct}>
            {busy ? texts.oneMoment : act}
          </button>
        )}
        <button type="button" class="plain" onClick={onClose}>
          {texts.change.cancel}
        </button>
      </p>
    </Dialog>
  );
}
