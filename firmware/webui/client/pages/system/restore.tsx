import { useState } from 'preact/hooks';
import type { RestorePlan } from '../../../api/backup-route.ts';
import type { SettingsApplied } from '../../../api/config-route.ts';
import { call } from '../../api.ts';
import { formatAbsolute } from '../../format.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Field, Form } from '../../parts/form.tsx';
import { Notice } from '../../parts/notice.tsx';
import { PasswordField } from '../../parts/password-field.tsx';
import { describeChanges } from '../../settings/change-words.ts';
import { ChangeList } from '../../settings/settings-change.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';

const text = texts.backup;
/** Longer than a change by hand: many settings may be others. */
const trialSeconds = 120;
/** More than any backup that the box takes. */
const largestFile = 12_000_000;

type Chosen = { readonly backup: unknown; readonly isSealed: boolean };

/** A backup, shown as what it would change, then tried. */
export function Restore() {
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [error, setError] = useState<string | undefined>(undefined);
  const [password, setPassword] = useState('');
  const [planned, setPlanned] = useState<RestorePlan | null>(null);
  const { busy, problem, run } = useAction();
  const choose = async (file: File | undefined) => {
    setChosen(null);
    const read = file === undefined ? null : await readBackup(file);
    setError(file !== undefined && read === null ? text.noBackup : undefined);
    setChosen(read);
  };
  const body = { backup: chosen?.backup, ...(chosen?.isSealed && { password }) };
  const plan = async () => {
    if (chosen === null) return setError((before) => before ?? text.chooseFirst);
    const answer = await run(() => call<RestorePlan>('POST', '/api/v1/restore/plan', body));
    if (answer !== undefined) setPlanned(answer);
  };
  return (
    <>
      <Form
        label={text.restore}
        problem={problem}
        busy={busy}
        ids="restore"
        submit={text.look}
        onSubmit={() => void plan()}
      >
        <Field path="backup" label={text.file} hint={text.fileHint} error={error}>
          {(control) => (
            <input
              {...control}
              type="file"
              accept=".json,application/json"
              onChange={({ currentTarget }) => void choose(currentTarget.files?.[0])}
            />
          )}
        </Field>
        {chosen?.isSealed && (
          <PasswordField path="password" label={text.itsPassword} value={password} onValue={setPassword} />
        )}
      </Form>
      {planned !== null && <Planned planned={planned} body={body} onEnd={() => setPlanned(null)} />}
    </>
  );
}

interface PlannedProps {
  planned: RestorePlan;
  body: object;
  onEnd: () => void;
}

function Planned({ planned: { made, missing, plan }, body, onEnd }: PlannedProps) {
  const action = useAction();
  const restore = async () => {
    const answer = await action.run(() =>
      call<SettingsApplied>('POST', '/api/v1/restore', { ...body, seconds: trialSeconds }),
    );
    // The bar of the trial goes on from here.
    if (answer !== undefined) onEnd();
  };
  const changes = plan.changes.length > 0;
  return (
    <Confirm
      title={text.planTitle(made.hostname)}
      act={changes ? text.apply : null}
      action={action}
      onAct={() => void restore()}
      onClose={onEnd}
    >
      <p class="quiet">{text.made(made.product, formatAbsolute(Date.parse(made.time)))}</p>
      {changes ? (
        <ChangeList changes={describeChanges(plan.changes)} more={plan.more} />
      ) : (
        <p>{texts.change.nothing}</p>
      )}
      {missing.length > 0 && (
        <Notice mark="attention" word={text.missing}>
          <ul>
            {missing.map((name) => (
              <li key={name}>
                <code>{name}</code>
              </li>
            ))}
          </ul>
        </Notice>
      )}
      {changes && <p class="quiet">{text.trial(trialSeconds / 60)}</p>}
    </Confirm>
  );
}

/** Null where the file is none; the box looks at what is in it. */
async function readBackup(file: File): Promise<Chosen | null> {
  if (file.size > largestFile) return null;
  try {
    const backup: unknown = JSON.parse(await file.text());
    if (typeof backup !== 'object' || backup === null) return null;
    return { backup, isSealed: 'sealed' in backup };
  } catch {
    return null;
  }
}
