import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { FlowsPage, NewFlows, StoredFlow } from '../../../api/flows-route.ts';
import { call, type Problem } from '../../api.ts';

export interface Recorded {
  /** Newest first. */
  readonly shown: readonly StoredFlow[];
  /** Came since then, newest first; they wait until somebody wants to see them. */
  readonly waiting: readonly StoredFlow[];
  /** New ones that were deleted before they could be shown. */
  readonly missed: number;
  /** Where older ones begin; null where there are none, or nothing was read yet. */
  readonly before: number | null;
  readonly loading: boolean;
  /** Why the last try failed. */
  readonly problem: Problem | null;
}

const nothing: Recorded = {
  ...{ shown: [], waiting: [], missed: 0, before: null, loading: true, problem: null },
};

const pageSize = 500;
/** Seconds that the box holds a question for new flows; less than a connection may be silent. */
const waitSeconds = 20;
const retryMs = 5_000;
/** Rows that wait at most: whoever did not look for so long reads the list anew. */
const waitingKept = 5_000;

/** Recorded flows that a filter wants, read page by page as they are asked for, and new ones as they come. */
export function useRecorded(filter: string): Recorded & {
  readonly more: () => void;
  readonly showNew: () => void;
  readonly again: () => void;
} {
  const [state, setState] = useState<Recorded>(nothing);
  const [round, setRound] = useState(0);
  const abort = useRef<AbortController | null>(null);
  const reading = useRef(false);
  const latest = useRef(state);
  latest.current = state;

  useEffect(() => {
    const own = new AbortController();
    abort.current = own;
    reading.current = false;
    setState(nothing);
    void begin(filter, own.signal, (change) => !own.signal.aborted && setState(change));
    return () => own.abort();
  }, [filter, round]);

  const more = useCallback(() => {
    const signal = abort.current?.signal;
    const { before } = latest.current;
    if (signal === undefined || before === null || reading.current) return;
    reading.current = true;
    void readPage(filter, before, signal).then((change) => {
      if (signal.aborted) return;
      reading.current = false;
      setState(change);
    });
  }, [filter]);
  const showNew = useCallback(
    () => setState((now) => ({ ...now, shown: [...now.waiting, ...now.shown], waiting: [], missed: 0 })),
    [],
  );
  const again = useCallback(() => setRound((count) => count + 1), []);
  return { ...state, more, showNew, again };
}

type Change = (now: Recorded) => Recorded;

async function readPage(filter: string, before: number | null, signal: AbortSignal): Promise<Change> {
  const asked = new URLSearchParams(filter);
  asked.set('limit', String(pageSize));
  if (before !== null) asked.set('before', String(before));
  const answer = await call<FlowsPage>('GET', `/api/v1/flows?${asked}`, undefined, { signal });
  return (now) =>
    answer.ok
      ? {
          ...now,
          shown: [...now.shown, ...answer.value.flows],
          before: answer.value.before,
          ...{ loading: false, problem: null },
        }
      : { ...now, loading: false, problem: answer.problem };
}

/** The first page, and then what is recorded from then on. The cursor is read first, so that nothing falls between. */
async function begin(filter: string, signal: AbortSignal, set: (change: Change) => void): Promise<void> {
  const newest = await call<NewFlows>('GET', '/api/v1/flows/new', undefined, { signal });
  set(await readPage(filter, null, signal));
  if (!newest.ok) return;
  const asked = new URLSearchParams(filter);
  asked.set('wait', String(waitSeconds));
  for (let { cursor } = newest.value; !signal.aborted; ) {
    await untilVisible(signal);
    asked.set('after', String(cursor));
    const answer = await call<NewFlows>('GET', `/api/v1/flows/new?${asked}`, undefined, { signal });
    if (signal.aborted) return;
    if (!answer.ok) {
      await pause(signal);
      continue;
    }
    const { flows, missed } = answer.value;
    cursor = answer.value.cursor;
    if (flows.length + missed > 0) set((now) => withNew(now, flows, missed));
  }
}

function withNew(now: Recorded, flows: readonly StoredFlow[], missed: number): Recorded {
  // Those that came while the first page was read may stand in it.
  const newest = now.waiting[0]?.id ?? now.shown[0]?.id ?? 0;
  const fresh = flows.filter(({ id }) => id > newest).toReversed();
  const waiting = [...fresh, ...now.waiting];
  const dropped = Math.max(0, waiting.length - waitingKept);
  return { ...now, waiting: waiting.slice(0, waitingKept), missed: now.missed + missed + dropped };
}

/** Nobody is kept waiting for a page that nobody looks at. */
function untilVisible(signal: AbortSignal): Promise<void> {
  if (document.visibilityState === 'visible') return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener('visibilitychange', () => resolve(), { once: true, signal });
    signal.addEventListener('abort', () => resolve());
  });
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, retryMs);
    signal.addEventListener('abort', () => resolve());
  });
}
