import { useState } from 'preact/hooks';
import type { SessionView } from '../../../api/session-route.ts';
import { call, type Problem } from '../../api.ts';
import { formatAbsolute } from '../../format.ts';
import { Fact, Facts } from '../../parts/facts.tsx';
import { Form } from '../../parts/form.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { Section } from '../../parts/page.tsx';
import { PasswordField } from '../../parts/password-field.tsx';
import { signOut } from '../../session.ts';
import { useSession } from '../../session-state.ts';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';

const text = texts.ownSession;

export function OwnSession() {
  const { state } = useSession();
  const [problem, setProblem] = useState<Problem | null>(null);
  if (state.kind !== 'user') return null;
  const { user, access, expiresAt } = state.session;
  return (
    <Section id="session" title={text.title}>
      <Facts>
        <Fact name={text.user}>
          <bdi>{user.name}</bdi> <span class="quiet">{texts.users.roles[user.role]}</span>
        </Fact>
        <Fact name={text.access}>{access.map((each) => texts.tokens.accesses[each]).join(', ')}</Fact>
        <Fact name={text.expires}>{formatAbsolute(Date.parse(expiresAt))}</Fact>
      </Facts>
      {problem !== null && <ProblemNotice problem={problem} />}
      <p class="actions">
        <button type="button" class="plain" onClick={async () => setProblem(await signOut())}>
          {text.signOut}
        </button>
      </p>
      <OwnPassword />
    </Section>
  );
}

function OwnPassword() {
  const [password, setPassword] = useState('');
  const [newPassword, setNewPassword] = useState('');
  const [changed, setChanged] = useState(false);
  const { busy, problem, run } = useAction();
  const change = async () => {
    setChanged(false);
    const body = { password, newPassword };
    const session = await run(() => call<SessionView>('POST', '/api/v1/session/password', body));
    if (session === undefined) return;
    setPassword('');
    setNewPassword('');
    setChanged(true);
  };
  return (
    <details class="disclosure">
      <summary>{text.password}</summary>
      <div class="disclosed">
        <Form
          label={text.password}
          problem={problem}
          busy={busy}
          submit={text.password}
          ids="own"
          onSubmit={() => void change()}
        >
          <PasswordField path="password" label={text.oldPassword} value={password} onValue={setPassword} />
          <PasswordField
            path="newPassword"
            label={text.newPassword}
            hint={text.newPasswordHint}
            value={newPassword}
            onValue={setNewPassword}
            isNew
          />
        </Form>
        <p role="status">{changed ? text.passwordChanged : ''}</p>
      </div>
    </details>
  );
}
