import type { SessionList } from '../../../api/session-list-route.ts';
import { call } from '../../api.ts';
import { Ago } from '../../parts/ago.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { Section } from '../../parts/page.tsx';
import { Cell, Row, Table } from '../../parts/table.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';
import { useQuery } from '../../use-query.ts';

const text = texts.sessions;
const path = '/api/v1/sessions';

/** Where one is signed in; an owner sees where everybody is. */
export function Sessions() {
  const { value, problem, refresh } = useQuery<SessionList>(path, { every: 10_000 });
  const ending = useAction();
  const { columns } = text;
  const end = async (id: string) => {
    await ending.run(() => call('DELETE', `${path}/${id}`));
    refresh();
  };
  return (
    <Section id="sessions" title={text.title}>
      {problem !== null && <ProblemNotice problem={problem} onRetry={refresh} />}
      {ending.problem !== null && <ProblemNotice problem={ending.problem} />}
      {value !== null && (
        <Table label={text.title} kind="tokens" columns={Object.values(columns)}>
          {value.sessions.map(({ id, user, from, browser, begunAt, usedAt, own }) => (
            <Row key={id}>
              <Cell name={columns.who} line="lead">
                <bdi>{user.name}</bdi> {own && <span class="quiet">{text.own}</span>}
              </Cell>
              <Cell name={columns.where} line="wide">
                <span title={browser}>{from}</span>
              </Cell>
              <Cell name={columns.since} line="wide" named>
                <Ago iso={begunAt} />
              </Cell>
              <Cell name={columns.used} line="wide" named>
                <Ago iso={usedAt} />
              </Cell>
              <Cell name={columns.acts} line="wide">
                {!own && (
                  <button type="button" class="link" onClick={() => void end(id)}>
                    {text.end} <span class="only-read">{user.name}</span>
                  </button>
                )}
              </Cell>
            </Row>
          ))}
        </Table>
      )}
    </Section>
  );
}
