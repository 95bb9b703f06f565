import { useEffect, useState } from 'preact/hooks';
import type { PolicyExplanation } from '../../../api/policy-route.ts';
import { addressWith } from '../../address-with.ts';
import type { Problem } from '../../api.ts';
import { Fact, Facts } from '../../parts/facts.tsx';
import { Form, SelectField, TextField } from '../../parts/form.tsx';
import { State } from '../../parts/state.tsx';
import { Link, navigate, useRoute } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { useMay } from '../../use-may.ts';
import { useQuery } from '../../use-query.ts';

const text = texts.policy.explain;

type Protocol = PolicyExplanation['protocol'];
const protocols: readonly Protocol[] = ['tcp', 'udp', 'icmp', 'other'];
const hasPorts = (protocol: string) => protocol === 'tcp' || protocol === 'udp';

/** What is asked, as it stands in the page's address: `?from=hmi&to=press&proto=tcp&port=502`. */
export type Question = {
  readonly from: string;
  readonly to: string;
  readonly protocol: Protocol;
  readonly port: string;
};

function questionOf(query: URLSearchParams): Question {
  const wanted = query.get('proto') ?? 'tcp';
  return {
    from: query.get('from') ?? '',
    to: query.get('to') ?? '',
    protocol: protocols.find((each) => each === wanted) ?? 'other',
    port: query.get('port') ?? '',
  };
}

function pathOf({ from, to, protocol, port }: Question): string | null {
  if (from === '' || to === '') return null;
  return `/api/v1/policy/explain?${new URLSearchParams({ from, to, protocol, port: hasPorts(protocol) ? port : '0' })}`;
}

export interface Asked {
  readonly question: Question;
  readonly explanation: PolicyExplanation | null;
  readonly problem: Problem | null;
  readonly refresh: () => void;
}

/** What the address asks, and what the box says to it. */
export function useExplanation(): Asked {
  const question = questionOf(useRoute().query);
  const { value, problem, refresh } = useQuery<PolicyExplanation>(pathOf(question));
  return { question, explanation: value, problem, refresh };
}

const isBeside = () => matchMedia('(min-width: 961px)').matches;

interface ExplainProps {
  asked: Asked;
  /** Id of the list of names that the ends may have. */
  names: string;
  onShowRule: (id: string) => void;
}

/** Whether a connection would be let through and why. Stays open beside the rules, so that the reason is in sight. */
export function Explain({ asked, names, onShowRule }: ExplainProps) {
  const { question, explanation, problem } = asked;
  const [typed, setTyped] = useState(question);
  const { from, to, protocol, port } = question;
  useEffect(() => setTyped({ from, to, protocol, port }), [from, to, protocol, port]);
  const [missing, setMissing] = useState<string | null>(null);
  // Beside the rules there is room for it at all times; above them it would push them away.
  const [open, setOpen] = useState(() => isBeside() || from !== '');
  const ask = () => {
    const lacks = (['from', 'to', ...(hasPorts(typed.protocol) ? ['port'] : [])] as const).find(
      (name) => typed[name as 'from' | 'to' | 'port'].trim() === '',
    );
    setMissing(lacks ?? null);
    if (lacks !== undefined) return document.getElementById(`field-explain-${lacks}`)?.focus();
    const asksSame = JSON.stringify(typed) === JSON.stringify(question);
    if (asksSame) asked.refresh();
    else
      navigate(
        addressWith({
          from: typed.from.trim(),
          to: typed.to.trim(),
          proto: typed.protocol,
          port: hasPorts(typed.protocol) ? typed.port.trim() : null,
        }),
      );
  };
  const errorOf = (name: string) =>
    missing === name ? text.missing[name as 'from' | 'to' | 'port'] : undefined;
  return (
    <details
      id="explain"
      class="explain"
      open={open}
      onToggle={({ currentTarget }) => {
        if (isBeside()) currentTarget.open = true;
        setOpen(currentTarget.open);
      }}
    >
      <summary>
        <h2>{text.title}</h2>
      </summary>
      <p class="quiet">{text.hint}</p>
      <Form label={text.title} problem={problem} submit={text.ask} onSubmit={ask}>
        <TextField
          path="explain-from"
          label={text.from}
          list={names}
          value={typed.from}
          error={errorOf('from')}
          onValue={(value) => setTyped({ ...typed, from: value })}
        />
        <TextField
          path="explain-to"
          label={text.to}
          list={names}
          value={typed.to}
          error={errorOf('to')}
          onValue={(value) => setTyped({ ...typed, to: value })}
        />
        <div class="explain-service">
          <SelectField
            path="explain-protocol"
            label={text.protocol}
            value={typed.protocol}
            choices={protocols.map((value) => ({ value, label: text.protocols[value] }))}
            onValue={(value) => setTyped({ ...typed, protocol: value })}
          />
          {hasPorts(typed.protocol) && (
            <TextField
              path="explain-port"
              label={text.port}
              value={typed.port}
              error={errorOf('port')}
              onValue={(value) => setTyped({ ...typed, port: value })}
            />
          )}
        </div>
      </Form>
      {explanation !== null && <Explanation explanation={explanation} onShowRule={onShowRule} />}
    </details>
  );
}

interface ExplanationProps {
  explanation: PolicyExplanation;
  onShowRule: (id: string) => void;
}

function Explanation({ explanation, onShowRule }: ExplanationProps) {
  const { verdict, why, rule, staged, matched, ends, from, to, reason } = explanation;
  // What waits for a device to be accepted, or is decided elsewhere, no rule would change.
  const ruleHelps =
    verdict === 'deny' && (reason === 'default' || reason === 'rule' || reason === 'not-served');
  const shown = rule ?? staged;
  const mayChange = useMay('change');
  return (
    <div class="explanation" role="status">
      <p class="verdict">
        <State mark={verdict === 'allow' ? 'up' : 'down'} word={text.verdict[verdict]} />
      </p>
      <p>{why}</p>
      <p class="actions">
        {shown !== null && (
          <button type="button" class="plain" onClick={() => onShowRule(shown.id)}>
            {text.showRule(shown.id)}
          </button>
        )}
        {mayChange && ruleHelps && (
          <Link class="button" to={addressWith({ add: 'allow', rule: null })}>
            {text.allow}
          </Link>
        )}
        {mayChange && reason === 'quarantine' && (
          <Link class="button" to="/devices">
            {text.accept}
          </Link>
        )}
      </p>
      <Facts>
        {ends.map(({ gateway, verdict: says }) => (
          <Fact key={gateway} name={text.at(gateway)}>
            <State
              mark={says === 'allow' ? 'up' : says === 'deny' ? 'down' : 'off'}
              word={text.endVerdict[says]}
            />
            {says === 'not known' && <span class="quiet">{text.ownRules}</span>}
          </Fact>
        ))}
        <Fact name={text.from}>
          <End end={from} />
        </Fact>
        <Fact name={text.to}>
          <End end={to} />
        </Fact>
      </Facts>
      {matched !== null && (
        <details class="disclosure">
          <summary>{text.sets}</summary>
          <Facts>
            <Fact name={text.source}>{matched.source.set.join(', ')}</Fact>
            <Fact name={text.destination}>{matched.destination.set.join(', ')}</Fact>
            <Fact name={text.service}>{matched.service.set.join(', ')}</Fact>
            <Fact name={text.table}>
              <code>{matched.table}</code>
            </Fact>
          </Facts>
        </details>
      )}
    </div>
  );
}

function End({ end }: { end: PolicyExplanation['from'] }) {
  const { address, devices, gateway, labels } = end;
  return (
    <>
      <code>{address}</code>
      {devices.length > 0 && <bdi>{devices.join(', ')}</bdi>}
      <span class="quiet">{text.behind(gateway)}</span>
      {labels.length > 0 && <span class="quiet">{labels.join(', ')}</span>}
    </>
  );
}
