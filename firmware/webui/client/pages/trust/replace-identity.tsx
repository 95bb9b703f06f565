import { useState } from 'preact/hooks';
import type { StatusUpdate } from '../../../api/status-schema.ts';
import { call } from '../../api.ts';
import { shortHit } from '../../format.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { TextField } from '../../parts/form.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';

const text = texts.trust.replace;

type Identity = StatusUpdate['identity'];

/** Gives the identity up for another one. It cannot be undone, so it asks for the end of the HIT, and the box for the password. */
export function ReplaceIdentity({ identity }: { identity: Identity }) {
  const [isOpen, setOpen] = useState(false);
  const [typed, setTyped] = useState('');
  const [made, setMade] = useState<Identity | null>(null);
  const { busy, problem, run } = useAction();
  const hit = identity.hit ?? identity.formerHit;
  const wanted = hit === null ? text.word : (hit.split(':').at(-1) ?? '');
  const replace = async () => {
    if (typed.trim().toLowerCase() !== wanted) return;
    const body = { hit: hit ?? 'none' };
    const done = await run(() => call<Identity>('POST', '/api/v1/identity/replace', body));
    if (done === undefined) return;
    setMade(done);
    setOpen(false);
  };
  return (
    <div class="danger">
      <h3>{text.title}</h3>
      <p class="quiet">{text.what}</p>
      <button
        type="button"
        class="plain"
        onClick={() => {
          setTyped('');
          setOpen(true);
        }}
      >
        {text.open}
      </button>
      {made !== null && <p role="status">{text.made(made.hit === null ? texts.none : shortHit(made.hit))}</p>}
      {isOpen && (
        <Dialog title={text.title} onClose={() => setOpen(false)}>
          <p>{text.consequence}</p>
          <ul class="consequences">
            {text.consequences.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
          {problem !== null && <ProblemNotice problem={problem} />}
          <form
            onSubmit={(event) => {
              event.preventDefault();
              void replace();
            }}
          >
            <TextField path="confirm-hit" label={text.type(wanted)} value={typed} mono onValue={setTyped} />
            <p class="actions">
              <button
                type="submit"
                class="main dangerous"
                aria-disabled={busy || typed.trim().toLowerCase() !== wanted}
              >
                {busy ? texts.oneMoment : text.do}
              </button>
              <button type="button" class="plain" onClick={() => setOpen(false)}>
                {text.leave}
              </button>
            </p>
          </form>
        </Dialog>
      )}
    </div>
  );
}
