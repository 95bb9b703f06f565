import { useState } from 'preact/hooks';
import type { Problem } from '../../api.ts';
import { Form, TextField } from '../../parts/form.tsx';
import { Notice } from '../../parts/notice.tsx';
import { PasswordField } from '../../parts/password-field.tsx';
import { claimBox } from '../../session.ts';
import { texts } from '../../texts.ts';
import { useBox } from '../../use-box.ts';

const text = texts.setup;

interface ClaimCodeProps {
  code: string;
  /** Why the box did not take the code that was typed before. */
  refusal: string | null;
  onCode: (code: string) => void;
}

export function ClaimCode({ code, refusal, onCode }: ClaimCodeProps) {
  const { network } = useBox().status;
  const [typed, setTyped] = useState(code);
  const [error, setError] = useState<string | null>(refusal);
  const closes = !network.interfaces.some(
    ({ role, addresses }) => (role === 'lan' || role === 'management') && addresses.length > 0,
  );
  const send = () => {
    if (typed.trim() === '') setError(text.code.empty);
    else onCode(typed.trim());
  };
  return (
    <>
      {closes && (
        <Notice mark="attention" word={text.code.closes}>
          <p>{text.code.closesAdvice}</p>
        </Notice>
      )}
      <Form label={text.code.question} problem={null} submit={text.next} onSubmit={send}>
        <TextField
          path="code"
          label={text.code.label}
          hint={text.code.hint}
          error={error ?? undefined}
          value={typed}
          onValue={setTyped}
          maxLength={32}
          mono
        />
      </Form>
    </>
  );
}

/** As the box has it, so that most of what is wrong is said before the box is asked. */
const shortest = 10;

interface NewPasswordProps {
  code: string;
  onWrongCode: (reason: string) => void;
  onBack: () => void;
  onClaimed: (pageCloses: boolean) => void;
}

export function NewPassword({ code, onWrongCode, onBack, onClaimed }: NewPasswordProps) {
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | undefined>(undefined);
  const send = async () => {
    const short = [...password].length < shortest;
    setError(short ? text.password.short : undefined);
    if (short) return;
    setBusy(true);
    const answer = await claimBox(code, password);
    setBusy(false);
    if (answer.ok) return onClaimed(answer.value.pageCloses);
    if (answer.problem.code === 'wrong-claim-code') return onWrongCode(answer.problem.detail);
    setProblem(answer.problem);
  };
  return (
    <Form
      label={text.password.question}
      problem={problem}
      busy={busy}
      submit={text.password.submit}
      onSubmit={() => void send()}
      actions={
        <button type="button" class="plain" onClick={onBack}>
          {text.back}
        </button>
      }
    >
      <PasswordField
        path="password"
        label={text.password.label}
        hint={text.password.hint}
        error={error}
        value={password}
        onValue={setPassword}
        isNew
      />
    </Form>
  );
}
