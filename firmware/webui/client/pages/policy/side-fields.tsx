import { verdictsOfAttestation } from '../../../../policy/policy.ts';
import { CloseIcon } from '../../icons.tsx';
import { type ControlProps, Field } from '../../parts/form.tsx';
import { verbatim } from '../../parts/verbatim.ts';
import { texts } from '../../texts.ts';
import {
  type Condition,
  type ConditionKind,
  conditionPath,
  kindsLeft,
  noCondition,
  type SideDraft,
} from './rule-draft.ts';
import type { Names } from './use-policy.ts';

const text = texts.policy.form;

/** Lists that fields offer names from, once on the page. */
export const nameLists = {
  ends: 'names-of-ends',
  device: 'names-of-devices',
  gateway: 'names-of-gateways',
  label: 'names-of-labels',
} as const;

export function NameLists({ names }: { names: Names }) {
  const lists: readonly (readonly [string, readonly string[]])[] = [
    [nameLists.ends, [...names.devices, ...names.gateways]],
    [nameLists.device, names.devices],
    [nameLists.gateway, names.gateways],
    [nameLists.label, names.labels],
  ];
  return (
    <>
      {lists.map(([id, values]) => (
        <datalist key={id} id={id}>
          {values.map((value) => (
            <option key={value} value={value} />
          ))}
        </datalist>
      ))}
    </>
  );
}

interface SideFieldsProps {
  legend: string;
  /** Where it stands in the settings: `policy.rules[3].subject`. */
  path: string;
  side: SideDraft;
  /** `object` may be what the gateway itself serves. */
  place: 'subject' | 'object';
  onSide: (side: SideDraft) => void;
}

/** One side of a rule: everybody, the gateway's own services, or whoever fulfils the conditions. */
export function SideFields({ legend, path, side, place, onSide }: SideFieldsProps) {
  const { kind, alternatives } = side;
  const kinds = ['some', 'any', ...(place === 'object' ? ['own'] : [])] as SideDraft['kind'][];
  const choose = (chosen: SideDraft['kind']) =>
    onSide({
      kind: chosen,
      alternatives: alternatives.length > 0 ? alternatives : [[noCondition]],
    });
  const replace = (at: number, conditions: readonly Condition[]) =>
    onSide({
      kind,
      alternatives:
        conditions.length === 0 ? alternatives.toSpliced(at, 1) : alternatives.with(at, conditions),
    });
  return (
    <fieldset class="side-fields">
      <legend>{legend}</legend>
      <div class="radios">
        {kinds.map((each) => (
          <label key={each}>
            <input type="radio" name={path} checked={each === kind} onChange={() => choose(each)} />
            {text.side[each === 'any' ? place : each]}
          </label>
        ))}
      </div>
      {kind === 'some' && (
        <>
          {alternatives.map((conditions, at) => (
            <Alternative
              key={at}
              path={alternatives.length === 1 ? path : `${path}[${at}]`}
              first={at === 0}
              conditions={conditions}
              removable={alternatives.length > 1}
              onConditions={(next) => replace(at, next)}
            />
          ))}
          <button
            type="button"
            class="plain"
            onClick={() => onSide({ kind, alternatives: [...alternatives, [noCondition]] })}
          >
            {text.or}
          </button>
        </>
      )}
    </fieldset>
  );
}

interface AlternativeProps {
  path: string;
  first: boolean;
  conditions: readonly Condition[];
  removable: boolean;
  onConditions: (conditions: readonly Condition[]) => void;
}

function Alternative({ path, first, conditions, removable, onConditions }: AlternativeProps) {
  const left = kindsLeft(conditions, conditions.length);
  const [next] = left.filter((kind) => kind !== 'device');
  return (
    <div class="alternative">
      {conditions.map((condition, at) => {
        const change = (changed: Partial<Condition>) =>
          onConditions(conditions.with(at, { ...condition, ...changed }));
        const words = at > 0 ? text.andWhich : first ? text.which : text.orWhich;
        return (
          <Field
            key={at}
            path={conditionPath(path, conditions, at)}
            label={`${words} ${text.kind[condition.kind]}`}
            hint={text.kindHint[condition.kind]}
          >
            {(control) => (
              <span class="condition">
                <select
                  aria-label={text.kindLabel}
                  value={condition.kind}
                  onChange={({ currentTarget }) =>
                    change({ kind: currentTarget.value as ConditionKind, value: '' })
                  }
                >
                  {kindsLeft(conditions, at).map((kind) => (
                    <option key={kind} value={kind}>
                      {text.kind[kind]}
                    </option>
                  ))}
                </select>
                <Value condition={condition} control={control} onValue={(value) => change({ value })} />
                {(removable || conditions.length > 1) && (
                  <button
                    type="button"
                    class="copy"
                    aria-label={text.remove(condition.value || text.kind[condition.kind])}
                    onClick={() => onConditions(conditions.toSpliced(at, 1))}
                  >
                    <CloseIcon />
                  </button>
                )}
              </span>
            )}
          </Field>
        );
      })}
      {next !== undefined && (
        <button
          type="button"
          class="plain"
          onClick={() => onConditions([...conditions, { kind: next, value: '' }])}
        >
          {text.and}
        </button>
      )}
    </div>
  );
}

interface ValueProps {
  condition: Condition;
  control: ControlProps;
  onValue: (value: string) => void;
}

function Value({ condition: { kind, value }, control, onValue }: ValueProps) {
  if (kind === 'attestation')
    return (
      <select {...control} value={value} onChange={({ currentTarget }) => onValue(currentTarget.value)}>
        <option value="">{text.choose}</option>
        {verdictsOfAttestation.map((each) => (
          <option key={each} value={each}>
            {text.attestation[each]}
          </option>
        ))}
      </select>
    );
  const list = kind === 'device' || kind === 'gateway' || kind === 'label' ? nameLists[kind] : undefined;
  return (
    <input
      {...control}
      value={value}
      list={list}
      {...verbatim}
      onInput={({ currentTarget }) => onValue(currentTarget.value)}
    />
  );
}
