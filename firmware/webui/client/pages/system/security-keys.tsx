import { useEffect, useState } from 'preact/hooks';
import type { SecurityKeyList } from '../../../api/security-key-route.ts';
import { call } from '../../api.ts';
import { Ago } from '../../parts/ago.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Form, TextField } from '../../parts/form.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { Section } from '../../parts/page.tsx';
import { Cell, Row, Table } from '../../parts/table.tsx';
import { useSession } from '../../session-state.ts';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';
import { useQuery } from '../../use-query.ts';

const text = texts.securityKeys;

/** One’s own. */
export function SecurityKeys() {
  const { state } = useSession();
  const user = state.kind === 'user' ? state.session.user.name : '';
  const path = `/api/v1/users/${encodeURIComponent(user)}/security-keys`;
  const { value, problem, refresh } = useQuery<SecurityKeyList>(user === '' ? null : path);
  const [adding, setAdding] = useState(false);
  const removing = useAction();
  const { columns } = text;
  const remove = async (id: string) => {
    await removing.run(() => call('DELETE', `${path}/${id}`));
    refresh();
  };
  const close = () => {
    setAdding(false);
    refresh();
  };
  return (
    <Section id="security-keys" title={text.title}>
      {problem !== null && <ProblemNotice problem={problem} onRetry={refresh} />}
      {removing.problem !== null && <ProblemNotice problem={removing.problem} />}
      {value?.securityKeys.length === 0 && <Empty title={text.none} />}
      {value !== null && value.securityKeys.length > 0 && (
        <Table label={text.title} kind="users" columns={Object.values(columns)}>
          {value.securityKeys.map(({ id, name, addedAt, usedAt }) => (
            <Row key={id}>
              <Cell name={columns.name} line="lead">
                <bdi>{name}</bdi>
              </Cell>
              <Cell name={columns.added} line="wide" named>
                <Ago iso={addedAt} />
              </Cell>
              <Cell name={columns.used} line="wide" named>
                {usedAt === null ? '–' : <Ago iso={usedAt} />}
              </Cell>
              <Cell name={columns.acts} line="wide">
                <button type="button" class="link" onClick={() => void remove(id)}>
                  {text.remove} <span class="only-read">{name}</span>
                </button>
              </Cell>
            </Row>
          ))}
        </Table>
      )}
      <p class="actions">
        <button type="button" class="plain" onClick={() => setAdding(true)}>
          {text.add}
        </button>
      </p>
      {adding && <AddKey path={path} onClose={close} />}
    </Section>
  );
}

function AddKey({ path, onClose }: { path: string; onClose: () => void }) {
  const [name, setName] = useState('');
  const { busy, problem, run } = useAction();
  const [leaving] = useState(() => new AbortController());
  useEffect(() => () => leaving.abort(), [leaving]);
  const add = async () => {
    const { signal } = leaving;
    if (await run(() => call('POST', path, { name: name.trim() }, { signal }))) onClose();
  };
  return (
    <Dialog title={text.add} onClose={onClose}>
      <p>{text.addMeaning}</p>
      <Form
        label={text.add}
        problem={problem}
        busy={busy}
        ids="key"
        submit={text.add}
        onSubmit={() => void add()}
        actions={
          <button type="button" class="plain" onClick={onClose}>
            {texts.change.cancel}
          </button>
        }
      >
        <TextField path="name" label={text.columns.name} value={name} onValue={setName} maxLength={63} />
        <p role="status">{busy && text.touch}</p>
      </Form>
    </Dialog>
  );
}
