import { useState } from 'preact/hooks';
import type { Traceroute as Trace } from '../../../api/diagnostics-route.ts';
import { call } from '../../api.ts';
import { CheckField } from '../../parts/check-field.tsx';
import { Form, TextField } from '../../parts/form.tsx';
import { State } from '../../parts/state.tsx';
import { Cell, Row, Table } from '../../parts/table.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';
import { useQuery } from '../../use-query.ts';

const text = texts.diagnostics.traceroute;
const path = '/api/v1/diagnostics/traceroute';
const every = 1000;

/** @param ends id of the list of names that are offered */
export function Traceroute({ ends }: { ends: string }) {
  const [to, setTo] = useState('');
  const [underlay, setUnderlay] = useState(false);
  const [missing, setMissing] = useState(false);
  const { busy, problem, run } = useAction();
  const [watches, setWatches] = useState(true);
  const newest = useQuery<{ readonly traceroute: Trace | null }>(path, watches ? { every } : {});
  const trace = newest.value?.traceroute ?? null;
  if (newest.value !== null && watches && trace?.state !== 'running') setWatches(false);
  const begin = async () => {
    setMissing(to.trim() === '');
    if (to.trim() === '') return document.getElementById('trace-to')?.focus();
    const begun = await run(() => call<Trace>('POST', path, { to: to.trim(), underlay }));
    if (begun === undefined) return;
    setWatches(true);
    newest.refresh();
  };
  return (
    <>
      <Form
        label={text.title}
        problem={problem}
        ids="trace"
        busy={busy || trace?.state === 'running'}
        submit={text.submit}
        onSubmit={() => void begin()}
      >
        <TextField
          path="to"
          label={text.to}
          hint={texts.diagnostics.end}
          error={missing ? texts.diagnostics.missing : undefined}
          value={to}
          onValue={setTo}
          maxLength={63}
          list={ends}
        />
        <CheckField
          path="underlay"
          label={text.underlay}
          hint={text.underlayHint}
          checked={underlay}
          onChecked={setUnderlay}
        />
      </Form>
      {trace !== null && <Hops trace={trace} />}
    </>
  );
}

function Hops({ trace }: { trace: Trace }) {
  const { state, to, hops, reached, problem } = trace;
  const { columns } = text;
  const word =
    state === 'running' ? text.running(to) : reached ? text.reached(to, hops.length) : text.notReached(to);
  const mark = state === 'running' ? 'off' : reached ? 'up' : 'degraded';
  return (
    <div class="outcome">
      <p class="outcome-sentence" role="status">
        <State mark={mark} word={word} /> {problem !== null && <bdi>{problem}</bdi>}
      </p>
      {hops.length > 0 && (
        <Table label={text.hops(to)} kind="hops" columns={Object.values(columns)}>
          {hops.map(({ hop, address, ms, note }) => (
            <Row key={hop}>
              <Cell name={columns.hop} number>
                {hop}
              </Cell>
              <Cell name={columns.address}>
                {address === null ? <span class="quiet">{text.silent}</span> : <code>{address}</code>}
              </Cell>
              <Cell name={columns.ms} number>
                {ms === null ? '' : <span class="figure">{text.milliseconds(ms)}</span>}
              </Cell>
              <Cell name={columns.note}>{note ?? ''}</Cell>
            </Row>
          ))}
        </Table>
      )}
    </div>
  );
}
