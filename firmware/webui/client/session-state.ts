import { useEffect, useState } from 'preact/hooks';
import type { SessionView } from '../api/session-route.ts';

/** What the page asks a person before it goes on with what they wanted. */
export type Prompt = 'sign-in' | 'confirm-password';

/**
 * Who uses the page, as far as it knows.
 * - `asking`: not known yet.
 * - `nobody`: nobody has signed in; what the box shows all the same may be looked at.
 * - `user`: somebody is signed in.
 * - `ended`: somebody was, and the box does not take their session any more. The page keeps what they see and typed.
 */
export type SessionState =
  | { readonly kind: 'asking' }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'user'; readonly session: SessionView }
  | { readonly kind: 'ended'; readonly session: SessionView };

interface Held {
  readonly state: SessionState;
  readonly prompt: Prompt | null;
  /** While the box waits for the touch of a security key: what ends the wait. */
  readonly touch: AbortController | null;
}

let held: Held = { state: { kind: 'asking' }, prompt: null, touch: null };
const followers = new Set<(held: Held) => void>();
/** Those who wait for the prompt that is shown. */
let waiting: ((done: boolean) => void)[] = [];

function change(next: Partial<Held>): void {
  held = { ...held, ...next };
  for (const follow of followers) follow(held);
}

export function sessionNow(): SessionState {
  return held.state;
}

export function followSession(follow: (held: Held) => void): () => void {
  followers.add(follow);
  return () => void followers.delete(follow);
}

/** Somebody has signed in, or their session was read anew. */
export function sessionBegins(session: SessionView): void {
  change({ state: { kind: 'user', session } });
}

/** Nobody is signed in: nobody was, or they signed out. */
export function sessionEnds(): void {
  change({ state: { kind: 'nobody' } });
  settlePrompt(false);
}

/** The box does not take the session any more. Whoever had one is asked to sign in over the page that they look at. */
export function sessionRefused(): void {
  if (held.state.kind === 'user') change({ state: { kind: 'ended', session: held.state.session } });
  else if (held.state.kind === 'asking') change({ state: { kind: 'nobody' } });
}

export function touchWanted(touch: AbortController | null): void {
  change({ touch });
}

/** Shows a prompt and waits for what comes of it; false where the person lets it be. */
export function askPerson(prompt: Prompt): Promise<boolean> {
  if (held.prompt !== prompt) {
    settlePrompt(false);
    change({ prompt });
  }
  return new Promise((settle) => waiting.push(settle));
}

export function settlePrompt(done: boolean): void {
  const settled = waiting;
  waiting = [];
  if (held.prompt !== null) change({ prompt: null });
  for (const settle of settled) settle(done);
}

export function useSession(): Held {
  const [shown, setShown] = useState(held);
  useEffect(() => {
    setShown(held);
    return followSession(setShown);
  }, []);
  return shown;
}
