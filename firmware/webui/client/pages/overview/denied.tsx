import { useState } from 'preact/hooks';
import type { FlowsPage, StoredFlow } from '../../../api/flows-route.ts';
import { formatAbsolute, formatTime } from '../../format.ts';
import { Empty } from '../../parts/empty.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { Section } from '../../parts/page.tsx';
import { ShowNew } from '../../parts/show-new.tsx';
import { Cell, Row, Table } from '../../parts/table.tsx';
import { Link } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { useMay } from '../../use-may.ts';
import { useBoxNow } from '../../use-now.ts';
import { useQuery } from '../../use-query.ts';
import { endName, flowName, policyAddress, serviceName } from '../flows/flow-names.ts';

const text = texts.overview.denied;
const everyMs = 5000;
const atMost = 5;

/** The last flows that were denied, each with its why, and with the way to allow it for who may. */
export function Denied() {
  const mayRead = useMay('read');
  const path = `/api/v1/flows?verdict=deny&limit=${atMost}`;
  const { value, problem, loading, refresh } = useQuery<FlowsPage>(mayRead ? path : null, { every: everyMs });
  const [shown, setShown] = useState<readonly StoredFlow[] | null>(null);
  const flows = shown ?? value?.flows ?? [];
  // What is looked at stays; from the first answer on, newer ones wait.
  if (shown === null && value !== null) setShown(value.flows);
  const newest = flows[0]?.id ?? 0;
  const waiting = (value?.flows ?? []).filter(({ id }) => id > newest).length;
  if (!mayRead) return null;
  return (
    <Section id="denied" title={text.title}>
      {problem !== null && <ProblemNotice problem={problem} onRetry={refresh} />}
      {flows.length > 0 && (
        <Table label={text.title} kind="denied" columns={Object.values(text.columns)}>
          {flows.map((flow) => (
            <DeniedRow key={flow.id} flow={flow} />
          ))}
        </Table>
      )}
      {flows.length === 0 && problem === null && <Empty title={loading ? texts.flows.loading : text.none} />}
      <p class="denied-more">
        <Link to="/flows">{text.all}</Link>
        {waiting > 0 && <ShowNew count={waiting} onShow={() => setShown(value?.flows ?? [])} />}
      </p>
    </Section>
  );
}

function DeniedRow({ flow }: { flow: StoredFlow }) {
  const mayChange = useMay('change');
  const now = useBoxNow();
  const { columns } = text;
  return (
    <Row>
      <Cell name={columns.time}>
        <time dateTime={new Date(flow.start).toISOString()} title={formatAbsolute(flow.start)}>
          {formatTime(flow.start, now)}
        </time>
      </Cell>
      <Cell name={columns.flow} line="wide">
        <bdi>{endName(flow.from)}</bdi> → <bdi>{endName(flow.to)}</bdi> <code>{serviceName(flow)}</code>
        <span class="quiet">
          {flow.rule === null ? texts.flows.reason[flow.reason] : texts.flows.byRule(flow.rule)}
        </span>
      </Cell>
      <Cell name={columns.act} line="wide">
        <span class="denied-acts">
          <Link to={policyAddress(flow, false)} aria-label={text.whyOf(flowName(flow))}>
            {text.why}
          </Link>
          {mayChange && (
            <Link to={policyAddress(flow, true)} aria-label={text.allowOf(flowName(flow))}>
              {text.allow}
            </Link>
          )}
        </span>
      </Cell>
    </Row>
  );
}
