import { useState } from 'preact/hooks';
import type { Box } from '../../api/box-route.ts';
import type { Problem } from '../api.ts';
import { Fact, Facts } from '../parts/facts.tsx';
import { Form, TextField } from '../parts/form.tsx';
import { ProblemNotice } from '../parts/notice.tsx';
import { PasswordField } from '../parts/password-field.tsx';
import { TouchKey } from '../parts/touch-key.tsx';
import { navigate, useQueryParameter } from '../router.tsx';
import { claimBox, signIn } from '../session.ts';
import { texts } from '../texts.ts';
import { useQuery } from '../use-query.ts';

const text = texts.signIn;

/** Where whoever comes to a claimed box stands first, at whatever address: signed in, they are where they wanted to be. */
export function SignIn() {
  const [recovering, setRecovering] = useQueryParameter('recover');
  const { value: box, problem, refresh } = useQuery<Box>('/api/v1/box');
  return (
    <section id="sign-in" class="page alone" aria-labelledby="sign-in-title">
      <h1 id="sign-in-title" tabIndex={-1}>
        {recovering === '' ? text.title(box?.hostname ?? texts.product) : text.recover}
      </h1>
      {problem !== null && <ProblemNotice problem={problem} onRetry={refresh} />}
      {recovering === '' ? (
        <>
          <NameAndPassword />
          <button type="button" class="link" onClick={() => setRecovering('yes')}>
            {text.forgotten}
          </button>
        </>
      ) : (
        <>
          <Recover />
          <button type="button" class="link" onClick={() => setRecovering('')}>
            {text.back}
          </button>
        </>
      )}
      {box !== null && (
        <Facts>
          <Fact name={text.fingerprint}>
            <code class="fingerprint">{box.fingerprint}</code>
            <span class="quiet">{text.fingerprintMeaning}</span>
          </Fact>
        </Facts>
      )}
    </section>
  );
}

/** The page's own address means no other page; any other stays as it was asked for. */
function arrive(): void {
  const url = new URL(location.href);
  url.searchParams.delete('recover');
  const asked = url.pathname === '/sign-in' ? '/' : url.pathname;
  navigate(`${asked}${url.search}${url.hash}`, { replace: true });
}

function NameAndPassword() {
  const [name, setName] = useState('admin');
  const [password, setPassword] = useState('');
  const { problem, busy, send } = useSending(() => signIn(name.trim(), password));
  return (
    <Form label={text.submit} problem={problem} busy={busy} submit={text.submit} onSubmit={send}>
      <TextField path="name" label={text.name} value={name} onValue={setName} autoComplete="username" />
      <PasswordField path="password" label={text.password} value={password} onValue={setPassword} />
      <TouchKey />
    </Form>
  );
}

function Recover() {
  const [code, setCode] = useState('');
  const [password, setPassword] = useState('');
  const { problem, busy, send } = useSending(async () => {
    const answer = await claimBox(code.trim(), password);
    return answer.ok ? null : answer.problem;
  });
  return (
    <>
      <p>{text.recoverHow}</p>
      <Form label={text.recover} problem={problem} busy={busy} submit={text.recoverSubmit} onSubmit={send}>
        <TextField path="code" label={text.code} hint={text.codeHint} value={code} onValue={setCode} mono />
        <PasswordField
          path="password"
          label={text.newPassword}
          hint={texts.setup.password.hint}
          value={password}
          onValue={setPassword}
          isNew
        />
      </Form>
    </>
  );
}

function useSending(attempt: () => Promise<Problem | null>) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const sending = async () => {
    setBusy(true);
    const refused = await attempt();
    setBusy(false);
    setProblem(refused);
    if (refused === null) arrive();
  };
  return { problem, busy, send: () => void sending() };
}
