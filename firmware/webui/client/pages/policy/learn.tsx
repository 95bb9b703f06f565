import { useMemo, useState } from 'preact/hooks';
import type { Rule } from '../../../../policy/policy.ts';
import type { SettingsApplied } from '../../../api/config-route.ts';
import type { PolicyProposals } from '../../../api/learn-route.ts';
import { call } from '../../api.ts';
import { formatBytes, formatDuration } from '../../format.ts';
import { Chips } from '../../parts/chips.tsx';
import { Empty } from '../../parts/empty.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { Section } from '../../parts/page.tsx';
import { Cell } from '../../parts/table.tsx';
import { VirtualTable } from '../../parts/virtual-list.tsx';
import { useQueryParameter } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';
import { useMay } from '../../use-may.ts';
import { useBoxNow } from '../../use-now.ts';
import { useQuery } from '../../use-query.ts';
import { SentenceWords } from './rule-list.tsx';

const text = texts.policy.learn;
/** The API's schema leaves open what the settings' own says of a rule. */
type Proposal = Omit<PolicyProposals['proposals'][number], 'rule'> & { readonly rule: Rule };
type Learned = Omit<PolicyProposals, 'proposals'> & { readonly proposals: readonly Proposal[] };

/** Windows that flows are looked for in, in seconds; the first where none is chosen. */
const windows = { '1h': 3600, '15m': 900, '24h': 86_400, '7d': 604_800 } as const;
type Window = keyof typeof windows;

const height = { row: 96, card: 188 };

interface LearnProps {
  onAccepted: (count: number, applied: SettingsApplied) => void;
}

/** Rules that would allow what was seen: a window, the proposals with their evidence, and taking some of them over. */
export function Learn({ onAccepted }: LearnProps) {
  const [since, setSince] = useQueryParameter('since');
  const [all, setAll] = useQueryParameter('all');
  const [exact, setExact] = useQueryParameter('exact');
  const chosen: Window = since in windows ? (since as Window) : '1h';
  const now = useBoxNow();
  const [round, setRound] = useState(0);
  // Asked for once: the window does not move on while its proposals are looked at.
  const path = useMemo(() => {
    const query = { since: String(Math.round(now - windows[chosen] * 1000)), until: String(Math.round(now)) };
    const from = all === '' ? 'undecided' : 'all';
    return `/api/v1/policy/proposals?${new URLSearchParams({ ...query, from, exact: String(exact !== '') })}`;
  }, [chosen, all, exact, round]);
  const { value, problem, refresh } = useQuery<Learned>(path);
  return (
    <Section id="learn" title={text.title} what={text.what}>
      <p class="lead">{text.lead}</p>
      <div class="tools">
        <Chips
          legend={text.window}
          name="learn-window"
          choices={(Object.keys(windows) as Window[])
            .toSorted((left, right) => windows[left] - windows[right])
            .map((each) => ({ value: each, label: text.windows[each] }))}
          value={chosen}
          onChoose={(each) => setSince(each === '1h' ? '' : each)}
        />
        <label class="check">
          <input type="checkbox" checked={all !== ''} onChange={() => setAll(all === '' ? 'yes' : '')} />
          {text.all}
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={exact !== ''}
            onChange={() => setExact(exact === '' ? 'yes' : '')}
          />
          {text.exact}
        </label>
        <button type="button" class="plain" onClick={() => setRound((count) => count + 1)}>
          {text.again}
        </button>
      </div>
      {problem !== null && <ProblemNotice problem={problem} onRetry={refresh} />}
      {value === null && problem === null && <p class="quiet looking">{text.looking}</p>}
      {value !== null && <Proposals found={value} onAccepted={onAccepted} />}
    </Section>
  );
}

interface ProposalsProps extends LearnProps {
  found: Learned;
}

function Proposals({ found, onAccepted }: ProposalsProps) {
  const { proposals, flows, left, complete } = found;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const { busy, problem, run } = useAction();
  const mayChange = useMay('change');
  const toggle = (id: string) =>
    setChosen((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  const accept = async () => {
    const ids = proposals.map(({ rule }) => rule.id).filter((id) => chosen.has(id));
    const applied = await run(() => call<SettingsApplied>('POST', '/api/v1/policy/accept', { ids }));
    if (applied !== undefined) onAccepted(ids.length, applied);
  };
  const others = Object.entries(left).flatMap(([why, count]) =>
    count > 0 ? [text.left(count, text.leftWhy[why as keyof typeof text.leftWhy] ?? why)] : [],
  );
  const summary = (
    <p class="quiet">
      {text.flows(flows)} {others.length > 0 && text.leftOut(others)} {!complete && text.notAll}
    </p>
  );
  if (proposals.length === 0)
    return (
      <Empty title={text.none} advice={text.noneAdvice}>
        {summary}
      </Empty>
    );
  const allChosen = chosen.size === proposals.length;
  return (
    <>
      {summary}
      {mayChange ? (
        <div class="tools">
          <button
            type="button"
            class="plain"
            onClick={() => setChosen(new Set(allChosen ? [] : proposals.map(({ rule }) => rule.id)))}
          >
            {allChosen ? text.chooseNone : text.chooseAll(proposals.length)}
          </button>
          <button
            type="button"
            class="main"
            disabled={chosen.size === 0}
            aria-disabled={busy}
            onClick={() => void accept()}
          >
            {busy ? texts.oneMoment : text.accept(chosen.size)}
          </button>
          <span class="quiet">{text.stagedFirst}</span>
        </div>
      ) : (
        <p class="quiet">{texts.policy.mayLook}</p>
      )}
      {problem !== null && <ProblemNotice problem={problem} />}
      <VirtualTable
        label={text.proposals}
        kind="proposals"
        columns={[text.columns.choose, text.columns.rule, text.columns.evidence, text.columns.beyond]}
        items={proposals}
        keyOf={({ rule }) => rule.id}
        rowHeight={height}
        render={(proposal) => (
          <ProposalCells
            proposal={proposal}
            chosen={chosen.has(proposal.rule.id)}
            onToggle={() => toggle(proposal.rule.id)}
          />
        )}
      />
    </>
  );
}

interface ProposalCellsProps {
  proposal: Proposal;
  chosen: boolean;
  onToggle: () => void;
}

function ProposalCells({ proposal: { rule, evidence, beyond }, chosen, onToggle }: ProposalCellsProps) {
  const now = useBoxNow();
  const [example] = evidence.examples;
  const more = [
    ...(beyond.talks > 0 ? [text.unseen(beyond.talks)] : []),
    ...beyond.gateways.map(text.allBehind),
  ];
  const { columns } = text;
  return (
    <>
      <Cell name={columns.choose}>
        <label class="check only-box">
          <input type="checkbox" checked={chosen} onChange={onToggle} />
          <span class="only-read">{text.choose(rule.id)}</span>
        </label>
      </Cell>
      <Cell name={columns.rule} line="wide">
        <SentenceWords rule={rule} />
        <span class="quiet">{rule.id}</span>
      </Cell>
      <Cell name={columns.evidence} line="wide">
        <span>{text.seen(evidence.flows, evidence.denied)}</span>
        <span class="quiet">
          {formatBytes(evidence.bytes)}, {texts.ago(formatDuration((now - evidence.last) / 1000))}
        </span>
        {example !== undefined && (
          <span class="quiet">
            {text.example(example.from, example.to, `${example.protocol} ${example.port}`)}
          </span>
        )}
      </Cell>
      <Cell name={columns.beyond} line="wide">
        {more.length === 0 ? (
          <span class="quiet">{text.nothingElse}</span>
        ) : (
          <span class="beyond">{more.join(', ')}</span>
        )}
      </Cell>
    </>
  );
}
