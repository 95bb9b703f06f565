import { useEffect, useState } from 'preact/hooks';
import type { Problem } from './api.ts';
import { Dialog } from './parts/dialog.tsx';
import { Form } from './parts/form.tsx';
import { PasswordField } from './parts/password-field.tsx';
import { TouchKey } from './parts/touch-key.tsx';
import { confirmPassword, signIn, signOut } from './session.ts';
import { askPerson, type SessionState, settlePrompt, useSession } from './session-state.ts';
import { texts } from './texts.ts';

const text = texts.session;

/** Asks for the password over the page, which stays as it is: when the session has ended, and before dangerous acts. */
export function SessionPrompts() {
  const { state, prompt } = useSession();
  const { kind } = state;
  useEffect(() => {
    if (kind === 'ended') void askPerson('sign-in');
  }, [kind]);
  if (prompt === null || (state.kind !== 'user' && state.kind !== 'ended')) return null;
  return <PasswordPrompt key={prompt} state={state} isNew={prompt === 'sign-in'} />;
}

interface PasswordPromptProps {
  state: Extract<SessionState, { readonly session: unknown }>;
  /** A new session, or the one that is there confirmed. */
  isNew: boolean;
}

function PasswordPrompt({ state: { session }, isNew }: PasswordPromptProps) {
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const { name } = session.user;
  const send = async () => {
    setBusy(true);
    const refused = await (isNew ? signIn(name, password) : confirmPassword(password));
    setBusy(false);
    setProblem(refused);
  };
  const close = () => settlePrompt(false);
  const other = isNew && (
    <button type="button" class="plain" onClick={() => void signOut()}>
      {text.asOther}
    </button>
  );
  return (
    <Dialog title={isNew ? text.ended : text.confirm} onClose={close}>
      <p>{isNew ? text.endedMeaning : text.confirmMeaning}</p>
      <Form
        label={isNew ? text.ended : text.confirm}
        problem={problem}
        busy={busy}
        ids="prompt"
        submit={isNew ? texts.signIn.submit : text.confirmSubmit}
        onSubmit={() => void send()}
        actions={
          <>
            <button type="button" class="plain" onClick={close}>
              {isNew ? text.later : texts.cancel}
            </button>
            {other}
          </>
        }
      >
        <PasswordField path="password" label={text.passwordOf(name)} value={password} onValue={setPassword} />
        <TouchKey />
      </Form>
    </Dialog>
  );
}
