import { useEffect, useState } from 'preact/hooks';
import type { Problem } from '../api.ts';
import { Dialog } from '../parts/dialog.tsx';
import { ProblemNotice } from '../parts/notice.tsx';
import { State } from '../parts/state.tsx';
import { texts } from '../texts.ts';
import { applyChange, type Edit, type MovedOn, type PlannedChange, planChange } from './change-flow.ts';
import { type ChangeWords, consequencesOf, describeChanges } from './change-words.ts';

export interface ChangeRequest {
  /** What it does, as the dialog's heading: `Move port2 to the LAN`. */
  readonly title: string;
  /** The saved settings with the change in them (`put` of document.ts); called again for newer settings. */
  readonly edit: Edit;
  /** Whoever asks shows what the box refuses at its own fields (`Form`'s `problem`). Otherwise the dialog does. */
  readonly ownFields?: boolean;
  /** The change in words, where whoever asks has better ones than the names of settings. */
  readonly words?: readonly ChangeWords[];
}

export type ChangeOutcome =
  /** The bar goes on from here. `revision` is null where the change cut off the answer. */
  | { readonly outcome: 'on-trial'; readonly revision: number | null }
  | { readonly outcome: 'cancelled' }
  /** Nothing was done. `errors` of the problem name fields by their path in the settings: `network.lan.address`. */
  | { readonly outcome: 'refused'; readonly problem: Problem };

type Shown = {
  readonly request: ChangeRequest;
  readonly planned: PlannedChange | null;
  readonly problem: Problem | null;
  readonly moved: readonly MovedOn[] | null;
  readonly answer: (outcome: ChangeOutcome) => void;
};

let show: ((shown: Shown) => void) | null = null;

/**
 * Makes a change of the settings as every page makes it: the box is asked what it would do, a person is shown that and
 * decides, and the box tries it for so long as it takes back by itself.
 */
export async function changeSettings(request: ChangeRequest): Promise<ChangeOutcome> {
  const planning = await planChange(request.edit);
  if (!planning.ok && request.ownFields === true) return { outcome: 'refused', problem: planning.problem };
  return new Promise((answer) => {
    show?.({
      ...{ request, answer, moved: null },
      ...(planning.ok
        ? { planned: planning.planned, problem: null }
        : { planned: null, problem: planning.problem }),
    });
  });
}

const text = texts.change;
/** Seconds until a change is taken back: to look whether it works, to renew a computer's address, to walk there. */
const lengths = [30, 60, 120, 300, 900];
const usualLength = 60;

/** Where `changeSettings` asks. Stands once in the frame. */
export function SettingsChange() {
  const [shown, setShown] = useState<Shown | null>(null);
  useEffect(() => {
    show = setShown;
    return () => {
      show = null;
    };
  }, []);
  if (shown === null) return null;
  const end = (outcome: ChangeOutcome) => {
    setShown(null);
    shown.answer(outcome);
  };
  return <ChangeDialog shown={shown} onChange={setShown} onEnd={end} />;
}

interface ChangeDialogProps {
  shown: Shown;
  onChange: (shown: Shown) => void;
  onEnd: (outcome: ChangeOutcome) => void;
}

function ChangeDialog({ shown, onChange, onEnd }: ChangeDialogProps) {
  const { request, planned, problem, moved } = shown;
  const [seconds, setSeconds] = useState(usualLength);
  const [busy, setBusy] = useState(false);
  const close = () => onEnd(problem === null ? { outcome: 'cancelled' } : { outcome: 'refused', problem });
  const apply = async () => {
    if (planned === null || busy) return;
    setBusy(true);
    const applied = await applyChange(request.edit, planned, seconds);
    setBusy(false);
    if (applied.outcome === 'on-trial') return onEnd(applied);
    const refused = applied.outcome === 'refused' ? applied.problem : null;
    if (refused !== null) return onChange({ ...shown, planned: null, problem: refused });
    if (applied.outcome !== 'moved-on') return;
    const { next } = applied;
    onChange({
      ...shown,
      moved: applied.moved,
      planned: next.ok ? next.planned : null,
      problem: next.ok ? null : next.problem,
    });
  };
  const changes = planned?.plan.changes ?? [];
  const empty = changes.length === 0;
  return (
    <Dialog title={request.title} onClose={close}>
      {moved !== null && <Moved moved={moved} />}
      {problem !== null && <Refusal problem={problem} />}
      {planned !== null && (
        <>
          {empty ? <p>{text.nothing}</p> : <Plan planned={planned} words={request.words} />}
          {!empty && (
            <div class="field change-length">
              <label for="trial-seconds">{text.seconds}</label>
              <select
                id="trial-seconds"
                value={seconds}
                onChange={({ currentTarget }) => setSeconds(Number(currentTarget.value))}
              >
                {lengths.map((length) => (
                  <option key={length} value={length}>
                    {text.after(length)}
                  </option>
                ))}
              </select>
              <p class="quiet">{text.trial}</p>
            </div>
          )}
        </>
      )}
      <div class="actions">
        {planned !== null && !empty && (
          <button type="button" class="main" aria-disabled={busy} onClick={() => void apply()}>
            {busy ? text.applying : text.apply}
          </button>
        )}
        <button type="button" class="plain" onClick={close}>
          {planned === null || empty ? text.close : text.cancel}
        </button>
      </div>
    </Dialog>
  );
}

function Refusal({ problem }: { problem: Problem }) {
  return (
    <>
      <p>
        <strong>{text.refused}</strong>
      </p>
      <ProblemNotice problem={problem} />
      {problem.errors !== undefined && (
        <ul class="refusals">
          {problem.errors.map(({ path, message }) => (
            <li key={path}>
              <code>{path}</code> {message}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Plan({
  planned: { plan },
  words,
}: {
  planned: PlannedChange;
  words: readonly ChangeWords[] | undefined;
}) {
  const consequences = consequencesOf(plan.changes, location.hostname);
  return (
    <>
      {words === undefined ? (
        <ChangeList changes={describeChanges(plan.changes)} more={plan.more} />
      ) : (
        <ChangeList changes={words} />
      )}
      {consequences.length > 0 && (
        <ul class="change-consequences" aria-label={text.consequences}>
          {consequences.map((line) => (
            <li key={line}>
              <State mark="attention" word={line} />
            </li>
          ))}
        </ul>
      )}
      <details class="disclosure exact">
        <summary>{text.exact}</summary>
        <pre>
          {plan.changes
            .map(({ path, before, after }) => `${path}\n- ${before ?? ''}\n+ ${after ?? ''}\n`)
            .join('\n')}
          {`\n${plan.network.length === 0 ? text.networkNone : plan.network.join('\n')}`}
        </pre>
      </details>
    </>
  );
}

/** Changes of settings, a line each: what, before → after. */
export function ChangeList({ changes, more = 0 }: { changes: readonly ChangeWords[]; more?: number }) {
  return (
    <ul class="changes" aria-label={text.what}>
      {changes.map(({ kind, what, before, after }) => (
        <li key={what} class={`change-${kind}`}>
          <span class="change-what">
            <bdi>{what}</bdi>
          </span>
          <span class="change-values">
            <del>
              <bdi>{before ?? texts.settings.notSet}</bdi>
            </del>{' '}
            <span class="only-read">{text.to}</span>
            <span aria-hidden="true">→</span>{' '}
            <ins>
              <bdi>{after ?? texts.settings.notSet}</bdi>
            </ins>
          </span>
        </li>
      ))}
      {more > 0 && <li class="quiet">{text.more(more)}</li>}
    </ul>
  );
}

function Moved({ moved }: { moved: readonly MovedOn[] }) {
  return (
    <div class="notice" role="alert">
      <State mark="attention" word={text.movedOn} />
      {moved.map(({ revision, author, changes }) => (
        <div key={revision}>
          <p>{text.movedBy(author, revision)}</p>
          <ChangeList changes={changes} />
        </div>
      ))}
      <p>{text.movedOnMeaning}</p>
    </div>
  );
}
