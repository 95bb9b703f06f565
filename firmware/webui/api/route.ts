import { createRoute, type OpenAPIHono, type RouteConfig } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { type Access, type Actor, accessesOf, nameOf } from '../access.ts';
import type { Connection } from '../ports.ts';
import type { Session } from '../sessions.ts';
import { problem } from './route-content.ts';

/** Beside what the handlers need, the guard says who asks, and handlers say what was done. */
export type ApiEnvironment = {
  Bindings: Connection;
  Variables: {
    actor: Actor;
    /** With its secrets; null unless a user asks. */
    session: Session | null;
    /** False once who asks may not any more: for answers that go on, such as streams. */
    mayStill: () => boolean;
    /** What was acted on, for the audit; no secrets. Unset where the act says it all. */
    audited: string | undefined;
    /** Who acted, where it is not who asked: a user who signs in was nobody before. */
    auditedWho: string | undefined;
  };
};
export type Api = OpenAPIHono<ApiEnvironment>;

/** What of a route is not OpenAPI's: who may use it, and how. */
export interface RouteRules {
  /** `public`: everybody, without a session. */
  readonly access: Access | 'public';
  /** Until the box is claimed, for whoever reaches the page; for routes that read. */
  readonly openUntilClaimed?: true;
  /** For a person who has just given the password again; a token that has the access needs none. */
  readonly dangerous?: true;
  /** Not for tokens: one that got out must not be able to make another or a user. */
  readonly personal?: true;
  /** The largest body in octets, where it is not `limits.bodyBytes`. */
  readonly bodyBytes?: number;
  /** Other methods than GET change something and are in the audit, unless this says that the route changes nothing. */
  readonly changesNothing?: true;
  /** What it is called in the audit; otherwise its address without what all have in common. */
  readonly act?: string;
}

/** The rules as they stand in the OpenAPI document, under this name. */
const extension = 'x-hithe';

/** What the guard answers, and what a handler may answer where its route's rules are not all there is to it. */
const refusals = {
  401: problem('Nobody is signed in, or the token is none (`not-signed-in`)'),
  403: problem(
    'Whoever asks may not do this (`not-allowed`), has to give the password again (`confirm-password`), or came from another site (`cross-site`)',
  ),
  429: problem('Too many requests; Retry-After says when the next one counts'),
};

type Described = Omit<RouteConfig, 'path'>;
type Guarded<R extends Described> = Omit<R, 'responses'> & {
  responses: Omit<typeof refusals, keyof R['responses']> & R['responses'];
};

/**
 * `createRoute` of a route with its rules. It adds what the guard answers and what the document says of security; the
 * route's own texts for the same status stand.
 */
export function apiRoute<P extends string, R extends Described & { readonly path: P } & RouteRules>(
  route: R,
) {
  const { access, openUntilClaimed, dangerous, personal, bodyBytes, changesNothing, act, ...described } =
    route;
  const rules = { access, openUntilClaimed, dangerous, personal, bodyBytes, changesNothing, act };
  const security = access === 'public' ? [] : [{ session: [] }, ...(personal ? [] : [{ token: [access] }])];
  const { 429: tooMany } = refusals;
  const whole = {
    ...described,
    security,
    responses: { ...(access === 'public' ? { 429: tooMany } : refusals), ...described.responses },
    // Undefined ones are left out.
    [extension]: JSON.parse(JSON.stringify(rules)),
  };
  // TypeScript does not follow members of a type that is still open out of it and back in.
  return createRoute(whole as unknown as RouteConfig) as unknown as Guarded<R>;
}

export interface RegisteredRoute {
  readonly method: string;
  /** In the router's notation: `/api/v1/users/:name`. */
  readonly path: string;
  readonly rules: RouteRules;
  /** Media types of its body; empty where it has none. */
  readonly bodyTypes: readonly string[];
}

/** Every route that an API has. One without rules is a mistake of ours: it would be open to everybody. */
export function registeredRoutes(api: Api): readonly RegisteredRoute[] {
  return api.openAPIRegistry.definitions.flatMap((definition) => {
    if (definition.type !== 'route') return [];
    const {
      method,
      path,
      request,
      [extension]: rules,
    } = definition.route as RouteConfig & { [extension]?: RouteRules };
    if (rules === undefined) throw new TypeError(`${method} ${path} says not who may use it`);
    const bodyTypes = Object.keys(request?.body?.content ?? {});
    return [{ method: method.toUpperCase(), path: path.replaceAll(/\{(.+?)\}/g, ':$1'), rules, bodyTypes }];
  });
}

/** Methods by path, as an Allow header has them (RFC 9110 § 10.2.1). */
export function allowedMethods(routes: readonly RegisteredRoute[]): ReadonlyMap<string, string> {
  const methods = new Map<string, Set<string>>();
  for (const { method, path } of routes) {
    const known = methods.get(path) ?? new Set();
    for (const each of method === 'GET' ? ['GET', 'HEAD'] : [method]) known.add(each);
    methods.set(path, known);
  }
  return new Map([...methods].map(([path, names]) => [path, [...names].join(', ')]));
}

/** Who a change of settings is by: the command line may say it on somebody's behalf, everybody else is who they are. */
export function authorOf(context: Context<ApiEnvironment>, given: string | undefined): string {
  const actor = context.get('actor');
  return actor.kind === 'command line' && given !== undefined ? given : nameOf(actor);
}

/**
 * Why an act that only sometimes is the owner's, such as reading settings with their secrets, is refused; null where it
 * is not. The same rules as for a route with `access: 'own'` and `dangerous`.
 */
export function refuseUnlessOwn(actor: Actor) {
  if (!accessesOf(actor).includes('own'))
    return { code: 'not-allowed', detail: 'This needs the right to own, which you do not have.' } as const;
  if (actor.kind === 'user' && !actor.confirmed)
    return { code: 'confirm-password', detail: 'Give your password again to do this.' } as const;
  return null;
}
