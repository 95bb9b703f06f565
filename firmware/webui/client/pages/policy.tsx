import { useMemo, useState } from 'preact/hooks';
import type { Rule } from '../../../policy/policy.ts';
import type { SettingsApplied } from '../../api/config-route.ts';
import { addressWith } from '../address-with.ts';
import { call } from '../api.ts';
import { Answer } from '../parts/answer.tsx';
import { Chips } from '../parts/chips.tsx';
import { Empty } from '../parts/empty.tsx';
import { ProblemNotice } from '../parts/notice.tsx';
import { Page } from '../parts/page.tsx';
import { Link, navigate, useQueryParameter, useRoute } from '../router.tsx';
import { texts } from '../texts.ts';
import { useAction } from '../use-action.ts';
import { useMay } from '../use-may.ts';
import { ChangedNotice, type Done } from './policy/changed-notice.tsx';
import { type Asked, Explain, useExplanation } from './policy/explain.tsx';
import { GroundRules } from './policy/ground-rules.tsx';
import { Learn } from './policy/learn.tsx';
import { policyAnswer } from './policy/policy-answer.ts';
import { draftAllowing, emptyDraft } from './policy/rule-draft.ts';
import { linesOf, RuleList, ruleHeight } from './policy/rule-list.tsx';
import { NoSuchRule, RulePanel } from './policy/rule-panel.tsx';
import { NameLists, nameLists } from './policy/side-fields.tsx';
import { type KnownPolicy, namesOf, usePolicy } from './policy/use-policy.ts';

const text = texts.policy;
const views = ['rules', 'learn', 'ground'] as const;
type ViewName = (typeof views)[number];

export function Policy() {
  const { known, problem, refresh } = usePolicy();
  return (
    <Page name="policy" what={text.what}>
      {problem !== null && <ProblemNotice problem={problem} onRetry={refresh} />}
      {known === null ? (
        problem === null && <div class="answer" aria-busy="true" />
      ) : (
        <PolicyPage known={known} refresh={refresh} />
      )}
    </Page>
  );
}

interface PolicyPageProps {
  known: KnownPolicy;
  refresh: () => void;
}

function PolicyPage({ known, refresh }: PolicyPageProps) {
  const { document, report } = known;
  const { rules } = document.policy;
  const [view, setView] = useQueryParameter('view');
  const shown: ViewName = views.find((each) => each === view) ?? 'rules';
  const [done, setDone] = useState<Done | null>(null);
  const names = useMemo(() => namesOf(document), [document]);
  const asked = useExplanation();
  const changed = (words: string, applied: SettingsApplied) => {
    setDone({ words, applied });
    refresh();
  };
  return (
    <>
      <Answer {...policyAnswer(rules, report)} />
      <NameLists names={names} />
      {done !== null && (
        <ChangedNotice
          key={done.applied.revision.id}
          done={done}
          onUndone={() => {
            setDone(null);
            refresh();
          }}
        />
      )}
      <Chips
        legend={text.view}
        name="policy-view"
        choices={views.map((value) => ({ value, label: text.views[value] }))}
        value={shown}
        onChoose={(value) => setView(value === 'rules' ? '' : value)}
      />
      {shown === 'rules' && <Rules known={known} asked={asked} onDone={changed} />}
      {shown === 'learn' && (
        <Learn
          onAccepted={(count, applied) => {
            changed(text.accepted(count), applied);
            navigate(addressWith({ view: null, since: null, all: null, exact: null, q: null }));
          }}
        />
      )}
      {shown === 'ground' && <GroundRules document={document} onChanged={refresh} />}
      <Panels known={known} asked={asked} refresh={refresh} />
    </>
  );
}

interface RulesProps {
  known: KnownPolicy;
  asked: Asked;
  onDone: (words: string, applied: SettingsApplied) => void;
}

function Rules({ known: { document, report }, asked, onDone }: RulesProps) {
  const { rules } = document.policy;
  const search = useRoute().query.get('q') ?? '';
  const mayChange = useMay('change');
  const lines = useMemo(() => linesOf(rules, search), [rules, search]);
  const { explanation } = asked;
  const matched = [explanation?.rule?.id, explanation?.staged?.id].filter((id) => id !== undefined);
  const showRule = (id: string) => {
    const at = lines.findIndex(({ rule }) => rule.id === id);
    if (at < 0) return navigate(addressWith({ q: null, rule: id }));
    scrollToRule(at);
  };
  return (
    <div class="policy-columns">
      <Explain asked={asked} names={nameLists.ends} onShowRule={showRule} />
      <div>
        <Staged rules={rules} onDone={onDone} />
        {rules.length === 0 ? (
          <Empty title={text.empty} advice={text.emptyAdvice}>
            <p class="actions">
              <Link class="button" to={addressWith({ view: 'learn' })}>
                {text.startLearning}
              </Link>
              {mayChange && (
                <Link class="button" to={addressWith({ add: 'rule' })}>
                  {text.add}
                </Link>
              )}
            </p>
          </Empty>
        ) : (
          <>
            <div class="tools">
              <input
                type="search"
                aria-label={text.search}
                placeholder={text.search}
                value={search}
                onInput={({ currentTarget }) =>
                  navigate(addressWith({ q: currentTarget.value }), { replace: true })
                }
              />
              {mayChange && (
                <Link class="button" to={addressWith({ add: 'rule', rule: null })}>
                  {text.add}
                </Link>
              )}
            </div>
            <RuleList lines={lines} report={report} matched={matched} />
          </>
        )}
      </div>
    </div>
  );
}

/** Has the window show a rule's row, which need not exist yet. */
function scrollToRule(at: number): void {
  const body = globalThis.document.querySelector('.rules tbody');
  if (body === null) return;
  const height = matchMedia('(max-width: 960px)').matches ? ruleHeight.card : ruleHeight.row;
  scrollTo({ top: scrollY + body.getBoundingClientRect().top + at * height - innerHeight / 3 });
}

/** Staged rules wait for somebody to have them decide. */
function Staged({ rules, onDone }: { rules: readonly Rule[]; onDone: RulesProps['onDone'] }) {
  const { busy, problem, run } = useAction();
  const mayChange = useMay('change');
  const ids = rules.filter(({ mode }) => mode === 'staged').map(({ id }) => id);
  if (ids.length === 0) return null;
  const enforce = async () => {
    const body = { ids, mode: 'enforce' };
    const applied = await run(() => call<SettingsApplied>('POST', '/api/v1/policy/mode', body));
    if (applied !== undefined) onDone(text.enforced(ids.length), applied);
  };
  return (
    <div class="notice staged-notice">
      <p>{text.stagedMeaning(ids.length)}</p>
      {mayChange && (
        <p class="actions">
          <button type="button" class="plain" aria-disabled={busy} onClick={() => void enforce()}>
            {text.enforceAll(ids.length)}
          </button>
        </p>
      )}
      {problem !== null && <ProblemNotice problem={problem} />}
    </div>
  );
}

interface PanelsProps extends PolicyPageProps {
  asked: Asked;
}

/** What the address has open beside the rules: one of them, or a new one. */
function Panels({ known, asked, refresh }: PanelsProps) {
  const { query } = useRoute();
  const id = query.get('rule');
  const { rules } = known.document.policy;
  const close = () => navigate(addressWith({ rule: null, add: null }));
  if (id !== null && id !== '') {
    const rule = rules.find((each) => each.id === id);
    if (rule === undefined) return <NoSuchRule id={id} onClose={close} />;
    return (
      <RulePanel key={id} rules={rules} rule={rule} first={emptyDraft} onClose={close} onChanged={refresh} />
    );
  }
  const add = query.get('add');
  const { explanation, problem } = asked;
  if (add !== 'rule' && add !== 'allow') return null;
  // What is to be allowed is known once the box has said what the ends are.
  if (add === 'allow' && explanation === null && problem === null) return null;
  const taken = rules.map((rule) => rule.id);
  const first =
    add === 'rule' || explanation === null
      ? emptyDraft
      : draftAllowing(explanation.from, explanation.to, explanation, taken);
  return <RulePanel rules={rules} rule={null} first={first} onClose={close} onChanged={refresh} />;
}
