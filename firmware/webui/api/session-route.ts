import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { deleteCookie, setCookie } from 'hono/cookie';
import { accesses, accessesOfRole, roles } from '../access.ts';
import type { Accounts, PasswordOutcome, SignInOutcome } from '../accounts.ts';
import { limits } from '../limits.ts';
import { passwordProblem } from '../passwords.ts';
import type { ReadClock } from '../ports.ts';
import type { Session } from '../sessions.ts';
import { clientOf, sessionCookie } from './access-guard.ts';
import { problemAnswer } from './problem.ts';
import { type Api, type ApiEnvironment, apiRoute } from './route.ts';
import { body, problem } from './route-content.ts';
import { refuseKey } from './security-key-problem.ts';

export const sessionView = z
  .object({
    user: z.object({ name: z.string(), role: z.enum(roles) }),
    access: z.array(z.enum(accesses)).readonly(),
    /** To be sent as `x-csrf-token` with every request that is not GET. */
    csrfToken: z.string(),
    /** ISO 8601 in UTC; later with each use. */
    expiresAt: z.string(),
    /** Until when dangerous acts are allowed; null where the password has to be given again. */
    confirmedUntil: z.string().nullable(),
  })
  .openapi('Session');
export type SessionView = z.infer<typeof sessionView>;

const answer = (description: string) => ({
  description,
  content: { 'application/json': { schema: sessionView } },
});
export const passwordField = z.string().max(limits.passwordLength);
const passwordRefusals = {
  400: problem('The body has not the fields that it should have'),
  401: problem(
    'Name or password are wrong, nobody is signed in, or a security key has to be touched (`security-key-needed`)',
  ),
  403: problem('The request came from another site'),
  413: problem('The body is too large'),
  415: problem('The body is not JSON'),
  503: problem('The box is at work on other passwords'),
};

const keyRefusals = {
  403: problem('The request came from another site, or somebody has copied the security key'),
  409: problem('No security key of the user was touched; `code` says what kept it from that'),
};
/** Said once `security-key-needed` was the answer: the request then waits up to 25 s for the touch. */
const touchField = z.boolean().optional();

const path = '/api/v1/session';
const sessionRoutes = {
  begin: apiRoute({
    method: 'post',
    path,
    access: 'public',
    act: 'sign in',
    summary:
      'Signs a user in; the session is in a cookie. Who has security keys touches one in the box’s USB port',
    request: body(
      z.strictObject({
        name: z.string().max(limits.userNameLength),
        password: passwordField,
        touch: touchField,
      }),
    ),
    responses: { 200: answer('Signed in'), ...passwordRefusals, ...keyRefusals },
  }),
  read: apiRoute({
    method: 'get',
    path,
    access: 'read',
    personal: true,
    summary: 'Who is signed in, and what they may do',
    responses: { 200: answer('The session') },
  }),
  end: apiRoute({
    method: 'delete',
    path,
    access: 'read',
    personal: true,
    act: 'sign out',
    summary: 'Signs out',
    responses: { 204: { description: 'Signed out' } },
  }),
  confirm: apiRoute({
    method: 'post',
    path: `${path}/confirm`,
    access: 'read',
    personal: true,
    act: 'confirm password',
    summary: 'Gives the password again: for five minutes dangerous acts are allowed',
    request: body(z.strictObject({ password: passwordField, touch: touchField })),
    responses: { 200: answer('Confirmed'), ...passwordRefusals, ...keyRefusals },
  }),
  password: apiRoute({
    method: 'post',
    path: `${path}/password`,
    access: 'read',
    personal: true,
    act: 'change own password',
    summary: 'Changes one’s own password; other sessions of the user end',
    request: body(z.strictObject({ password: passwordField, newPassword: passwordField })),
    responses: {
      200: answer('Changed'),
      ...passwordRefusals,
      500: problem('The new password could not be stored; the old one is good still'),
    },
  }),
};

export interface SessionRoutePorts {
  readonly accounts: Accounts;
  readonly now: ReadClock;
  readonly hostname: () => string;
}

/** The session as the API shows it; its own secret is in the cookie alone. */
export function viewOfSession({ user, csrfToken, leftMs, confirmedMs }: Session, now: number): SessionView {
  const at = (milliseconds: number) => new Date(now + milliseconds).toISOString();
  return {
    ...{ user, access: accessesOfRole[user.role], csrfToken, expiresAt: at(leftMs) },
    confirmedUntil: confirmedMs === null ? null : at(confirmedMs),
  };
}

export function giveCookie(context: Context<ApiEnvironment>, { id }: Session): void {
  setCookie(context, sessionCookie, id, { path: '/', secure: true, httpOnly: true, sameSite: 'Strict' });
}

export function addSessionRoutes(api: Api, { accounts, now, hostname }: SessionRoutePorts): void {
  const { sessions, users } = accounts;
  const shown = (session: Session) => viewOfSession(session, now());

  function endPresent(context: Context<ApiEnvironment>): void {
    const session = context.get('session');
    if (session !== null) sessions.end(session.id);
  }
  const ended = 'The session has ended.';
  const noSession = 'The command line has no session: it may do everything.';

  api.openapi(sessionRoutes.begin, async (context) => {
    const { name, password, touch = false } = context.req.valid('json');
    const client = clientOf(context);
    // A name that is nobody's may be a password in the wrong field.
    context.set('auditedWho', users.find(name)?.name ?? 'unknown');
    const outcome = await accounts.prove({ name, password, touch }, client, context.req.raw.signal);
    if (outcome.outcome !== 'right') return refuseProof(context, outcome, 'Name or password are wrong.');
    endPresent(context);
    auditProof(context, outcome);
    const session = sessions.begin(outcome.user, client, context.get('session'));
    giveCookie(context, session);
    return context.json(shown(session), 200);
  });

  api.openapi(sessionRoutes.read, (context) => {
    const session = context.get('session');
    if (session === null) return problemAnswer(context, 'not-signed-in', noSession);
    return context.json(shown(session), 200);
  });

  api.openapi(sessionRoutes.end, (context) => {
    endPresent(context);
    deleteCookie(context, sessionCookie, { path: '/', secure: true });
    return context.body(null, 204);
  });

  api.openapi(sessionRoutes.confirm, async (context) => {
    const session = context.get('session');
    if (session === null) return problemAnswer(context, 'not-signed-in', noSession);
    const { password, touch = false } = context.req.valid('json');
    const given = { name: session.user.name, password, touch };
    const outcome = await accounts.prove(given, clientOf(context), context.req.raw.signal);
    if (outcome.outcome !== 'right') return refuseProof(context, outcome, 'The password is wrong.');
    auditProof(context, outcome);
    const confirmed = sessions.confirm(session.id);
    if (confirmed === null) return problemAnswer(context, 'not-signed-in', ended);
    return context.json(shown(confirmed), 200);
  });

  api.openapi(sessionRoutes.password, async (context) => {
    const session = context.get('session');
    if (session === null) return problemAnswer(context, 'not-signed-in', noSession);
    const { password, newPassword } = context.req.valid('json');
    const unfit = passwordProblem(newPassword, { hostname: hostname() });
    if (unfit !== null)
      return problemAnswer(context, 'bad-request', unfit, {}, [{ path: 'newPassword', message: unfit }]);
    const { name } = session.user;
    const mark = users.passwordMark(name);
    const outcome = await accounts.verify(name, password, clientOf(context));
    if (outcome.outcome !== 'right') return refusePassword(context, outcome, 'The password is wrong.');
    if (!sessions.lasts(session.id)) return problemAnswer(context, 'not-signed-in', ended);
    const changed = await users.replacePassword(name, mark, newPassword);
    if (changed.outcome === 'moved-on')
      return refusePassword(context, { outcome: 'wrong' }, 'The password is another one now.');
    if (changed.outcome === 'busy') return refusePassword(context, { outcome: 'busy' }, '');
    if (changed.outcome !== 'done')
      return problemAnswer(context, 'not-stored', 'The new password could not be stored.');
    sessions.endAll({ user: name, except: session.id });
    return context.json(shown(session), 200);
  });
}

type RefusedProof = Exclude<SignInOutcome, { readonly outcome: 'right' }>;
type Refused = Exclude<PasswordOutcome, { readonly outcome: 'right' }>;

function auditProof(
  context: Context<ApiEnvironment>,
  { user, key }: Extract<SignInOutcome, { readonly outcome: 'right' }>,
): void {
  context.set('auditedWho', user.name);
  if (key !== null) context.set('audited', `with the security key ${key}`);
}

function refuseProof(context: Context<ApiEnvironment>, refused: RefusedProof, wrong: string) {
  switch (refused.outcome) {
    case 'wrong':
    case 'busy':
    case 'too-many-tries':
      return refusePassword(context, refused, wrong);
    case 'key-needed': {
      context.set('audited', 'the password is right, the touch of a security key is missing');
      return problemAnswer(context, 'security-key-needed', 'Touch your security key in the box’s USB port.');
    }
    default:
      return refuseKey(context, refused);
  }
}

function refusePassword(context: Context<ApiEnvironment>, refused: Refused, wrong: string) {
  switch (refused.outcome) {
    case 'wrong':
      return problemAnswer(context, 'wrong-password', wrong, {}, [{ path: 'password', message: wrong }]);
    case 'busy':
      return problemAnswer(context, 'busy', 'The box is at work on other passwords. Try again in a moment.', {
        'retry-after': '2',
      });
    case 'too-many-tries': {
      const seconds = refused.retryAfterSeconds;
      const detail = `Too many tries. The next one counts in ${seconds} s.`;
      return problemAnswer(context, 'too-many-tries', detail, { 'retry-after': String(seconds) });
    }
  }
}
