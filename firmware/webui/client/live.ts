import type { LogEntry, Status, StatusUpdate } from '../api/status-schema.ts';
import { followSession, sessionRefused } from './session-state.ts';

/** Bytes a second over the last minute, a sample for each status; oldest first. */
export interface Rates {
  readonly received: readonly number[];
  readonly sent: readonly number[];
}

export interface View {
  /** `closed`: the box answers, and tells nothing to who has not signed in. */
  readonly phase: 'loading' | 'live' | 'offline' | 'closed';
  /** Null until the box has answered once. */
  readonly status: StatusUpdate | null;
  readonly log: readonly LogEntry[];
  /** By the kernel's name of the interface, and by the HIT of the peer of a tunnel. */
  readonly rates: ReadonlyMap<string, Rates>;
  /** When the last answer came, by the browser's clocks: milliseconds since 1970, and since the page was opened. */
  readonly heardAt: number;
  readonly heardAfter: number;
}

export const firstView: View = {
  phase: 'loading',
  status: null,
  log: [],
  rates: new Map(),
  heardAt: 0,
  heardAfter: 0,
};

const samples = 30;
const logLinesKept = 500;
/** Three statuses missed. */
const silenceMs = 7000;
const retryMs = [500, 1000, 2000, 4000, 8000];
const pollMs = 5000;

/**
 * Keeps a view of the box up to date over its event stream and tells each change. Where the box has no stream left it is
 * polled. Never gives up: a lost box is asked again and again, at once when the browser is back in use or online.
 */
export function watchBox(tell: (view: View) => void): () => void {
  let view = firstView;
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let tries = 0;

  const change = (next: Partial<View>) => {
    view = { ...view, ...next };
    tell(view);
  };

  function heard(status: StatusUpdate, log: readonly LogEntry[] = view.log): void {
    tries = 0;
    const heardAfter = performance.now();
    change({
      phase: 'live',
      status,
      log,
      rates: nextRates(view, status, heardAfter),
      heardAt: Date.now(),
      heardAfter,
    });
  }

  function lost(): void {
    if (view.phase !== 'offline') change({ phase: 'offline' });
  }

  function plan(work: () => void, after: number): void {
    clearTimeout(timer);
    timer = setTimeout(work, after);
  }

  function open(): void {
    source?.close();
    const opened = new EventSource('/api/v1/events');
    source = opened;
    plan(silent, silenceMs);
    opened.addEventListener('status', ({ data }: MessageEvent<string>) => {
      const status: StatusUpdate & Partial<Pick<Status, 'log'>> = JSON.parse(data);
      heard(status, status.log);
      plan(silent, silenceMs);
    });
    opened.addEventListener('log', ({ data }: MessageEvent<string>) => {
      const lines: LogEntry[] = JSON.parse(data);
      change({ log: [...view.log, ...lines].slice(-logLinesKept) });
    });
    opened.addEventListener('error', () => {
      opened.close();
      if (source === opened) void ask();
    });
  }

  function silent(): void {
    lost();
    open();
  }

  /** Why the stream ended: the box is gone, or it answers but keeps enough pages up to date already. */
  async function ask(): Promise<void> {
    source = null;
    clearTimeout(timer);
    try {
      const response = await fetch('/api/v1/status', {
        headers: { 'x-hithe-background': '1' },
        signal: AbortSignal.timeout(silenceMs),
      });
      if (response.status === 401) {
        change({ phase: 'closed' });
        sessionRefused();
        return;
      }
      if (!response.ok) throw new Error(String(response.status));
      const status: Status = await response.json();
      heard(status, status.log);
      plan(open, pollMs);
    } catch {
      lost();
      plan(open, retryMs[Math.min(tries, retryMs.length - 1)] ?? 8000);
      tries++;
    }
  }

  const hurry = () => {
    if (document.visibilityState === 'visible' && view.phase !== 'live' && view.phase !== 'closed') open();
  };
  // Only somebody who signs in opens it again.
  const stopFollowing = followSession(({ state }) => {
    if (state.kind === 'user' && view.phase === 'closed') open();
    // Who has signed out leaves nothing on the screen.
    if (state.kind === 'nobody' && view.status?.claimed === true) {
      source?.close();
      source = null;
      clearTimeout(timer);
      view = { ...firstView, phase: 'closed' };
      tell(view);
    }
  });
  addEventListener('online', hurry);
  document.addEventListener('visibilitychange', hurry);
  open();
  return () => {
    stopFollowing();
    source?.close();
    source = null;
    clearTimeout(timer);
    removeEventListener('online', hurry);
    document.removeEventListener('visibilitychange', hurry);
  };
}

function nextRates(
  { status: before, rates, heardAfter }: View,
  now: StatusUpdate,
  at: number,
): ReadonlyMap<string, Rates> {
  const seconds = (at - heardAfter) / 1000;
  const next = new Map<string, Rates>();
  const earlier = before === null ? new Map<string, Counters>() : countersOf(before);
  for (const [name, current] of countersOf(now)) {
    const last = earlier.get(name);
    const known = rates.get(name) ?? { received: [], sent: [] };
    // After a gap or a restart of the counters a rate would be an invention.
    if (
      last === undefined ||
      seconds <= 0 ||
      seconds > silenceMs / 1000 ||
      current.receivedBytes < last.receivedBytes
    ) {
      next.set(name, { received: [], sent: [] });
      continue;
    }
    const per = (count: number, already: number) => Math.max(0, count - already) / seconds;
    next.set(name, {
      received: [...known.received, per(current.receivedBytes, last.receivedBytes)].slice(-samples),
      sent: [...known.sent, per(current.sentBytes, last.sentBytes)].slice(-samples),
    });
  }
  return next;
}

interface Counters {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

function countersOf({ network, tunnels }: StatusUpdate): ReadonlyMap<string, Counters> {
  return new Map<string, Counters>([
    ...network.interfaces.map((each): [string, Counters] => [each.kernelName, each]),
    ...tunnels.map(({ hit, traffic }): [string, Counters] => [hit, traffic]),
  ]);
}
