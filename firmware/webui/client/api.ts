import type { Problem as ApiProblem } from '../api/problem.ts';
import { askPerson, sessionNow, sessionRefused } from './session-state.ts';
import { texts } from './texts.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What the box refused and why; `unreachable` is the page's own code for a box that did not answer. */
export type Problem = ApiProblem & {
  /** Of single fields of the body, by their path in it. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[] | undefined;
};

export type Answer<Value> =
  | { readonly ok: true; readonly value: Value; readonly etag: string | null }
  | { readonly ok: false; readonly problem: Problem };

interface CallOptions {
  /** Sent as If-Match: the settings must still be those that were read. */
  readonly etag?: string | null;
  readonly signal?: AbortSignal;
  /** Asked by the page itself, not for a person: it keeps no session alive and puts no question over the page. */
  readonly background?: boolean;
  /** False where being refused is an answer, as when signing in. */
  readonly mayAsk?: boolean;
}

const answerMs = 30_000;

/**
 * Asks the box. Never throws: a box that does not answer is a problem like any other, and nothing has been lost but the
 * answer. `Value` is what the route's schema says; an answer without a body has `undefined`. Where the session has ended,
 * or the password is wanted again, the person is asked and the call goes on where it was.
 */
export async function call<Value>(
  method: Method,
  path: string,
  body?: unknown,
  options: CallOptions = {},
): Promise<Answer<Value>> {
  const { background = false, mayAsk = true } = options;
  const answer = await send<Value>(method, path, body, options);
  if (answer.ok || !mayAsk) return answer;
  const { code } = answer.problem;
  if (code === 'not-signed-in') sessionRefused();
  if (background) return answer;
  const wanted =
    code === 'confirm-password'
      ? 'confirm-password'
      : code === 'not-signed-in' && sessionNow().kind === 'ended'
        ? 'sign-in'
        : null;
  if (wanted === null || !(await askPerson(wanted))) return answer;
  return send<Value>(method, path, body, options);
}

async function send<Value>(
  method: Method,
  path: string,
  body: unknown,
  { etag = null, signal, background = false }: CallOptions,
): Promise<Answer<Value>> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (etag !== null) headers['if-match'] = etag;
  if (background) headers['x-hithe-background'] = '1';
  const session = sessionNow();
  if (method !== 'GET' && session.kind === 'user') headers['x-csrf-token'] = session.session.csrfToken;
  const timeout = AbortSignal.timeout(answerMs);
  try {
    const response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    const text = await response.text();
    const parsed: unknown = text === '' ? undefined : JSON.parse(text);
    if (response.ok) return { ok: true, value: parsed as Value, etag: response.headers.get('etag') };
    return { ok: false, problem: isProblem(parsed) ? parsed : unreadable(response.status) };
  } catch {
    return { ok: false, problem: unreachable };
  }
}

const unreachable: Problem = {
  title: 'No answer',
  status: 0,
  code: 'unreachable',
  detail: texts.connection.noAnswer,
};

/** An answer that is not this box's, such as a proxy's page. */
function unreadable(status: number): Problem {
  return { title: 'Unreadable', status, code: 'unreadable', detail: texts.connection.unreadable };
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && 'detail' in value;
}
