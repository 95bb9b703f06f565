import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { call, type Problem } from './api.ts';
import { useSession } from './session-state.ts';

export interface Query<Value> {
  /** The last answer of this path; it stays while it is asked for again, and when that fails. */
  readonly value: Value | null;
  readonly etag: string | null;
  /** Why the last try failed; null once one succeeds. */
  readonly problem: Problem | null;
  /** True only until the first answer or problem: nothing is shown greyed because it is read again. */
  readonly loading: boolean;
  readonly refresh: () => void;
}

type Held<Value> = Pick<Query<Value>, 'value' | 'etag' | 'problem'> & { readonly path: string | null };

interface QueryOptions {
  /** Milliseconds between two tries while the page is looked at; unless told, once. */
  readonly every?: number;
}

/** What GET of a path answers, kept fresh. A null path asks nothing. */
export function useQuery<Value>(path: string | null, { every }: QueryOptions = {}): Query<Value> {
  const [held, setHeld] = useState<Held<Value>>({ path, value: null, etag: null, problem: null });
  const [round, setRound] = useState(0);
  const { state } = useSession();
  // Asked anew for whoever has signed in meanwhile.
  const user = state.kind === 'user' ? state.session.csrfToken : '';
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const refresh = useCallback(() => setRound((count) => count + 1), []);

  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    const again = () => {
      if (every !== undefined) timer.current = setTimeout(ask, every);
    };
    let background = false;
    const ask = async () => {
      if (document.visibilityState === 'hidden') return again();
      const answer = await call<Value>('GET', path, undefined, { signal: abort.signal, background });
      background = true;
      if (abort.signal.aborted) return;
      setHeld((before) =>
        answer.ok
          ? { path, value: answer.value, etag: answer.etag, problem: null }
          : {
              ...(before.path === path ? before : { path, value: null, etag: null }),
              problem: answer.problem,
            },
      );
      again();
    };
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer.current);
    };
  }, [path, every, round, user]);

  // What another path answered is not this one's.
  const current = held.path === path ? held : { value: null, etag: null, problem: null };
  const { value, etag, problem } = current;
  return { value, etag, problem, loading: path !== null && value === null && problem === null, refresh };
}
