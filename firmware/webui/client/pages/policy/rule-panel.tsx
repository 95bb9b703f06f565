import { useState } from 'preact/hooks';
import type { Rule } from '../../../../policy/policy.ts';
import { Form } from '../../parts/form.tsx';
import { Notice } from '../../parts/notice.tsx';
import { SidePanel } from '../../parts/side-panel.tsx';
import type { ChangeWords } from '../../settings/change-words.ts';
import { put } from '../../settings/document.ts';
import { useChangeForm } from '../../settings/use-change-form.ts';
import { texts } from '../../texts.ts';
import { useMay } from '../../use-may.ts';
import { draftOf, freeId, type RuleDraft, ruleOf } from './rule-draft.ts';
import { RuleFields } from './rule-form.tsx';
import { SentenceWords } from './rule-list.tsx';
import { sentenceText } from './sentence.ts';

const text = texts.policy.panel;

interface RulePanelProps {
  /** Those of the settings in force. */
  rules: readonly Rule[];
  /** The rule that is changed; null for another one. */
  rule: Rule | null;
  /** What a new one begins with. */
  first: RuleDraft;
  onClose: () => void;
  onChanged: () => void;
}

/** One rule: its fields, and taking it out. Nothing is changed before the box has said what that would do. */
export function RulePanel({ rules, rule, first, onClose, onChanged }: RulePanelProps) {
  const [draft, setDraft] = useState(() => (rule === null ? first : draftOf(rule)));
  /** In the list that the box was last asked about, by which it names the fields. */
  const [place, setPlace] = useState(0);
  const { problem, busy, submit } = useChangeForm(() => {
    onChanged();
    onClose();
  });
  const mayChange = useMay('change');

  const change = (title: string, after: Rule | null, next: (known: readonly Rule[]) => readonly Rule[]) =>
    submit({
      title,
      words: wordsOf(rule, after),
      edit: ({ saved, inForce }) => {
        const known = inForce.policy.rules;
        const at = known.findIndex(({ id }) => id === rule?.id);
        setPlace(at < 0 ? known.length : at);
        return put(saved, ['policy', 'rules'], next(known));
      },
    });
  const save = () => {
    const named = draft.id.trim() === '' ? { ...draft, id: nameFor(draft, rules) } : draft;
    const edited = ruleOf(named);
    change(rule === null ? text.adding : text.changing(rule.id), edited, (known) =>
      known.some(({ id }) => id === rule?.id)
        ? known.map((each) => (each.id === rule?.id ? edited : each))
        : [...known, edited],
    );
  };
  const remove = (removed: Rule) =>
    change(text.removing(removed.id), null, (known) => known.filter(({ id }) => id !== removed.id));

  return (
    <SidePanel title={rule === null ? text.another : rule.id} onClose={onClose}>
      {rule !== null && (
        <p class="panel-sentence">
          <SentenceWords rule={rule} />
        </p>
      )}
      {mayChange ? (
        <Form
          label={rule === null ? text.another : rule.id}
          problem={problem}
          busy={busy}
          submit={text.review}
          onSubmit={save}
          actions={
            rule !== null && (
              <button type="button" class="plain" onClick={() => remove(rule)}>
                {text.remove}
              </button>
            )
          }
        >
          <RuleFields path={`policy.rules[${place}]`} draft={draft} onDraft={setDraft} />
        </Form>
      ) : (
        <p class="quiet">{texts.policy.mayLook}</p>
      )}
    </SidePanel>
  );
}

/** A change as the sentences before and after it. */
function wordsOf(before: Rule | null, after: Rule | null): readonly ChangeWords[] {
  const words = (rule: Rule | null) =>
    rule === null ? null : `${sentenceText(rule)} (${texts.policy.mode[rule.mode ?? 'enforce']})`;
  const kind = before === null ? 'added' : after === null ? 'removed' : 'changed';
  const what = texts.settings.rule(after?.id ?? before?.id ?? '');
  return [{ kind, what, before: words(before), after: words(after) }];
}

/** What a rule is called whose name was left open. */
function nameFor(draft: RuleDraft, rules: readonly Rule[]): string {
  const sentence = sentenceText(ruleOf({ ...draft, id: 'rule' }));
  return freeId(
    sentence,
    rules.map(({ id }) => id),
  );
}

/** A link led to a rule that is not there, or not any more. */
export function NoSuchRule({ id, onClose }: { id: string; onClose: () => void }) {
  return (
    <SidePanel title={id} onClose={onClose}>
      <Notice mark="off" word={text.gone}>
        <p>{text.goneAdvice}</p>
      </Notice>
    </SidePanel>
  );
}
