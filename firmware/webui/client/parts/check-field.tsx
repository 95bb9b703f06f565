import { Field } from './form.tsx';

interface CheckFieldProps {
  path: string;
  label: string;
  hint?: string;
  checked: boolean;
  onChecked: (checked: boolean) => void;
}

/** Something that is on or off; its label stands beside it. */
export function CheckField({ checked, onChecked, ...field }: CheckFieldProps) {
  return (
    <div class="check-field">
      <Field {...field}>
        {(control) => (
          <input
            {...control}
            type="checkbox"
            checked={checked}
            onChange={({ currentTarget }) => onChecked(currentTarget.checked)}
          />
        )}
      </Field>
    </div>
  );
}
