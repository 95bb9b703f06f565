import { useEffect, useState } from 'preact/hooks';
import type { Revision } from '../../api/config-route.ts';
import { call, type Problem } from '../api.ts';
import { formatDuration, formatTime } from '../format.ts';
import type { View } from '../live.ts';
import type { TrialEnd, TrialState } from '../settings/trial-state.ts';
import { tellTrial, useTrial } from '../settings/trial-watch.ts';
import { texts } from '../texts.ts';
import { State } from './state.tsx';

const text = texts.trial;

/** Stays on every page for as long as a change is on trial, and says afterwards what came of it. */
export function TrialBar({ view }: { view: View }) {
  const state = useTrial(view);
  if (state.kind === 'none' || state.kind === 'ended') return null;
  if (state.kind === 'told') return <Outcome outcome={state.outcome} />;
  return (
    <section class="trial-bar" aria-label={text.label}>
      <Countdown state={state} lost={view.phase === 'offline'} />
    </section>
  );
}

type Running = Extract<TrialState, { kind: 'sent' | 'running' }>;

function Countdown({ state, lost }: { state: Running; lost: boolean }) {
  const leftMs = Math.max(0, state.endsAt - performance.now());
  const left = formatDuration(Math.ceil(leftMs / 1000));
  const trial = state.kind === 'running' ? state.trial : null;
  const seconds = trial?.seconds ?? leftMs / 1000;
  return (
    <>
      <progress class="trial-left" max={seconds} value={leftMs / 1000} aria-hidden="true" />
      <div class="trial-words">
        <p class="trial-count" role="timer" aria-live="off">
          <State mark={lost ? 'down' : 'attention'} word={text.left(left)} />
        </p>
        <p role="status">
          <strong>
            {lost ? text.lost : trial === null ? text.sent : text.by(trial.author, trial.revision)}
          </strong>{' '}
          {!lost && (trial?.automatic ? text.automatic : text.why)}
        </p>
        {lost && <p>{lostWords(leftMs, left)}</p>}
        {!lost && trial !== null && <Proof missing={trial.missing} />}
      </div>
      {!lost && trial !== null && <Buttons missing={trial.missing ?? []} />}
    </>
  );
}

function lostWords(leftMs: number, left: string): string {
  const now = Date.now();
  const at = formatTime(now + leftMs, now);
  return leftMs > 0 ? text.lostUntil(at, left) : text.lostAfter(at);
}

/** What the proof that everybody is still reachable lacks. */
function Proof({ missing }: { missing: readonly string[] | null }) {
  if (missing === null) return <p class="quiet">{text.looking}</p>;
  if (missing.length === 0) return <State mark="up" word={text.proven} />;
  return (
    <div>
      <State mark="down" word={text.missing} />
      <ul class="missing-list">
        {missing.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </div>
  );
}

function Buttons({ missing }: { missing: readonly string[] }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const unproven = missing.length > 0 || problem?.code === 'settings-not-proven';
  // What was missing once may be back.
  useEffect(() => setProblem(null), [missing.length]);
  const end = async (path: string, body: object) => {
    if (busy) return;
    setBusy(true);
    const answer = await call<Revision>('POST', path, body);
    setBusy(false);
    if (answer.ok) tellTrial({ kind: 'heard', trial: null, at: performance.now() });
    setProblem(answer.ok ? null : answer.problem);
  };
  return (
    <div class="trial-buttons">
      <div class="actions">
        <button
          type="button"
          class={unproven ? 'plain' : 'main'}
          aria-disabled={busy}
          onClick={() => void end('/api/v1/config/confirm', { anyway: unproven })}
        >
          {unproven ? text.keepAnyway : text.keep}
        </button>
        <button
          type="button"
          class="plain"
          aria-disabled={busy}
          onClick={() => void end('/api/v1/config/revert', {})}
        >
          {text.takeBack}
        </button>
      </div>
      {problem !== null && (
        <p class="error" role="alert">
          {problem.detail} <code>{problem.code}</code>
        </p>
      )}
    </div>
  );
}

const keptShownMs = 8000;

function Outcome({ outcome: { id, outcome, reason } }: { outcome: TrialEnd }) {
  const kept = outcome === 'confirmed';
  const dismiss = () => tellTrial({ kind: 'dismissed' });
  // That all is well need not be closed by hand; that it is not must have been seen.
  useEffect(() => {
    if (!kept) return;
    const timer = setTimeout(dismiss, keptShownMs);
    return () => clearTimeout(timer);
  }, [id, kept]);
  const words = kept ? text.kept : outcome === 'interrupted' ? text.interrupted : text.takenBack;
  return (
    <section class="trial-bar trial-over" aria-label={text.label}>
      <div class="trial-words" role="status">
        <State mark={kept ? 'up' : 'attention'} word={words(id)} />
        {reason !== null && <p>{text.reason(reason)}</p>}
      </div>
      <div class="actions">
        <button type="button" class="plain" onClick={dismiss}>
          {text.dismiss}
        </button>
      </div>
    </section>
  );
}
