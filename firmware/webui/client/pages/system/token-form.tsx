import { useState } from 'preact/hooks';
import type { MadeToken, TokenView } from '../../../api/token-route.ts';
import { call } from '../../api.ts';
import { CheckField } from '../../parts/check-field.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Form, SelectField, TextField } from '../../parts/form.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';

const text = texts.tokens;
type Access = TokenView['access'][number];
const accesses: readonly Access[] = ['read', 'diagnose', 'change', 'own'];
const lengths = ['7', '90', '365', ''] as const;
type Length = (typeof lengths)[number];

export function TokenForm({ onEnd, onMade }: { onEnd: () => void; onMade: (made: MadeToken) => void }) {
  const [name, setName] = useState('');
  const [access, setAccess] = useState<readonly Access[]>(['read']);
  const [days, setDays] = useState<Length>('90');
  const { busy, problem, run } = useAction();
  const send = async () => {
    const body = { name: name.trim(), access, days: days === '' ? null : Number(days) };
    const made = await run(() => call<MadeToken>('POST', '/api/v1/tokens', body));
    if (made !== undefined) onMade(made);
  };
  return (
    <Dialog title={text.make} onClose={onEnd}>
      <Form
        label={text.make}
        problem={problem}
        busy={busy}
        ids="token"
        submit={text.make}
        onSubmit={() => void send()}
        actions={
          <button type="button" class="plain" onClick={onEnd}>
            {texts.change.cancel}
          </button>
        }
      >
        <TextField
          path="name"
          label={text.name}
          hint={text.nameHint}
          value={name}
          onValue={setName}
          maxLength={63}
        />
        <fieldset class="accesses">
          <legend>{text.columns.access}</legend>
          {accesses.map((each) => (
            <CheckField
              key={each}
              path={`access.${each}`}
              label={text.accesses[each]}
              checked={access.includes(each)}
              onChecked={(checked) =>
                setAccess(accesses.filter((other) => (other === each ? checked : access.includes(other))))
              }
            />
          ))}
        </fieldset>
        <SelectField
          path="days"
          label={text.columns.expires}
          value={days}
          choices={lengths.map((each) => ({ value: each, label: text.lengths[each] }))}
          onValue={setDays}
        />
      </Form>
    </Dialog>
  );
}
