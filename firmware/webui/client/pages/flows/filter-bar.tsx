import { useState } from 'preact/hooks';
import { Chips } from '../../parts/chips.tsx';
import { verbatim } from '../../parts/verbatim.ts';
import { navigate } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { type Field, type Filter, fields, spans, verdicts, withFilter } from './filter.ts';

const text = texts.flows.filter;

/** What flows are wanted: what most ask for as chips, the rest typed; each stands in the page's address. */
export function FilterBar({ filter, isLive }: { filter: Filter; isLive: boolean }) {
  const [field, setField] = useState<Field>('device');
  const [value, setValue] = useState('');
  const add = (event: Event) => {
    event.preventDefault();
    if (value.trim() === '') return;
    setValue('');
    navigate(withFilter(field, value.trim()));
  };
  return (
    <search class="flow-filter" aria-label={text.title}>
      {!isLive && (
        <>
          <Chips
            legend={text.verdict}
            name="verdict"
            choices={verdicts.map((each) => ({ value: each, label: text.verdicts[each] }))}
            value={filter.verdict}
            onChoose={(chosen) => navigate(withFilter('verdict', chosen))}
          />
          <Chips
            legend={text.last}
            name="last"
            choices={spans.map((each) => ({ value: each, label: text.spans[each] }))}
            value={filter.last}
            onChoose={(chosen) => navigate(withFilter('last', chosen))}
          />
        </>
      )}
      <form class="filter-more" onSubmit={add}>
        <label>
          <span class="only-read">{text.field}</span>
          <select value={field} onChange={({ currentTarget }) => setField(currentTarget.value as Field)}>
            {fields.map((each) => (
              <option key={each} value={each}>
                {text.fields[each]}
              </option>
            ))}
          </select>
        </label>
        <label class="filter-value">
          <span class="only-read">{text.fields[field]}</span>
          <input
            type="search"
            value={value}
            maxLength={64}
            placeholder={text.examples[field]}
            {...verbatim}
            onInput={({ currentTarget }) => setValue(currentTarget.value)}
          />
        </label>
        <button type="submit" class="plain">
          {text.add}
        </button>
      </form>
      {filter.fields.length > 0 && (
        <ul class="filter-set" aria-label={text.set}>
          {filter.fields.map(([name, wanted]) => (
            <li key={name}>
              <button
                type="button"
                class="chip"
                aria-label={text.remove(text.fields[name], wanted)}
                onClick={() => navigate(withFilter(name, ''))}
              >
                {text.fields[name]} <bdi>{wanted}</bdi> <span aria-hidden="true">×</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </search>
  );
}
