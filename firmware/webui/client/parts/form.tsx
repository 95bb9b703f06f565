import { type ComponentChildren, createContext } from 'preact';
import { useContext, useEffect, useRef } from 'preact/hooks';
import type { Problem } from '../api.ts';
import { texts } from '../texts.ts';
import { verbatim } from './verbatim.ts';

/** What the box said was wrong with the last attempt, for the fields to find their own. */
const Refusal = createContext<Problem | null>(null);
/** What ids of fields begin with. */
const Ids = createContext('field');

interface FormProps {
  label: string;
  problem: Problem | null;
  /** While it is on its way, so that it is not sent twice. */
  busy?: boolean;
  submit: string;
  /** What ids of its fields begin with, where other forms on the page have fields of the same paths. */
  ids?: string;
  onSubmit: () => void;
  children: ComponentChildren;
  /** Further buttons beside the one that sends. */
  actions?: ComponentChildren;
}

/** A form whose errors come from the box: all of them above, each again at its field. What was typed stays. */
export function Form(props: FormProps) {
  const { label, problem, busy = false, submit, ids = 'field', onSubmit, children, actions } = props;
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (problem === null) return;
    const first = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
    (first ?? form.current?.querySelector<HTMLElement>('.form-problem'))?.focus();
  }, [problem]);
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    if (!busy) onSubmit();
  };
  return (
    <form ref={form} class="form" aria-label={label} noValidate onSubmit={send}>
      <Refusal.Provider value={problem}>
        {problem !== null && (
          <div class="form-problem" role="alert" tabIndex={-1}>
            <p class="error">
              {problem.detail} <code>{problem.code}</code>
            </p>
            {problem.errors !== undefined && problem.errors.length > 0 && (
              <ul>
                {problem.errors.map(({ path, message }) => (
                  <li key={path}>
                    <code>{path}</code> {message}
                  </li>
                ))}
              </ul>
            )}
          </div>
        )}
        <Ids.Provider value={ids}>{children}</Ids.Provider>
        <div class="actions">
          <button type="submit" class="main" aria-disabled={busy}>
            {busy ? texts.oneMoment : submit}
          </button>
          {actions}
        </div>
      </Refusal.Provider>
    </form>
  );
}

interface FieldProps {
  /** Where its value stands in the request, as the `errors` of a problem name it: `network.hostname`. */
  path: string;
  label: string;
  hint?: string | undefined;
  /** Said before the box is asked: `Type the code`. */
  error?: string | undefined;
}

/** What an input takes so that its label, hint and error belong to it. */
export interface ControlProps {
  readonly id: string;
  readonly name: string;
  readonly 'aria-describedby': string | undefined;
  readonly 'aria-invalid': boolean;
}

export function Field(
  props: FieldProps & {
    /** The input, given what ties it to the field. */
    children: (control: ControlProps) => ComponentChildren;
  },
) {
  const { path, label, hint, error, children } = props;
  const problem = useContext(Refusal);
  const refused = problem?.errors?.find(
    ({ path: at }) => at === path || at.startsWith(`${path}.`) || at.startsWith(`${path}[`),
  );
  const message = error ?? refused?.message;
  const id = `${useContext(Ids)}-${path}`;
  const described = [hint !== undefined && `${id}-hint`, message !== undefined && `${id}-error`];
  const describedBy = described.filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {hint !== undefined && (
        <p class="quiet" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {message !== undefined && (
        <p class="error" id={`${id}-error`}>
          {message}
        </p>
      )}
      {children({
        id,
        name: path,
        'aria-describedby': describedBy === '' ? undefined : describedBy,
        'aria-invalid': message !== undefined,
      })}
    </div>
  );
}

interface TextFieldProps extends FieldProps {
  value: string;
  onValue: (value: string) => void;
  type?: 'text' | 'password' | 'number';
  autoComplete?: 'off' | 'username' | 'current-password' | 'new-password';
  maxLength?: number | undefined;
  /** Codes, addresses and HITs, which are compared letter by letter. */
  mono?: boolean;
  /** Id of a list of values that are offered. */
  list?: string;
}

export function TextField({ value, onValue, type = 'text', mono = false, ...rest }: TextFieldProps) {
  const { autoComplete = 'off', maxLength, list, ...field } = rest;
  return (
    <Field {...field}>
      {(control) => {
        const given = {
          ...control,
          class: mono ? 'mono' : '',
          value,
          ...(maxLength === undefined ? {} : { maxLength }),
          ...verbatim,
          autoComplete,
          onInput: ({ currentTarget }: { currentTarget: HTMLInputElement }) => onValue(currentTarget.value),
        };
        // Values are offered for text alone. A type for each, since JSX knows inputs by their type.
        if (list !== undefined) return <input {...given} type="text" list={list} />;
        if (type === 'password') return <input {...given} type="password" />;
        return type === 'number' ? <input {...given} type="number" /> : <input {...given} type="text" />;
      }}
    </Field>
  );
}

interface SelectFieldProps<Value extends string> extends FieldProps {
  value: Value;
  choices: readonly { readonly value: Value; readonly label: string }[];
  onValue: (value: Value) => void;
}

export function SelectField<Value extends string>({
  value,
  choices,
  onValue,
  ...field
}: SelectFieldProps<Value>) {
  const choose = (chosen: string) => {
    const choice = choices.find((each) => each.value === chosen);
    if (choice !== undefined) onValue(choice.value);
  };
  return (
    <Field {...field}>
      {(control) => (
        <select {...control} value={value} onChange={({ currentTarget }) => choose(currentTarget.value)}>
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
