import { useState } from 'preact/hooks';
import type { Capture as Running } from '../../../api/diagnostics-route.ts';
import { call } from '../../api.ts';
import { formatAbsolute, formatMemory } from '../../format.ts';
import { Fact, Facts } from '../../parts/facts.tsx';
import { Form, SelectField, TextField } from '../../parts/form.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { State } from '../../parts/state.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';
import { useBox } from '../../use-box.ts';
import { useQuery } from '../../use-query.ts';

const text = texts.diagnostics.capture;
const path = '/api/v1/diagnostics/capture';
const every = 1000;
/** Bounds as they stand in the form, and as the box takes them. */
const bounds = ['seconds', 'count', 'kibibytes', 'rate', 'snapLength'] as const;
type Bounds = Record<(typeof bounds)[number], string>;
const usual: Bounds = { seconds: '60', count: '10000', kibibytes: '4096', rate: '1000', snapLength: '1600' };

/** What passes a port or the tunnels, as a file for a protocol analyser. One at a time for the whole box. */
export function Capture() {
  const { value, problem, refresh } = useQuery<{ readonly capture: Running | null }>(path, { every });
  const capture = value?.capture ?? null;
  if (problem !== null) return <ProblemNotice problem={problem} onRetry={refresh} />;
  return capture === null ? <Begin onBegun={refresh} /> : <Kept capture={capture} onChanged={refresh} />;
}

function Begin({ onBegun }: { onBegun: () => void }) {
  const { status } = useBox();
  const [link, setLink] = useState('tunnel');
  const [filter, setFilter] = useState('');
  const [typed, setTyped] = useState(usual);
  const { busy, problem, run } = useAction();
  const begin = async () => {
    const numbers = Object.fromEntries(bounds.map((name) => [name, Number(typed[name])]));
    const begun = await run(() => call<Running>('POST', path, { link, filter, ...numbers }));
    if (begun !== undefined) onBegun();
  };
  return (
    <Form label={text.title} problem={problem} busy={busy} submit={text.submit} onSubmit={() => void begin()}>
      <SelectField
        path="link"
        label={text.link}
        value={link}
        choices={[
          { value: 'tunnel', label: text.tunnels },
          ...status.network.interfaces.map(({ name }) => ({ value: name, label: name })),
        ]}
        onValue={setLink}
      />
      <TextField
        path="filter"
        label={text.filter}
        hint={text.filterHint}
        value={filter}
        onValue={setFilter}
        maxLength={1024}
        mono
      />
      <details class="disclosure">
        <summary>{text.bounds}</summary>
        <div class="disclosed bounds">
          {bounds.map((name) => (
            <TextField
              key={name}
              path={name}
              label={text.bound[name]}
              type="number"
              value={typed[name]}
              onValue={(value) => setTyped({ ...typed, [name]: value })}
            />
          ))}
        </div>
      </details>
    </Form>
  );
}

function Kept({ capture, onChanged }: { capture: Running; onChanged: () => void }) {
  const { busy, problem, run } = useAction();
  const isRunning = capture.state === 'running';
  const stop = async () => {
    await run(() => call<Running>('POST', `${path}/stop`, {}));
    onChanged();
  };
  const discard = async () => {
    await run(() => call('DELETE', path));
    onChanged();
  };
  const word = isRunning ? text.running : text.over[capture.ended ?? 'stopped'];
  return (
    <>
      <p class="outcome-sentence" role="status">
        <State mark={isRunning ? 'up' : 'off'} word={word} />
      </p>
      <Facts>
        <Fact name={text.link}>
          {capture.link === 'tunnel' ? text.tunnels : capture.link}
          {capture.filter !== '' && <code>{capture.filter}</code>}
        </Fact>
        <Fact name={text.written}>
          <span class="figure">
            {text.frames(capture.written)} ·{' '}
            {text.size(formatMemory(capture.octets), formatMemory(capture.largest))}
          </span>
        </Fact>
        <Fact name={text.left}>
          <span class="figure">{text.leftOut(capture.filtered, capture.overRate, capture.dropped)}</span>
        </Fact>
        {capture.deletedAt !== null && (
          <Fact name={text.deleted}>{formatAbsolute(Date.parse(capture.deletedAt))}</Fact>
        )}
      </Facts>
      {problem !== null && <ProblemNotice problem={problem} />}
      <p class="actions">
        {isRunning ? (
          <button type="button" class="main" aria-disabled={busy} onClick={() => void stop()}>
            {text.stop}
          </button>
        ) : (
          <a class="button" href={`${path}/file`}>
            {text.download}
          </a>
        )}
        <button type="button" class="plain" aria-disabled={busy} onClick={() => void discard()}>
          {text.discard}
        </button>
        {!isRunning && <span class="quiet">{text.once}</span>}
      </p>
    </>
  );
}
