import { useMemo } from 'preact/hooks';
import type { Rule } from '../../../../policy/policy.ts';
import type { PolicyReport } from '../../../api/policy-route.ts';
import { addressWith } from '../../address-with.ts';
import { Empty } from '../../parts/empty.tsx';
import { Cell } from '../../parts/table.tsx';
import { VirtualTable } from '../../parts/virtual-list.tsx';
import { Link } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { groupByObject, type PlacedRule, ruleMatches, sentenceOf, sentenceText } from './sentence.ts';

const text = texts.policy;

/** Pixels of a rule: the sentence in two lines, what is said of it in one. */
export const ruleHeight = { row: 88, card: 152 };

type Line = PlacedRule & {
  /** What it is about; null where the rule before is about the same. */
  readonly object: string | null;
};

/** The rules that a search finds, in the order in which they are shown. */
export function linesOf(rules: readonly Rule[], search: string): readonly Line[] {
  const placed = rules
    .map((rule, index) => ({ rule, index }))
    .filter(({ rule }) => ruleMatches(rule, search));
  return groupByObject(placed).flatMap(({ object, rules: group }) =>
    group.map((each, index) => ({ ...each, object: index === 0 ? object : null })),
  );
}

interface RuleListProps {
  lines: readonly Line[];
  report: PolicyReport | null;
  /** The rule that decided what was asked, and the staged one that would. */
  matched: readonly string[];
}

export function RuleList({ lines, report, matched }: RuleListProps) {
  const reported = useMemo(() => new Map(report?.rules.map((each) => [each.id, each])), [report]);
  const most = useMemo(
    () => Math.max(1, ...(report?.rules.map(({ connections }) => connections) ?? [])),
    [report],
  );
  if (lines.length === 0) return <Empty title={text.noneFound} />;
  return (
    <VirtualTable
      label={text.rules}
      kind="rules"
      columns={[text.columns.object, text.columns.rule, text.columns.hits]}
      items={lines}
      keyOf={({ rule }) => rule.id}
      rowHeight={ruleHeight}
      render={({ rule, object }) => (
        <>
          <Cell name={text.columns.object} line="wide">
            {object === null ? <span class="only-read">{text.asAbove}</span> : <b title={object}>{object}</b>}
          </Cell>
          <Cell name={text.columns.rule} line="wide">
            <RuleLine
              rule={rule}
              active={reported.get(rule.id)?.active ?? true}
              matched={matched.includes(rule.id)}
            />
          </Cell>
          <Cell name={text.columns.hits} line="wide">
            <Hits rule={rule} connections={reported.get(rule.id)?.connections ?? null} most={most} />
          </Cell>
        </>
      )}
    />
  );
}

interface RuleLineProps {
  rule: Rule;
  active: boolean;
  matched: boolean;
}

function RuleLine({ rule, active, matched }: RuleLineProps) {
  const mode = rule.mode ?? 'enforce';
  const kind = ['rule-line', mode === 'staged' && 'is-staged', matched && 'is-matched'];
  return (
    <span class={kind.filter(Boolean).join(' ')}>
      <Link to={addressWith({ rule: rule.id, add: null })}>
        <SentenceWords rule={rule} />
      </Link>
      <span class="quiet rule-about">
        {matched && <strong>{text.decides} </strong>}
        {[active ? '' : text.asleep, text.mode[mode], sentenceOf(rule).schedule, rule.id]
          .filter((part) => part !== '')
          .join(' · ')}
      </span>
    </span>
  );
}

/** A rule’s sentence, what it is between set off. */
export function SentenceWords({ rule }: { rule: Rule }) {
  const { subject, verb, object, services } = sentenceOf(rule);
  return (
    <span class="sentence-words" title={sentenceText(rule)}>
      <Sides names={subject} /> <span class={`verb-${rule.verb}`}>{verb}</span> <Sides names={object} />{' '}
      {services}
    </span>
  );
}

/** At most as many as a person takes in at once; the title has all. */
const sidesShown = 3;

function Sides({ names }: { names: readonly string[] }) {
  const shown = names.length > sidesShown ? names.slice(0, sidesShown - 1) : names;
  const parts = shown.map((name, index) => (
    <>
      {index > 0 && text.words.or}
      <em>
        <bdi>{name}</bdi>
      </em>
    </>
  ));
  return (
    <>
      {parts}
      {shown.length < names.length && text.words.more(names.length - shown.length)}
    </>
  );
}

interface HitsProps {
  rule: Rule;
  /** Null where the box did not say. */
  connections: number | null;
  most: number;
}

/** How often it decided, or would have. The bars of all rules have one scale, so that staged and enforced compare. */
function Hits({ rule, connections, most }: HitsProps) {
  if (connections === null) return <span class="quiet">{texts.unknown}</span>;
  const staged = rule.mode === 'staged';
  const width = connections === 0 ? 0 : Math.max(1, (connections / most) * 100);
  return (
    <span class="hits">
      <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect class="track" width="100" height="6" />
        <rect class={staged ? 'would' : 'fill'} width={width.toFixed(1)} height="6" />
      </svg>
      <span class="figure">
        {staged ? text.would[rule.verb](connections) : text.decided[rule.verb](connections)}
      </span>
    </span>
  );
}
