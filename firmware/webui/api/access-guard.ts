import type { Context, MiddlewareHandler, Next } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { getCookie } from 'hono/cookie';
import { matchedRoutes } from 'hono/route';
import { shapeProblem } from '../../bytes/json-shape.ts';
import { type Actor, accessesOf, nameOf } from '../access.ts';
import type { Accounts } from '../accounts.ts';
import { limits } from '../limits.ts';
import type { AuditLog, ReadClock } from '../ports.ts';
import { sameText } from '../same-text.ts';
import type { Client, Session } from '../sessions.ts';
import { createTokenBucket } from '../token-bucket.ts';
import { problemResponse } from './problem.ts';
import { type Api, type ApiEnvironment, type RegisteredRoute, registeredRoutes } from './route.ts';

/** The prefix has the browser refuse it without Secure, with a Domain, or for a part of the site (RFC 6265bis § 4.1.3.2). */
export const sessionCookie = '__Host-hithe-session';

export interface GuardPorts {
  readonly claimed: () => boolean;
  readonly accounts: Accounts;
  readonly audit: AuditLog;
  /** Milliseconds since any moment. */
  readonly elapsed: ReadClock;
}

type GuardContext = Context<ApiEnvironment>;

/**
 * The one place where access is decided, before any handler and before a body is read: who asks, whether the route is for
 * them, whether a page of another site is behind it, and how large the body may be.
 */
export function addAccessGuard(api: Api, ports: GuardPorts): void {
  let routes: ReadonlyMap<string, RegisteredRoute> | null = null;
  const nameOfRoute = (method: string, path: string) => `${method} ${path}`;
  /** Once all of them are there. */
  function routeOf(context: GuardContext): RegisteredRoute | undefined {
    routes ??= new Map(registeredRoutes(api).map((route) => [nameOfRoute(route.method, route.path), route]));
    const method = context.req.method === 'HEAD' ? 'GET' : context.req.method;
    for (const { path } of matchedRoutes(context)) {
      const route = routes.get(nameOfRoute(method, path));
      if (route !== undefined) return route;
    }
    return undefined;
  }
  const takeBody = bodyBounds();
  const recordChange = changeRecorder(ports);

  api.use('/api/v1/*', async (context, next) => {
    if (isFromOtherSite(context))
      return problemResponse('cross-site', 'Only the box’s own page may do this.');
    if (/[?&][^=&]*=hithe_/.test(context.req.url))
      return problemResponse(
        'bad-request',
        'A token in an address ends up in logs and histories: send it in the Authorization header, and revoke this one.',
      );
    const route = routeOf(context);
    // Nothing is there, or not by this method: the last routes say so.
    if (route === undefined) return next();
    const refusal = admit(context, route);
    if (!changes(context)) return refusal ?? next();
    const answer = refusal ?? (await takeBodyOf(route, context, next));
    // What a handler answered is in the context, by which the router stands for it here.
    const { status } = answer instanceof Response ? answer : context.res;
    recordChange(context, route, status);
    return answer;
  });

  /** Finds out who asks, and says no to whom the route is not for. */
  function admit(context: GuardContext, route: RegisteredRoute): Response | null {
    const { actor, session, lasts } = identify(context, ports);
    context.set('actor', actor);
    context.set('session', session);
    context.set('mayStill', actor.kind === 'nobody' ? () => !ports.claimed() : lasts);
    return refusalOf(context, route, ports);
  }

  async function takeBodyOf(route: RegisteredRoute, context: GuardContext, next: Next) {
    const { bodyTypes, rules } = route;
    const type = /^[^;\s]*/.exec(context.req.header('content-type') ?? '')?.[0]?.toLowerCase() ?? '';
    if (bodyTypes.length > 0 && !bodyTypes.includes(type))
      return problemResponse('not-json', `Send the body as ${bodyTypes.join(' or ')}.`);
    let refusal: Response | null = null;
    const answer = await takeBody(rules.bodyBytes ?? limits.bodyBytes, context, async () => {
      if (bodyTypes.length > 0) {
        // A body may come slowly, and who sends it may have lost the right meanwhile.
        const text = await context.req.text();
        refusal = admit(context, route) ?? (type === 'application/json' ? misshapen(text) : null);
      }
      if (refusal === null) await next();
    });
    return refusal ?? answer;
  }
}

function refusalOf(
  context: GuardContext,
  { rules }: RegisteredRoute,
  { claimed }: GuardPorts,
): Response | null {
  const { access } = rules;
  const [actor, session] = [context.get('actor'), context.get('session')];
  if (access === 'public' || (rules.openUntilClaimed && !claimed())) return null;
  if (actor.kind === 'nobody') {
    const detail = claimed() ? 'Sign in first.' : 'Claim this box first.';
    return problemResponse('not-signed-in', detail, { 'www-authenticate': 'Bearer realm="hithe"' });
  }
  if (!accessesOf(actor).includes(access))
    return problemResponse('not-allowed', `This needs the right to ${access}, which you do not have.`);
  if (actor.kind === 'token' && rules.personal)
    return problemResponse('not-allowed', 'This is for people: a token may not do it.');
  if (session === null || actor.kind !== 'user') return null;
  if (changes(context) && !sameText(context.req.header('x-csrf-token') ?? '', session.csrfToken))
    return problemResponse(
      'cross-site',
      'The x-csrf-token header is not this session’s. Open the page anew.',
    );
  if (rules.dangerous && !actor.confirmed)
    return problemResponse('confirm-password', 'Give your password again to do this.');
  return null;
}

interface Identified {
  readonly actor: Actor;
  readonly session: Session | null;
  readonly lasts: () => boolean;
}

function identify(context: GuardContext, { accounts: { sessions, tokens } }: GuardPorts): Identified {
  const as = (actor: Actor, lasts = () => true): Identified => ({ actor, session: null, lasts });
  if (context.env.transport === 'local') return as({ kind: 'command line' });
  const authorization = context.req.header('authorization');
  if (authorization !== undefined) {
    // Who sends a token that is none has no other way in beside it.
    const text = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
    const token = text === undefined ? null : tokens.find(text);
    if (token === null) return as({ kind: 'nobody' });
    const { id, name, access } = token;
    return as({ kind: 'token', id, name, access }, () => tokens.lasts(id));
  }
  const cookie = getCookie(context, sessionCookie);
  const session =
    cookie === undefined ? null : sessions.find(cookie, clientOf(context), { renew: !isByItself(context) });
  if (session === null) return as({ kind: 'nobody' });
  const { id, user, confirmedMs } = session;
  const actor: Actor = { kind: 'user', ...user, confirmed: confirmedMs !== null };
  return { actor, session, lasts: () => sessions.lasts(id) };
}

export function clientOf(context: GuardContext): Client {
  const userAgent = (context.req.header('user-agent') ?? '').slice(0, limits.userAgentLength);
  return { address: context.env.remoteAddress, userAgent };
}

/**
 * What an open page asks without anybody using it does not keep its session: streams, and what it marks with
 * `x-hithe-background`.
 */
function isByItself(context: GuardContext): boolean {
  const isStream = context.req.header('accept')?.includes('text/event-stream') === true;
  return isStream || context.req.header('x-hithe-background') !== undefined;
}

function changes(context: GuardContext): boolean {
  return !['GET', 'HEAD', 'OPTIONS'].includes(context.req.method);
}

/** Fetch metadata where the browser sends it, the Origin header where not; programs send neither. */
function isFromOtherSite(context: GuardContext): boolean {
  const site = context.req.header('sec-fetch-site');
  if (site !== undefined) {
    // A link from elsewhere may lead here; what it leads to is not read there.
    const isVisit = !changes(context) && context.req.header('sec-fetch-mode') === 'navigate';
    return site !== 'same-origin' && site !== 'none' && !isVisit;
  }
  const origin = context.req.header('origin');
  return origin !== undefined && origin !== `https://${context.req.header('host')}`;
}

/** Puts what changes something into the audit, and who was refused it; the flood of a guesser at a bounded rate. */
function changeRecorder({ audit, elapsed }: GuardPorts) {
  const refusals = createTokenBucket({ burst: limits.auditBurst, refillMs: limits.auditRefillMs });
  return (context: GuardContext, { method, path, rules }: RegisteredRoute, status: number): void => {
    const actor = context.get('actor');
    const outcome = outcomeOf(status, actor, context.get('auditedWho') !== undefined);
    if (rules.changesNothing || outcome === null) return;
    if (outcome === 'refused' && refusals.take(elapsed()) > 0) return;
    audit.add({
      who: context.get('auditedWho') ?? nameOf(actor),
      from: actor.kind === 'command line' ? null : context.env.remoteAddress,
      act: rules.act ?? actOf(method, path),
      what: context.get('audited') ?? '',
      outcome,
    });
  };
}

/**
 * A request that was not understood, or came too soon, has done nothing and says nothing of who asked. What a stranger
 * is told is a refusal, of which only so many are kept: nobody may push the rest out.
 */
function outcomeOf(status: number, { kind }: Actor, isNamed: boolean): 'done' | 'refused' | 'failed' | null {
  if (status < 300) return 'done';
  if (status === 401 || status === 403) return 'refused';
  if (status !== 409 && status < 500) return null;
  // Who signs in, and gave the right password, lacks a touch of a key.
  const isSigningIn = status === 409 && isNamed;
  return kind === 'nobody' && !isSigningIn ? 'refused' : 'failed';
}

/** `POST /api/v1/config/apply` as `config apply`. */
function actOf(method: string, path: string): string {
  const words = path.split('/').slice(3);
  const verb = { PATCH: ['change'], PUT: ['set'], DELETE: ['remove'] }[method] ?? [];
  return [...words.filter((word) => !word.startsWith(':')), ...verb].join(' ');
}

/** Says no to JSON that would take a small box's memory once it is parsed. */
function misshapen(body: string): Response | null {
  const problem = shapeProblem(body, limits.bodyShape);
  return problem === null ? null : problemResponse('bad-request', `The body is too large: ${problem}.`);
}

/** Bounds bodies by their route, and how many large ones are in memory at once. */
function bodyBounds() {
  const bounds = new Map<number, MiddlewareHandler>();
  let large = 0;
  return async (maxSize: number, context: GuardContext, next: Next) => {
    let bound = bounds.get(maxSize);
    if (bound === undefined) {
      bound = bodyLimit({
        maxSize,
        onError: () => problemResponse('body-too-large', `A body has at most ${maxSize} octets.`),
      });
      bounds.set(maxSize, bound);
    }
    const length = Number(context.req.header('content-length') ?? Number.POSITIVE_INFINITY);
    const isLarge = maxSize > limits.bodyBytes && length > limits.bodyBytes;
    if (!isLarge || context.env.transport === 'local') return bound(context, next);
    if (large >= limits.largeBodiesAtOnce)
      return problemResponse('busy', 'The box is at work on other large requests. Try again in a moment.', {
        'retry-after': '2',
      });
    large += 1;
    try {
      return await bound(context, next);
    } finally {
      large -= 1;
    }
  };
}
