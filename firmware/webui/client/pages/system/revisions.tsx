import { useEffect } from 'preact/hooks';
import type { Revision } from '../../../api/config-route.ts';
import { addressWith } from '../../address-with.ts';
import { Ago } from '../../parts/ago.tsx';
import { Empty } from '../../parts/empty.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { Section } from '../../parts/page.tsx';
import { State } from '../../parts/state.tsx';
import { Cell, Row, Table } from '../../parts/table.tsx';
import { Link, navigate, useRoute } from '../../router.tsx';
import type { MarkName } from '../../summary.ts';
import { texts } from '../../texts.ts';
import { useBox } from '../../use-box.ts';
import { useQuery } from '../../use-query.ts';
import { RevisionPanel } from './revision-panel.tsx';

const text = texts.revisions;
const every = 10_000;
const marks: Record<Revision['outcome'], MarkName> = {
  confirmed: 'off',
  trial: 'attention',
  reverted: 'down',
  interrupted: 'down',
};

/** Every change of the settings: when, by whom, what came of it; any of them can be looked at and tried again. */
export function Revisions() {
  const { status } = useBox();
  const history = useQuery<{ readonly revisions: readonly Revision[] }>('/api/v1/config/history', { every });
  // What came of a trial stands there once it is over.
  useEffect(history.refresh, [status.trial?.revision]);
  const { query } = useRoute();
  const opened = Number(query.get('revision') ?? Number.NaN);
  const revisions = history.value?.revisions ?? [];
  const inForce = revisions.find(({ outcome }) => outcome === 'confirmed')?.id ?? null;
  const { columns } = text;
  return (
    <Section id="revisions" title={text.title} what={{ term: text.term, meaning: text.meaning }}>
      {history.problem !== null && <ProblemNotice problem={history.problem} onRetry={history.refresh} />}
      {history.value !== null && revisions.length === 0 && (
        <Empty title={text.none} advice={text.noneAdvice} />
      )}
      {revisions.length > 0 && (
        <Table label={text.title} kind="revisions" columns={Object.values(columns)}>
          {revisions.map((revision) => (
            <Row key={revision.id}>
              <Cell name={columns.revision}>
                <Link class="row-link" to={addressWith({ revision: String(revision.id) })}>
                  {text.name(revision.id)}
                </Link>
              </Cell>
              <Cell name={columns.time}>
                <Ago iso={revision.time} />
              </Cell>
              <Cell name={columns.author} line="lead">
                <bdi>{revision.author}</bdi>
              </Cell>
              <Cell name={columns.outcome} line="wide">
                <Outcome revision={revision} isInForce={revision.id === inForce} />
              </Cell>
            </Row>
          ))}
        </Table>
      )}
      {revisions.some(({ id }) => id === opened) && (
        <RevisionPanel
          key={opened}
          id={opened}
          isInForce={opened === inForce}
          others={revisions.map(({ id }) => id).filter((id) => id !== opened)}
          onClose={() => navigate(addressWith({ revision: null, against: null }))}
        />
      )}
    </Section>
  );
}

function Outcome({ revision, isInForce }: { revision: Revision; isInForce: boolean }) {
  const { outcome, reason } = revision;
  if (isInForce) return <State mark="up" word={text.inForce} />;
  return (
    <>
      <State mark={marks[outcome]} word={text.outcomes[outcome]} />
      {reason !== null && (
        <span class="quiet">
          <bdi>{reason}</bdi>
        </span>
      )}
    </>
  );
}
