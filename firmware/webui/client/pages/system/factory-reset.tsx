import { useState } from 'preact/hooks';
import { call } from '../../api.ts';
import { CheckField } from '../../parts/check-field.tsx';
import { Form, TextField } from '../../parts/form.tsx';
import { State } from '../../parts/state.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';
import { useBox } from '../../use-box.ts';

const text = texts.upkeep;

/** Asked for by the box's own name, so that nobody resets the one beside it. */
export function FactoryReset() {
  const { status } = useBox();
  const [hostname, setHostname] = useState('');
  const [forget, setForget] = useState(false);
  const [error, setError] = useState<string | undefined>(undefined);
  const [resetting, setResetting] = useState(false);
  const { busy, problem, run } = useAction();
  const reset = async () => {
    const isThis = hostname.trim() === status.hostname;
    setError(isThis ? undefined : text.resetWrongName(status.hostname));
    if (!isThis) return document.getElementById('field-hostname')?.focus();
    const body = { hostname: status.hostname, identity: forget ? 'new' : 'kept' };
    const answer = await run(() => call<{ resetting: true }>('POST', '/api/v1/factory-reset', body));
    setResetting(answer !== undefined);
  };
  if (resetting) return <State mark="attention" word={text.resetting} />;
  return (
    <details class="disclosure">
      <summary>{text.resetOpen}</summary>
      <div class="disclosed">
        <div class="lost-and-kept">
          <List title={text.resetLoses} names={text.lost} />
          <List title={text.resetKeeps} names={forget ? text.keptWithout : text.kept} />
        </div>
        <Form
          label={text.reset}
          problem={problem}
          busy={busy}
          submit={text.resetNow}
          onSubmit={() => void reset()}
        >
          <CheckField
            path="identity"
            label={text.forget}
            hint={text.forgetMeaning}
            checked={forget}
            onChecked={setForget}
          />
          <TextField
            path="hostname"
            label={text.resetName(status.hostname)}
            error={error}
            value={hostname}
            onValue={setHostname}
            maxLength={63}
            mono
          />
        </Form>
      </div>
    </details>
  );
}

function List({ title, names }: { title: string; names: readonly string[] }) {
  return (
    <div>
      <h3>{title}</h3>
      <ul>
        {names.map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
    </div>
  );
}
