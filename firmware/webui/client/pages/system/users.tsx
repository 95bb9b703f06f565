import { useState } from 'preact/hooks';
import type { UserView } from '../../../api/user-route.ts';
import { call } from '../../api.ts';
import { Ago } from '../../parts/ago.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { Section } from '../../parts/page.tsx';
import { Cell, Row, Table } from '../../parts/table.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';
import { useQuery } from '../../use-query.ts';
import { UserForm } from './user-form.tsx';

const text = texts.users;
const path = '/api/v1/users';

type Asked =
  | { readonly kind: 'add' }
  | { readonly kind: 'change'; readonly user: UserView }
  | { readonly kind: 'remove'; readonly user: UserView };

export function Users() {
  const { value, problem, refresh } = useQuery<{ readonly users: readonly UserView[] }>(path);
  const [asked, ask] = useState<Asked | null>(null);
  const { columns } = text;
  const done = () => {
    ask(null);
    refresh();
  };
  return (
    <Section id="users" title={text.title}>
      {problem !== null && <ProblemNotice problem={problem} onRetry={refresh} />}
      {value !== null && (
        <Table label={text.title} kind="users" columns={Object.values(columns)}>
          {value.users.map((user) => (
            <Row key={user.name}>
              <Cell name={columns.name} line="lead">
                <bdi>{user.name}</bdi>
              </Cell>
              <Cell name={columns.role} line="wide">
                {text.roles[user.role]}
              </Cell>
              <Cell name={columns.password} line="wide" named>
                <Ago iso={user.passwordSetAt} />
              </Cell>
              <Cell name={columns.acts} line="wide">
                <span class="row-acts">
                  <button type="button" class="link" onClick={() => ask({ kind: 'change', user })}>
                    {text.change} <span class="only-read">{user.name}</span>
                  </button>
                  <button type="button" class="link" onClick={() => ask({ kind: 'remove', user })}>
                    {text.remove} <span class="only-read">{user.name}</span>
                  </button>
                </span>
              </Cell>
            </Row>
          ))}
        </Table>
      )}
      <p class="actions">
        <button type="button" class="plain" onClick={() => ask({ kind: 'add' })}>
          {text.add}
        </button>
      </p>
      {asked?.kind === 'remove' && <Remove user={asked.user} onEnd={() => ask(null)} onDone={done} />}
      {(asked?.kind === 'add' || asked?.kind === 'change') && (
        <UserForm user={asked.kind === 'change' ? asked.user : null} onEnd={() => ask(null)} onDone={done} />
      )}
    </Section>
  );
}

function Remove({ user, onEnd, onDone }: { user: UserView; onEnd: () => void; onDone: () => void }) {
  const action = useAction();
  const remove = async () => {
    const gone = await action.run(async () => {
      const answer = await call('DELETE', `${path}/${encodeURIComponent(user.name)}`);
      return answer.ok ? { ...answer, value: true } : answer;
    });
    if (gone) onDone();
  };
  return (
    <Confirm
      title={text.removeTitle(user.name)}
      act={text.remove}
      action={action}
      onAct={() => void remove()}
      onClose={onEnd}
    >
      <p>{text.removeMeaning}</p>
    </Confirm>
  );
}
