import { useState } from 'preact/hooks';
import type { Audit as AuditPage } from '../../../api/audit-route.ts';
import { call } from '../../api.ts';
import { formatAbsolute, formatTime } from '../../format.ts';
import { Empty } from '../../parts/empty.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { Section } from '../../parts/page.tsx';
import { State } from '../../parts/state.tsx';
import { Cell, Row, Table } from '../../parts/table.tsx';
import type { MarkName } from '../../summary.ts';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';
import { useBoxNow } from '../../use-now.ts';
import { useQuery } from '../../use-query.ts';

const text = texts.audit;
const path = '/api/v1/audit';
const marks: Record<AuditPage['entries'][number]['outcome'], MarkName> = {
  done: 'up',
  refused: 'attention',
  failed: 'down',
};

/** Who changed what, newest first; older ones are fetched when they are asked for. */
export function Audit() {
  const newest = useQuery<AuditPage>(path);
  const [older, setOlder] = useState<readonly AuditPage[]>([]);
  const more = useAction();
  const pages = newest.value === null ? [] : [newest.value, ...older];
  const before = pages.at(-1)?.before ?? null;
  const entries = pages.flatMap((page) => page.entries);
  const now = useBoxNow();
  const { columns } = text;
  const readOlder = async () => {
    const page = await more.run(() => call<AuditPage>('GET', `${path}?before=${before}`));
    if (page !== undefined) setOlder([...older, page]);
  };
  const readNew = () => {
    setOlder([]);
    newest.refresh();
  };
  return (
    <Section id="audit" title={text.title} what={{ term: text.term, meaning: text.meaning }}>
      {newest.problem !== null && <ProblemNotice problem={newest.problem} onRetry={newest.refresh} />}
      {newest.value !== null && entries.length === 0 && <Empty title={text.none} />}
      {entries.length > 0 && (
        <>
          <p class="actions">
            <button type="button" class="plain" onClick={readNew}>
              {text.again}
            </button>
          </p>
          <Table label={text.title} kind="audit" columns={Object.values(columns)}>
            {entries.map(({ id, time, who, from, act, what, outcome }) => (
              <Row key={id}>
                <Cell name={columns.time}>
                  <time dateTime={time} title={formatAbsolute(Date.parse(time))}>
                    {formatTime(Date.parse(time), now)}
                  </time>
                </Cell>
                <Cell name={columns.outcome}>
                  <State mark={marks[outcome]} word={text.outcomes[outcome]} />
                </Cell>
                <Cell name={columns.who} line="wide">
                  <bdi>{who}</bdi>
                  {from !== null && <code class="quiet">{from}</code>}
                </Cell>
                <Cell name={columns.what} line="wide">
                  <span>{act}</span>
                  {what !== '' && (
                    <span class="quiet">
                      <bdi>{what}</bdi>
                    </span>
                  )}
                </Cell>
              </Row>
            ))}
          </Table>
          {more.problem !== null && <ProblemNotice problem={more.problem} />}
          <p class="actions">
            {before === null ? (
              <span class="quiet">{text.end}</span>
            ) : (
              <button type="button" class="plain" aria-disabled={more.busy} onClick={() => void readOlder()}>
                {text.older}
              </button>
            )}
          </p>
        </>
      )}
    </Section>
  );
}
