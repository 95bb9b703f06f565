import type { SessionView } from '../api/session-route.ts';
import { type Answer, call, type Problem } from './api.ts';
import { sessionBegins, sessionEnds, sessionNow, settlePrompt, touchWanted } from './session-state.ts';

const path = '/api/v1/session';

/** Asks who is signed in; the cookie itself cannot be read here. */
export async function findSession(): Promise<void> {
  const answer = await call<SessionView>('GET', path, undefined, { mayAsk: false });
  if (answer.ok) sessionBegins(answer.value);
  // A box that does not answer has not said that nobody is signed in.
  else if (answer.problem.status === 401) sessionEnds();
}

/** Null where it succeeded. */
export function signIn(name: string, password: string): Promise<Problem | null> {
  return begin(path, { name, password });
}

export function confirmPassword(password: string): Promise<Problem | null> {
  return begin(`${path}/confirm`, { password });
}

/** Where the password is right and a key has to be touched, the box is asked again and waits for that. */
async function begin(at: string, given: object): Promise<Problem | null> {
  const ask = (body: object, signal?: AbortSignal) =>
    call<SessionView>('POST', at, body, { mayAsk: false, ...(signal && { signal }) });
  let answer = await ask(given);
  if (!answer.ok && answer.problem.code === 'security-key-needed') {
    const leaving = new AbortController();
    touchWanted(leaving);
    answer = await ask({ ...given, touch: true }, leaving.signal);
    touchWanted(null);
  }
  if (!answer.ok) return answer.problem;
  sessionBegins(answer.value);
  settlePrompt(true);
  return null;
}

export interface Claimed {
  readonly claimed: true;
  /** True where the page is no longer served on the port that it was asked on. */
  readonly pageCloses: boolean;
  readonly session: SessionView;
}

/** With the claim code a box gets its owner; with the console's recovery code the owner a new password. Both are signed in. */
export async function claimBox(code: string, password: string): Promise<Answer<Claimed>> {
  const answer = await call<Claimed>('POST', '/api/v1/claim', { code, password }, { mayAsk: false });
  if (answer.ok) sessionBegins(answer.value.session);
  return answer;
}

export async function signOut(): Promise<Problem | null> {
  const answer = await call<undefined>('DELETE', path, undefined, { mayAsk: false });
  if (!answer.ok && answer.problem.status !== 401) return answer.problem;
  sessionEnds();
  return null;
}

const renewEveryMs = 5 * 60_000;

/** A page that is used keeps its session; one that only lies open does not. Gives the way to stop. */
export function keepSession(): () => void {
  let renewed = performance.now();
  const renew = () => {
    const now = performance.now();
    if (sessionNow().kind !== 'user' || now - renewed < renewEveryMs) return;
    renewed = now;
    void call<SessionView>('GET', path).then((answer) => answer.ok && sessionBegins(answer.value));
  };
  addEventListener('pointerdown', renew);
  addEventListener('keydown', renew);
  return () => {
    removeEventListener('pointerdown', renew);
    removeEventListener('keydown', renew);
  };
}
