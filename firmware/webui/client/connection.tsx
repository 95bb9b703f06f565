import { formatDuration, formatTime } from './format.ts';
import type { View } from './live.ts';
import { Answer } from './parts/answer.tsx';
import { State } from './parts/state.tsx';
import { askPerson } from './session-state.ts';
import { texts } from './texts.ts';

const text = texts.connection;

const marks = {
  loading: ['degraded', text.loading],
  live: ['up', text.live],
  offline: ['down', text.offline],
  closed: ['off', text.signedOut],
} as const;

export function LiveMark({ phase }: { phase: View['phase'] }) {
  const [mark, word] = marks[phase];
  return (
    <div class="live">
      <State mark={mark} word={word} />
    </div>
  );
}

/** What stands above everything else while the box does not answer. */
export function Connection({ view, closed }: { view: View; closed: boolean }) {
  const { phase, status, heardAt } = view;
  if (phase === 'live') return null;
  if (status === null) {
    return phase === 'offline' ? (
      <Answer mark="down" sentence={text.neverAnswered} advice={text.neverAnsweredAdvice} />
    ) : (
      <Answer mark="degraded" sentence={text.asking} />
    );
  }
  if (closed) {
    return (
      <div class="lost" role="status">
        <State mark="up" word={text.closed} />
        <p>{text.closedAdvice}</p>
      </div>
    );
  }
  const now = Date.now();
  if (phase === 'closed') {
    return (
      <div class="lost" role="status">
        <State mark="attention" word={text.signedOut} />
        <p>{text.stale(formatTime(heardAt, now))}</p>
        <button type="button" class="main" onClick={() => void askPerson('sign-in')}>
          {text.signIn}
        </button>
      </div>
    );
  }
  return (
    <div class="lost" role="status" aria-atomic="true">
      <State mark="down" word={text.offline} />
      <p aria-live="off">{text.lost(formatTime(heardAt, now), formatDuration((now - heardAt) / 1000))}</p>
    </div>
  );
}
