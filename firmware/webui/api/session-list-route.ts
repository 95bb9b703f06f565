import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { accessesOf, roles } from '../access.ts';
import type { Accounts } from '../accounts.ts';
import { limits } from '../limits.ts';
import type { ReadClock } from '../ports.ts';
import type { ListedSession } from '../sessions.ts';
import { problemAnswer } from './problem.ts';
import { type Api, type ApiEnvironment, apiRoute, refuseUnlessOwn } from './route.ts';
import { problem } from './route-content.ts';

const entry = z
  .object({
    /** By which it is ended; no secret. */
    id: z.string(),
    user: z.object({ name: z.string(), role: z.enum(roles) }),
    /** Address that it was last used from. */
    from: z.string(),
    /** What the browser calls itself, shortened. */
    browser: z.string(),
    /** ISO 8601 in UTC. */
    begunAt: z.string(),
    usedAt: z.string(),
    /** Later with each use. */
    expiresAt: z.string(),
    /** Whether it is the one that asks. */
    own: z.boolean(),
  })
  .openapi('SessionEntry');
const list = z.object({ sessions: z.array(entry).readonly() }).openapi('Sessions');
export type SessionList = z.infer<typeof list>;

const path = '/api/v1/sessions';
const routes = {
  list: apiRoute({
    method: 'get',
    path,
    ...{ access: 'read', personal: true },
    summary: 'Where one is signed in, for an owner where everybody is; the one that was used last first',
    responses: { 200: { description: 'The sessions', content: { 'application/json': { schema: list } } } },
  }),
  end: apiRoute({
    method: 'delete',
    path: `${path}/{id}`,
    ...{ access: 'read', personal: true, act: 'session end' },
    summary: 'Signs out somewhere: one’s own session, for an owner who gave the password again anybody’s',
    request: { params: z.object({ id: z.string().max(64) }) },
    responses: {
      204: { description: 'Ended, and so is what it was being sent' },
      404: problem('There is no such session'),
    },
  }),
};

export interface SessionListPorts {
  readonly accounts: Accounts;
  readonly now: ReadClock;
}

export function addSessionListRoutes(api: Api, { accounts: { sessions }, now }: SessionListPorts): void {
  /** Whoever owns the box sees everybody's, others their own. */
  function visible(context: Context<ApiEnvironment>): readonly ListedSession[] {
    const actor = context.get('actor');
    if (accessesOf(actor).includes('own')) return sessions.list();
    return sessions.list().filter(({ user }) => actor.kind === 'user' && user.name === actor.name);
  }

  api.openapi(routes.list, (context) => {
    const own = context.get('session')?.label;
    const at = (milliseconds: number) => new Date(now() + milliseconds).toISOString();
    const shown = visible(context).map(({ label, user, client, ageMs, idleMs, leftMs }) => ({
      ...{ id: label, user, from: client.address, own: label === own },
      browser: client.userAgent.slice(0, limits.shownUserAgent),
      ...{ begunAt: at(-ageMs), usedAt: at(-idleMs), expiresAt: at(leftMs) },
    }));
    return context.json({ sessions: shown }, 200);
  });

  api.openapi(routes.end, (context) => {
    const { id } = context.req.valid('param');
    const session = visible(context).find(({ label }) => label === id);
    context.set('audited', session?.user.name ?? 'unknown');
    if (session === undefined)
      return problemAnswer(context, 'session-not-there', 'There is no session with this id.');
    const actor = context.get('actor');
    const isOwn = actor.kind === 'user' && actor.name === session.user.name;
    const refusal = isOwn ? null : refuseUnlessOwn(actor);
    if (refusal !== null) return problemAnswer(context, refusal.code, refusal.detail);
    sessions.endLabelled(id);
    return context.body(null, 204);
  });
}
