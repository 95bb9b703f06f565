import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { roles } from '../access.ts';
import type { Accounts } from '../accounts.ts';
import { passwordProblem } from '../passwords.ts';
import { type UsersOutcome, userNameSyntax } from '../users.ts';
import { problemAnswer } from './problem.ts';
import { type Api, type ApiEnvironment, apiRoute } from './route.ts';
import { body, json, problem } from './route-content.ts';
import { passwordField } from './session-route.ts';

const user = z
  .object({
    name: z.string(),
    role: z.enum(roles),
    /** ISO 8601 in UTC. */
    createdAt: z.string(),
    passwordSetAt: z.string(),
    /** How many security keys they have; with one or more the password alone signs nobody in. */
    securityKeys: z.int(),
  })
  .openapi('User');
export type UserView = z.infer<typeof user>;

const refusals = {
  400: problem('A field is missing or cannot be taken; `errors` says which'),
  404: problem('There is no such user'),
  409: problem('The name is taken, the box would have no owner, or has as many users as it may'),
  500: problem('It could not be stored; everything is as before'),
  503: problem('The box is at work on other passwords'),
};
const params = z.object({ name: z.string() });
export const userNameField = z
  .string()
  .regex(userNameSyntax, 'Letters, digits, . _ @ and -, beginning with a letter or digit, at most 63');

const userRoutes = {
  list: apiRoute({
    method: 'get',
    path: '/api/v1/users',
    access: 'own',
    summary: 'Who may sign in',
    responses: { 200: json('The users', z.object({ users: z.array(user).readonly() }).openapi('Users')) },
  }),
  add: apiRoute({
    method: 'post',
    path: '/api/v1/users',
    ...{ access: 'own', dangerous: true, personal: true, act: 'user add' },
    summary: 'Adds a user',
    request: body(z.strictObject({ name: userNameField, role: z.enum(roles), password: passwordField })),
    responses: { 200: json('The user', user), ...refusals },
  }),
  change: apiRoute({
    method: 'patch',
    path: '/api/v1/users/{name}',
    ...{ access: 'own', dangerous: true, personal: true, act: 'user change' },
    summary: 'Gives a user another role or password; their sessions end',
    request: {
      params,
      ...body(z.strictObject({ role: z.enum(roles).optional(), password: passwordField.optional() })),
    },
    responses: { 200: json('The user', user), ...refusals },
  }),
  remove: apiRoute({
    method: 'delete',
    path: '/api/v1/users/{name}',
    ...{ access: 'own', dangerous: true, personal: true, act: 'user remove' },
    summary: 'Removes a user; their sessions end',
    request: { params },
    responses: { 204: { description: 'Removed' }, ...refusals },
  }),
};

export interface UserRoutePorts {
  readonly accounts: Accounts;
  readonly hostname: () => string;
}

export function addUserRoutes(api: Api, { accounts, hostname }: UserRoutePorts): void {
  const { users, sessions } = accounts;

  /** The field's problem, or null where the password can be taken. */
  function unfit(context: Context<ApiEnvironment>, password: string | undefined, name: string) {
    if (password === undefined) return null;
    const reason = passwordProblem(password, { hostname: hostname(), forbidden: [name] });
    if (reason === null) return null;
    return problemAnswer(context, 'bad-request', reason, {}, [{ path: 'password', message: reason }]);
  }

  api.openapi(userRoutes.list, (context) => context.json({ users: users.list() }, 200));

  api.openapi(userRoutes.add, async (context) => {
    const { name, role, password } = context.req.valid('json');
    context.set('audited', `${name} as ${role}`);
    const refused = unfit(context, password, name);
    if (refused !== null) return refused;
    const added = await users.add(name, role, password);
    return added.outcome === 'done' ? context.json(added.user, 200) : refuse(context, added);
  });

  api.openapi(userRoutes.change, async (context) => {
    const { name } = context.req.valid('param');
    const { role, password } = context.req.valid('json');
    const changes = [
      ...(role === undefined ? [] : [`role ${role}`]),
      ...(password === undefined ? [] : ['password']),
    ];
    context.set('audited', `${knownName(name)}: ${changes.join(', ')}`);
    const refused = unfit(context, password, name);
    if (refused !== null) return refused;
    const changed = await users.change(name, { role, password });
    if (changed.outcome !== 'done') return refuse(context, changed);
    endOthers(context, changed.user.name);
    return context.json(changed.user, 200);
  });

  api.openapi(userRoutes.remove, async (context) => {
    const { name } = context.req.valid('param');
    context.set('audited', knownName(name));
    const removed = await users.remove(name);
    if (removed.outcome !== 'done') return refuse(context, removed);
    sessions.endAll({ user: removed.user.name });
    return context.body(null, 204);
  });

  /** Somebody who changes themselves stays signed in where nothing of their rights is left behind in the session. */
  function endOthers(context: Context<ApiEnvironment>, user: string): void {
    const [actor, session] = [context.get('actor'), context.get('session')];
    const role = users.find(user)?.role;
    const isOwn = actor.kind === 'user' && actor.name === user && actor.role === role;
    sessions.endAll({ user, ...(isOwn && session !== null && { except: session.id }) });
  }

  function knownName(name: string): string {
    return userNameSyntax.test(name) ? name : 'unknown';
  }
}

type Refused = Exclude<UsersOutcome, { readonly outcome: 'done' }>;

function refuse(context: Context<ApiEnvironment>, { outcome }: Refused) {
  switch (outcome) {
    case 'name-taken': {
      const detail = 'There is a user with this name, or one that people cannot tell from it.';
      return problemAnswer(context, 'name-taken', detail, {}, [{ path: 'name', message: detail }]);
    }
    case 'not-there':
      return problemAnswer(context, 'user-not-there', 'There is no user with this name.');
    case 'last-owner':
      return problemAnswer(context, 'last-owner', 'The box would have no owner. Make another one first.');
    case 'too-many':
      return problemAnswer(
        context,
        'too-many-users',
        'The box has as many users as it may. Remove one first.',
      );
    case 'busy':
      return problemAnswer(context, 'busy', 'The box is at work on other passwords. Try again in a moment.', {
        'retry-after': '2',
      });
    case 'not-stored':
      return problemAnswer(context, 'not-stored', 'It could not be stored; everything is as before.');
  }
}
