interface ChipsProps<Value extends string> {
  legend: string;
  /** Name of the group in its form; one of a kind on its page. */
  name: string;
  choices: readonly { readonly value: Value; readonly label: string }[];
  value: Value;
  onChoose: (value: Value) => void;
}

/** One of a few, all in view. */
export function Chips<Value extends string>({ legend, name, choices, value, onChoose }: ChipsProps<Value>) {
  return (
    <fieldset class="chips">
      <legend>{legend}</legend>
      {choices.map((choice) => (
        <label key={choice.value}>
          <input
            type="radio"
            name={name}
            checked={choice.value === value}
            onChange={() => onChoose(choice.value)}
          />
          <span class="chip">{choice.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
