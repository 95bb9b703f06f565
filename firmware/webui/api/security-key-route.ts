import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { accessesOf } from '../access.ts';
import type { Accounts } from '../accounts.ts';
import { keyNameSyntax } from '../user-keys.ts';
import type { KeysOutcome } from '../users.ts';
import { clientOf } from './access-guard.ts';
import { problemAnswer } from './problem.ts';
import { type Api, type ApiEnvironment, apiRoute } from './route.ts';
import { body, json, problem } from './route-content.ts';
import { refuseKey } from './security-key-problem.ts';

const key = z
  .object({
    /** By which it is removed; no secret. */
    id: z.string(),
    name: z.string(),
    /** ISO 8601 in UTC. */
    addedAt: z.string(),
    /** Null where it never was. */
    usedAt: z.string().nullable(),
  })
  .openapi('SecurityKey');
const list = z.object({ securityKeys: z.array(key).readonly() }).openapi('SecurityKeys');
export type SecurityKeyList = z.infer<typeof list>;

const path = '/api/v1/users/{name}/security-keys';
const params = z.object({ name: z.string() });
const refusals = {
  404: problem('There is no such user, or no such key'),
  500: problem('It could not be stored; everything is as before'),
};

const routes = {
  list: apiRoute({
    method: 'get',
    path,
    ...{ access: 'read', personal: true },
    summary: 'A user’s security keys: one’s own, for an owner anybody’s',
    request: { params },
    responses: { 200: json('The keys', list), ...refusals },
  }),
  add: apiRoute({
    method: 'post',
    path,
    ...{ access: 'read', personal: true, dangerous: true, act: 'security key add' },
    summary:
      'Waits up to 25 s for the touch of a key in the box’s USB port, which is one’s own from then on; other sessions of the user end',
    request: {
      params,
      ...body(
        z.strictObject({
          name: z.string().regex(keyNameSyntax, 'Letters, digits, spaces, . _ @ and -, at most 63'),
        }),
      ),
    },
    responses: {
      200: json('All keys of the user', list),
      400: problem('The name cannot be taken'),
      409: problem('No key was touched, or there are as many as may be; `code` says which'),
      ...refusals,
    },
  }),
  remove: apiRoute({
    method: 'delete',
    path: `${path}/{id}`,
    ...{ access: 'read', personal: true, dangerous: true, act: 'security key remove' },
    summary: 'Removes a security key: one’s own, for an owner anybody’s',
    request: { params: z.object({ name: z.string(), id: z.string().max(64) }) },
    responses: { 204: { description: 'Removed' }, ...refusals },
  }),
};

export function addSecurityKeyRoutes(api: Api, { accounts }: { readonly accounts: Accounts }): void {
  const { users, sessions, secondFactor } = accounts;

  const isOwn = (context: Context<ApiEnvironment>, user: string) => {
    const actor = context.get('actor');
    return actor.kind === 'command line' || (actor.kind === 'user' && actor.name === users.find(user)?.name);
  };
  const isOwners = (context: Context<ApiEnvironment>) => accessesOf(context.get('actor')).includes('own');
  const notAllowed = (context: Context<ApiEnvironment>) =>
    problemAnswer(context, 'not-allowed', 'This is for the user whose keys they are.');
  const notThere = (context: Context<ApiEnvironment>) =>
    problemAnswer(context, 'user-not-there', 'There is no user with this name.');
  const keysOf = (user: string) => ({ securityKeys: (users.keys(user) ?? []).map(({ key }) => key) });

  api.openapi(routes.list, (context) => {
    const { name } = context.req.valid('param');
    if (!isOwn(context, name) && !isOwners(context)) return notAllowed(context);
    return users.find(name) === null ? notThere(context) : context.json(keysOf(name), 200);
  });

  api.openapi(routes.add, async (context) => {
    const { name } = context.req.valid('param');
    const { name: keyName } = context.req.valid('json');
    if (!isOwn(context, name)) return notAllowed(context);
    const user = users.find(name);
    if (user === null) return notThere(context);
    const added = await secondFactor.add(user.name, keyName, clientOf(context), context.req.raw.signal);
    switch (added.outcome) {
      case 'done': {
        context.set('audited', `${keyName} of ${user.name}`);
        const session = context.get('session');
        sessions.endAll({ user: user.name, ...(session !== null && { except: session.id }) });
        return context.json(keysOf(user.name), 200);
      }
      case 'not-there':
      case 'key-not-there':
      case 'too-many':
      case 'name-taken':
      case 'not-stored':
        return refuseChange(context, added);
      default:
        return refuseKey(context, added);
    }
  });

  api.openapi(routes.remove, async (context) => {
    const { name, id } = context.req.valid('param');
    if (!isOwn(context, name) && !isOwners(context)) return notAllowed(context);
    const keyName = users.keys(name)?.find(({ key }) => key.id === id)?.key.name ?? 'unknown';
    context.set('audited', `${keyName} of ${users.find(name)?.name ?? 'unknown'}`);
    const removed = await users.removeKey(name, id);
    return removed.outcome === 'done' ? context.body(null, 204) : refuseChange(context, removed);
  });
}

function refuseChange(
  context: Context<ApiEnvironment>,
  { outcome }: Exclude<KeysOutcome, { readonly outcome: 'done' }>,
) {
  switch (outcome) {
    case 'not-there':
      return problemAnswer(context, 'user-not-there', 'There is no user with this name.');
    case 'key-not-there':
      return problemAnswer(context, 'security-key-not-there', 'There is no security key with this id.');
    case 'too-many':
      return problemAnswer(
        context,
        'too-many-security-keys',
        'There are as many security keys as there may be. Remove one first.',
      );
    case 'name-taken': {
      const detail = 'Another security key has this name.';
      return problemAnswer(context, 'name-taken', detail, {}, [{ path: 'name', message: detail }]);
    }
    case 'not-stored':
      return problemAnswer(context, 'not-stored', 'It could not be stored; everything is as before.');
  }
}
