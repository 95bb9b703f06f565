import { useState } from 'preact/hooks';
import type { MadeToken, TokenView } from '../../../api/token-route.ts';
import { call } from '../../api.ts';
import { formatAbsolute } from '../../format.ts';
import { Ago } from '../../parts/ago.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Notice, ProblemNotice } from '../../parts/notice.tsx';
import { Section } from '../../parts/page.tsx';
import { Cell, Row, Table } from '../../parts/table.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';
import { useQuery } from '../../use-query.ts';
import { TokenForm } from './token-form.tsx';

const text = texts.tokens;
const path = '/api/v1/tokens';

/** By which programs use the API. */
export function Tokens() {
  const { value, problem, refresh } = useQuery<{ readonly tokens: readonly TokenView[] }>(path);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<MadeToken | null>(null);
  const revoking = useAction();
  const { columns } = text;
  const revoke = async (id: string) => {
    await revoking.run(() => call('DELETE', `${path}/${encodeURIComponent(id)}`));
    if (made?.token.id === id) setMade(null);
    refresh();
  };
  return (
    <Section id="tokens" title={text.title} what={{ term: text.term, meaning: text.meaning }}>
      {problem !== null && <ProblemNotice problem={problem} onRetry={refresh} />}
      {revoking.problem !== null && <ProblemNotice problem={revoking.problem} />}
      <div role="status">{made !== null && <Secret made={made} />}</div>
      {value?.tokens.length === 0 && <Empty title={text.none} advice={text.noneAdvice} />}
      {value !== null && value.tokens.length > 0 && (
        <Table label={text.title} kind="tokens" columns={Object.values(columns)}>
          {value.tokens.map(({ id, name, access, createdBy, expiresAt, lastUsedAt }) => (
            <Row key={id}>
              <Cell name={columns.name} line="lead">
                <bdi>{name}</bdi>
                <span class="quiet">
                  {text.by} <bdi>{createdBy}</bdi>
                </span>
              </Cell>
              <Cell name={columns.access} line="wide">
                {access.map((each) => text.accesses[each]).join(', ')}
              </Cell>
              <Cell name={columns.expires} line="wide" named>
                {expiresAt === null ? text.never : formatAbsolute(Date.parse(expiresAt))}
              </Cell>
              <Cell name={columns.used} line="wide" named>
                {lastUsedAt === null ? <span class="quiet">{text.unused}</span> : <Ago iso={lastUsedAt} />}
              </Cell>
              <Cell name={columns.acts} line="wide">
                <button type="button" class="link" onClick={() => void revoke(id)}>
                  {text.revoke} <span class="only-read">{name}</span>
                </button>
              </Cell>
            </Row>
          ))}
        </Table>
      )}
      <p class="actions">
        <button type="button" class="plain" onClick={() => setMaking(true)}>
          {text.make}
        </button>
      </p>
      {making && (
        <TokenForm
          onEnd={() => setMaking(false)}
          onMade={(token) => {
            setMade(token);
            setMaking(false);
            refresh();
          }}
        />
      )}
    </Section>
  );
}

/** In sight until the page is left: the box does not have it any more. */
function Secret({ made: { token, secret } }: { made: MadeToken }) {
  return (
    <Notice mark="attention" word={text.once}>
      <p>{text.onceMeaning(token.name)}</p>
      <p class="secret">
        <code>{secret}</code>
        <CopyButton text={secret} label={text.copy} />
      </p>
    </Notice>
  );
}
