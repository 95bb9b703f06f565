import { protocols, type RuleMode, ruleModes, weekDays } from '../../../../policy/policy.ts';
import { CloseIcon } from '../../icons.tsx';
import { Field, SelectField, TextField } from '../../parts/form.tsx';
import { texts } from '../../texts.ts';
import type { RuleDraft, ServiceDraft } from './rule-draft.ts';
import { SideFields } from './side-fields.tsx';

const text = texts.policy.form;

interface RuleFieldsProps {
  /** Where the rule stands in the settings: `policy.rules[3]`. */
  path: string;
  draft: RuleDraft;
  onDraft: (draft: RuleDraft) => void;
}

/** The fields of a rule, in the order of its sentence. */
export function RuleFields({ path, draft, onDraft }: RuleFieldsProps) {
  const change = (changed: Partial<RuleDraft>) => onDraft({ ...draft, ...changed });
  return (
    <>
      <SideFields
        legend={text.subject}
        path={`${path}.subject`}
        place="subject"
        side={draft.subject}
        onSide={(subject) => change({ subject })}
      />
      <SelectField
        path={`${path}.verb`}
        label={text.verb}
        value={draft.verb}
        choices={(['allow', 'deny'] as const).map((value) => ({
          value,
          label: texts.policy.words.verb[value],
        }))}
        onValue={(verb) => change({ verb })}
      />
      <SideFields
        legend={text.object}
        path={`${path}.object`}
        place="object"
        side={draft.object}
        onSide={(object) => change({ object })}
      />
      <ServiceFields
        path={`${path}.services`}
        services={draft.services}
        onServices={(services) => change({ services })}
      />
      <ScheduleFields path={`${path}.schedule`} draft={draft} onDraft={onDraft} />
      <ModeFields path={`${path}.mode`} mode={draft.mode} onMode={(mode) => change({ mode })} />
      <label class="check">
        <input type="checkbox" checked={draft.log} onChange={() => change({ log: !draft.log })} />
        {text.log}
      </label>
      <TextField
        path={`${path}.id`}
        label={text.id}
        hint={text.idHint}
        value={draft.id}
        maxLength={63}
        onValue={(id) => change({ id })}
      />
    </>
  );
}

interface ServiceFieldsProps {
  path: string;
  services: readonly ServiceDraft[];
  onServices: (services: readonly ServiceDraft[]) => void;
}

function ServiceFields({ path, services, onServices }: ServiceFieldsProps) {
  return (
    <fieldset class="side-fields">
      <legend>{text.services}</legend>
      {services.map((service, at) => {
        const change = (changed: Partial<ServiceDraft>) =>
          onServices(services.with(at, { ...service, ...changed }));
        const hasPorts = service.protocol === 'tcp' || service.protocol === 'udp';
        return (
          <Field
            key={at}
            path={`${path}[${at}]${hasPorts ? '.ports' : ''}`}
            label={hasPorts ? text.ports : text.protocol}
            hint={hasPorts ? text.portsHint : undefined}
          >
            {(control) => {
              const protocol = (
                <select
                  {...(hasPorts ? { 'aria-label': text.protocol } : control)}
                  value={service.protocol}
                  onChange={({ currentTarget }) =>
                    change({ protocol: protocols.find((each) => each === currentTarget.value) ?? 'any' })
                  }
                >
                  {protocols.map((each) => (
                    <option key={each} value={each}>
                      {text.protocols[each]}
                    </option>
                  ))}
                </select>
              );
              return (
                <span class="condition">
                  {protocol}
                  {hasPorts && (
                    <input
                      {...control}
                      value={service.ports}
                      inputMode="numeric"
                      autoComplete="off"
                      onInput={({ currentTarget }) => change({ ports: currentTarget.value })}
                    />
                  )}
                  {services.length > 1 && (
                    <button
                      type="button"
                      class="copy"
                      aria-label={text.remove(`${service.protocol} ${service.ports}`.trim())}
                      onClick={() => onServices(services.toSpliced(at, 1))}
                    >
                      <CloseIcon />
                    </button>
                  )}
                </span>
              );
            }}
          </Field>
        );
      })}
      <button
        type="button"
        class="plain"
        onClick={() => onServices([...services, { protocol: 'tcp', ports: '' }])}
      >
        {text.addService}
      </button>
    </fieldset>
  );
}

function ScheduleFields({ path, draft, onDraft }: RuleFieldsProps) {
  const { schedule } = draft;
  const days = schedule?.days ?? weekDays;
  const toggle = (day: (typeof weekDays)[number]) =>
    schedule !== null &&
    onDraft({
      ...draft,
      schedule: {
        ...schedule,
        days: weekDays.filter((each) => days.includes(each) !== (each === day)),
      },
    });
  return (
    <fieldset class="side-fields">
      <legend>{text.when}</legend>
      <label class="check">
        <input
          type="checkbox"
          checked={schedule !== null}
          onChange={() =>
            onDraft({ ...draft, schedule: schedule === null ? { from: '08:00', to: '18:00' } : null })
          }
        />
        {text.onlyAt}
      </label>
      {schedule !== null && (
        <>
          <div class="days">
            {weekDays.map((day) => (
              <label key={day} class="check">
                <input type="checkbox" checked={days.includes(day)} onChange={() => toggle(day)} />
                {texts.policy.words.day[day]}
              </label>
            ))}
          </div>
          <div class="times">
            {(['from', 'to'] as const).map((end) => (
              <TextField
                key={end}
                path={`${path}.${end}`}
                label={text.time[end]}
                value={schedule[end]}
                maxLength={5}
                onValue={(value) => onDraft({ ...draft, schedule: { ...schedule, [end]: value } })}
              />
            ))}
          </div>
          <p class="quiet">{text.utc}</p>
        </>
      )}
    </fieldset>
  );
}

interface ModeFieldsProps {
  path: string;
  mode: RuleMode;
  onMode: (mode: RuleMode) => void;
}

function ModeFields({ path, mode, onMode }: ModeFieldsProps) {
  return (
    <fieldset class="side-fields">
      <legend>{text.mode}</legend>
      <div class="radios">
        {ruleModes.map((each) => (
          <label key={each}>
            <input type="radio" name={path} checked={each === mode} onChange={() => onMode(each)} />
            <span>
              {texts.policy.mode[each]}
              <span class="quiet">{text.modeHint[each]}</span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
