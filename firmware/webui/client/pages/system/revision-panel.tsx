import type { SettingsLayer } from '../../../../store/settings-schema.ts';
import type { RevisionDetail } from '../../../api/config-route.ts';
import { addressWith } from '../../address-with.ts';
import { Ago } from '../../parts/ago.tsx';
import { Fact, Facts } from '../../parts/facts.tsx';
import { SelectField } from '../../parts/form.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { SidePanel } from '../../parts/side-panel.tsx';
import { navigate, useRoute } from '../../router.tsx';
import { describeChanges } from '../../settings/change-words.ts';
import { ChangeList, changeSettings } from '../../settings/settings-change.tsx';
import { texts } from '../../texts.ts';
import { useMay } from '../../use-may.ts';
import { useQuery } from '../../use-query.ts';

const text = texts.revisions;

interface RevisionPanelProps {
  id: number;
  isInForce: boolean;
  /** It can be compared with. */
  others: readonly number[];
  onClose: () => void;
}

/** What a revision changed, or how it differs from another, and the way back to it. */
export function RevisionPanel({ id, isInForce, others, onClose }: RevisionPanelProps) {
  const mayChange = useMay('change');
  const { query } = useRoute();
  const against = others.find((other) => String(other) === query.get('against'));
  const asked = `/api/v1/config/history/${id}${against === undefined ? '' : `?against=${against}`}`;
  const { value, problem, refresh } = useQuery<RevisionDetail>(asked);
  const restore = async () => {
    if (value === null) return;
    // The API's schema leaves open what the settings' own schema says; the box checks it.
    const document = value.document as SettingsLayer;
    const { outcome } = await changeSettings({ title: text.restoreTitle(id), edit: () => document });
    if (outcome === 'on-trial') onClose();
  };
  return (
    <SidePanel title={text.name(id)} onClose={onClose}>
      {problem !== null && <ProblemNotice problem={problem} onRetry={refresh} />}
      {value !== null && (
        <>
          <Facts>
            <Fact name={text.columns.time}>
              <Ago iso={value.revision.time} />
            </Fact>
            <Fact name={text.columns.author}>
              <bdi>{value.revision.author}</bdi>
            </Fact>
            {value.revision.reason !== null && (
              <Fact name={text.reason}>
                <bdi>{value.revision.reason}</bdi>
              </Fact>
            )}
          </Facts>
          <h3>{text.changes}</h3>
          <SelectField
            path="against"
            label={text.compare}
            value={against === undefined ? '' : String(against)}
            choices={[
              { value: '', label: text.before },
              ...others.map((other) => ({ value: String(other), label: text.name(other) })),
            ]}
            onValue={(chosen) => navigate(addressWith({ against: chosen }), { replace: true })}
          />
          <Changes detail={value} />
          {mayChange && !isInForce && (
            <p class="actions">
              <button type="button" class="main" onClick={() => void restore()}>
                {text.restore}
              </button>
            </p>
          )}
        </>
      )}
    </SidePanel>
  );
}

function Changes({ detail: { changes, more } }: { detail: RevisionDetail }) {
  if (changes === null) return <p class="quiet">{text.baseGone}</p>;
  if (changes.length === 0) return <p class="quiet">{text.same}</p>;
  return (
    <>
      <ChangeList changes={describeChanges(changes)} more={more} />
      <details class="disclosure exact">
        <summary>{text.exact}</summary>
        <pre>
          {changes
            .map(({ path, before, after }) => `${path}\n- ${before ?? ''}\n+ ${after ?? ''}\n`)
            .join('\n')}
        </pre>
      </details>
    </>
  );
}
