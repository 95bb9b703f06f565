import type { FlowsPage, StoredFlow } from '../../../api/flows-route.ts';
import type { PolicyExplanation } from '../../../api/policy-route.ts';
import { addressWith } from '../../address-with.ts';
import { formatAbsolute, formatBytes, formatDuration } from '../../format.ts';
import { Empty } from '../../parts/empty.tsx';
import { Fact, Facts } from '../../parts/facts.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { SidePanel } from '../../parts/side-panel.tsx';
import { State } from '../../parts/state.tsx';
import { Link, navigate } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { useQuery } from '../../use-query.ts';
import { withFilter } from './filter.ts';
import { flowName, policyAddress, policyProtocol, serviceName } from './flow-names.ts';
import { Verdict } from './flow-table.tsx';

const text = texts.flows;

/** One flow with all that was recorded, and what the policy of now says at both ends. */
export function FlowPanel({ id, listed }: { id: number; listed: StoredFlow | undefined }) {
  // A link may lead to one that the list does not hold.
  const asked = `/api/v1/flows?limit=1&before=${id + 1}`;
  const { value, problem, refresh } = useQuery<FlowsPage>(listed === undefined ? asked : null);
  const flow = listed ?? value?.flows.find((found) => found.id === id);
  const close = () => navigate(addressWith({ flow: null }));
  return (
    <SidePanel title={flow === undefined ? text.panel.title : flowName(flow)} onClose={close}>
      {problem !== null && <ProblemNotice problem={problem} onRetry={refresh} />}
      {flow !== undefined && <Detail flow={flow} />}
      {flow === undefined && value !== null && (
        <Empty title={text.panel.gone} advice={text.panel.goneAdvice} />
      )}
    </SidePanel>
  );
}

function Detail({ flow }: { flow: StoredFlow }) {
  const { panel } = text;
  const { start, end, from, to, direction, verdict, rule, reason, staged, sent, received } = flow;
  return (
    <>
      <p class="flow-verdict">
        <Verdict verdict={verdict} /> {rule !== null && text.byRule(rule)}
      </p>
      <p>{panel.meaning[reason]}</p>
      {staged !== null && <p>{panel.staged(staged.rule, staged.verdict)}</p>}
      <p class="actions">
        <Link to={policyAddress(flow, false)}>{panel.explain}</Link>
        {verdict === 'deny' && <Link to={policyAddress(flow, true)}>{panel.allow}</Link>}
      </p>
      <BothEnds flow={flow} />
      <h3>{panel.recorded}</h3>
      <Facts>
        <Fact name={panel.from}>
          <EndFacts end={from} />
        </Fact>
        <Fact name={panel.to}>
          <EndFacts end={to} />
        </Fact>
        <Fact name={text.columns.service}>
          <code>{serviceName(flow)}</code>
          <span class="quiet">{text.direction[direction]}</span>
        </Fact>
        <Fact name={panel.began}>
          <time class="figure" dateTime={new Date(start).toISOString()}>
            {formatAbsolute(start)}
          </time>
          <span class="quiet">
            {end === null ? panel.lives : panel.lasted(formatDuration((end - start) / 1000))}
          </span>
        </Fact>
        <Fact name={panel.sent}>{count(sent)}</Fact>
        <Fact name={panel.received}>{count(received)}</Fact>
        <Fact name={panel.number}>{flow.id}</Fact>
      </Facts>
      {verdict === 'deny' && reason !== 'replaced' && <p class="quiet">{panel.atLeast}</p>}
    </>
  );
}

function count({ packets, bytes }: StoredFlow['sent']): string {
  return `${formatBytes(bytes)}, ${texts.network.packets(packets)}`;
}

/** The verdict of this gateway as it was, and of both as the policy would have it now. */
function BothEnds({ flow }: { flow: StoredFlow }) {
  const { panel } = text;
  const { from, to, port } = flow;
  const protocol = policyProtocol(flow);
  const query = new URLSearchParams({ from: from.address, to: to.address, protocol, port: String(port) });
  const { value, problem } = useQuery<PolicyExplanation>(`/api/v1/policy/explain?${query}`);
  const others = value?.ends.filter(({ gateway }) => gateway !== 'this') ?? [];
  return (
    <>
      <h3>{panel.ends}</h3>
      <Facts>
        <Fact name={panel.here}>
          <Verdict verdict={flow.verdict} />
          <span class="quiet">{panel.asRecorded}</span>
        </Fact>
        {others.map(({ gateway, verdict }) => (
          <Fact key={gateway} name={panel.at(gateway)}>
            {verdict === 'not known' ? (
              <State mark="off" word={panel.notKnown} />
            ) : (
              <Verdict verdict={verdict} />
            )}
            {verdict === 'not known' && <span class="quiet">{panel.notKnownAdvice}</span>}
          </Fact>
        ))}
        <Fact name={panel.now}>
          {value !== null && (
            <>
              <Verdict verdict={value.verdict} />
              <span class="quiet">{value.why}</span>
            </>
          )}
          {problem !== null && <span class="quiet">{problem.detail}</span>}
        </Fact>
      </Facts>
    </>
  );
}

function EndFacts({
  end: { address, devices, gateway, labels, platform, attestation },
}: {
  end: StoredFlow['from'];
}) {
  const { panel } = text;
  const facts = [
    gateway === null ? panel.behindNone : gateway === 'this' ? panel.behindThis : text.behind(gateway),
    platform,
    attestation && panel.attestation[attestation as keyof typeof panel.attestation],
  ];
  return (
    <>
      <Link to={withFilter('address', address)} aria-label={panel.only(address)}>
        <code>{address}</code>
      </Link>
      {devices.map((device) => (
        <Link key={device} to={withFilter('device', device)} aria-label={panel.only(device)}>
          <bdi>{device}</bdi>
        </Link>
      ))}
      <span class="quiet">{facts.filter(Boolean).join(' · ')}</span>
      {labels.length > 0 && <span class="quiet">{labels.join(' · ')}</span>}
    </>
  );
}
