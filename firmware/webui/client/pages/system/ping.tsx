import { useState } from 'preact/hooks';
import type { PingReport } from '../../../api/diagnostics-route.ts';
import { call } from '../../api.ts';
import { Fact, Facts } from '../../parts/facts.tsx';
import { Form, TextField } from '../../parts/form.tsx';
import { State } from '../../parts/state.tsx';
import { useRoute } from '../../router.tsx';
import type { MarkName } from '../../summary.ts';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';

const text = texts.diagnostics.ping;
const count = 4;
const marks: Record<PingReport['outcome'], MarkName> = {
  answered: 'up',
  denied: 'down',
  'tunnel-down': 'down',
  'no-answer': 'degraded',
};

/** @param ends id of the list of names that are offered */
export function Ping({ ends }: { ends: string }) {
  const { query } = useRoute();
  const [to, setTo] = useState(query.get('to') ?? '');
  const [from, setFrom] = useState(query.get('from') ?? '');
  const [missing, setMissing] = useState(false);
  const [report, setReport] = useState<PingReport | null>(null);
  const { busy, problem, run } = useAction();
  const ping = async () => {
    setMissing(to.trim() === '');
    if (to.trim() === '') return document.getElementById('field-to')?.focus();
    setReport(null);
    const body = { to: to.trim(), count, ...(from.trim() !== '' && { from: from.trim() }) };
    const answer = await run(() => call<PingReport>('POST', '/api/v1/diagnostics/ping', body));
    setReport(answer ?? null);
  };
  return (
    <>
      <Form
        label={text.title}
        problem={problem}
        busy={busy}
        submit={text.submit}
        onSubmit={() => void ping()}
      >
        <div class="side-by-side">
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
          <TextField
            path="from"
            label={text.from}
            hint={text.fromHint}
            value={from}
            onValue={setFrom}
            maxLength={63}
          />
        </div>
      </Form>
      <div class="outcome" role="status">
        {report !== null && <Report report={report} />}
      </div>
    </>
  );
}

function Report({ report: { outcome, why, policy, tunnels, echo } }: { report: PingReport }) {
  return (
    <>
      <p class="outcome-sentence">
        <State mark={marks[outcome]} word={text.outcomes[outcome]} /> <bdi>{why}</bdi>
      </p>
      <Facts>
        {policy !== null && (
          <Fact name={text.policy}>
            <bdi>{policy.why}</bdi>
          </Fact>
        )}
        {tunnels.map(({ peer, state }) => (
          <Fact key={peer} name={text.tunnel(peer)}>
            {state}
          </Fact>
        ))}
        <Fact name={text.echoes}>
          <span class="figure">{text.counts(echo.received, echo.sent)}</span>
          {echo.rttMs !== null && (
            <span class="figure">{text.times(echo.rttMs.min, echo.rttMs.average, echo.rttMs.max)}</span>
          )}
        </Fact>
        <Fact name={text.way}>
          <code>{echo.from ?? texts.diagnostics.here}</code> → <code>{echo.to}</code>
        </Fact>
      </Facts>
    </>
  );
}
