import { useState } from 'preact/hooks';
import { texts } from '../texts.ts';
import { Field } from './form.tsx';
import { verbatim } from './verbatim.ts';

interface PasswordFieldProps {
  path: string;
  label: string;
  hint?: string;
  error?: string | undefined;
  value: string;
  onValue: (value: string) => void;
  /** One that is being chosen, which a password store should keep. */
  isNew?: boolean;
}

/** A password that can be looked at: whoever sees what they typed need not type it twice. */
export function PasswordField({ value, onValue, isNew = false, ...field }: PasswordFieldProps) {
  const [shown, setShown] = useState(false);
  const autoComplete: 'new-password' | 'current-password' = isNew ? 'new-password' : 'current-password';
  return (
    <Field {...field}>
      {(control) => {
        const given = {
          ...control,
          value,
          ...verbatim,
          autoComplete,
          onInput: ({ currentTarget }: { currentTarget: HTMLInputElement }) => onValue(currentTarget.value),
        };
        return (
          <span class="password">
            {shown ? <input {...given} type="text" /> : <input {...given} type="password" />}
            <button type="button" class="plain" aria-pressed={shown} onClick={() => setShown(!shown)}>
              {texts.show}
            </button>
          </span>
        );
      }}
    </Field>
  );
}
