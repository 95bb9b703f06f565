import { z } from '@hono/zod-openapi';
import { accesses, nameOf } from '../access.ts';
import type { Accounts } from '../accounts.ts';
import { limits } from '../limits.ts';
import { tokenNameSyntax } from '../tokens.ts';
import { problemAnswer } from './problem.ts';
import { type Api, apiRoute } from './route.ts';
import { json, problem } from './route-content.ts';

const token = z
  .object({
    /** By which it is revoked; no secret. */
    id: z.string(),
    name: z.string(),
    access: z.array(z.enum(accesses)).readonly(),
    createdBy: z.string(),
    /** ISO 8601 in UTC. */
    createdAt: z.string(),
    /** Null where it is good until it is revoked. */
    expiresAt: z.string().nullable(),
    /** Since the box was started; null where it was not. */
    lastUsedAt: z.string().nullable(),
  })
  .openapi('Token');
export type TokenView = z.infer<typeof token>;

const made = z
  .object({
    token,
    /** What a program sends as `Authorization: Bearer …`. It is shown this once and not kept. */
    secret: z.string(),
  })
  .openapi('NewToken');
export type MadeToken = z.infer<typeof made>;

const refusals = {
  400: problem('A field is missing or cannot be taken; `errors` says which'),
  500: problem('It could not be stored; everything is as before'),
};

const tokenRoutes = {
  list: apiRoute({
    method: 'get',
    path: '/api/v1/tokens',
    access: 'own',
    summary: 'The tokens of programs, without their secrets',
    responses: { 200: json('The tokens', z.object({ tokens: z.array(token).readonly() }).openapi('Tokens')) },
  }),
  make: apiRoute({
    method: 'post',
    path: '/api/v1/tokens',
    ...{ access: 'own', dangerous: true, personal: true, act: 'token make' },
    summary: 'Makes a token; its secret is in this answer alone',
    request: {
      body: {
        required: true,
        content: {
          'application/json': {
            schema: z.strictObject({
              name: z.string().regex(tokenNameSyntax, 'Letters, digits, spaces, . _ @ and -, at most 63'),
              access: z.array(z.enum(accesses)).min(1).max(accesses.length),
              /** Days that it is good for; null: until it is revoked. */
              days: z.int().min(1).max(limits.tokenDays).nullable(),
            }),
          },
        },
      },
    },
    responses: { 200: json('The token', made), 409: problem('The box has as many as it may'), ...refusals },
  }),
  revoke: apiRoute({
    method: 'delete',
    path: '/api/v1/tokens/{id}',
    ...{ access: 'own', personal: true, act: 'token revoke' },
    summary: 'Revokes a token; what it does at the moment ends',
    request: { params: z.object({ id: z.string().max(64) }) },
    responses: { 204: { description: 'Revoked' }, 404: problem('There is no such token'), ...refusals },
  }),
};

export interface TokenRoutePorts {
  readonly accounts: Accounts;
}

export function addTokenRoutes(api: Api, { accounts: { tokens } }: TokenRoutePorts): void {
  api.openapi(tokenRoutes.list, (context) => context.json({ tokens: tokens.list() }, 200));

  api.openapi(tokenRoutes.make, async (context) => {
    const { name, access, days } = context.req.valid('json');
    context.set('audited', `${name}: ${access.join(', ')}`);
    const outcome = await tokens.make({ name, access, days, createdBy: nameOf(context.get('actor')) });
    switch (outcome.outcome) {
      case 'made':
        return context.json({ token: outcome.token, secret: outcome.secret }, 200);
      case 'too-many':
        return problemAnswer(
          context,
          'too-many-tokens',
          'The box has as many tokens as it may. Revoke one first.',
        );
      case 'not-stored':
        return problemAnswer(context, 'not-stored', 'It could not be stored; everything is as before.');
    }
  });

  api.openapi(tokenRoutes.revoke, async (context) => {
    const { id } = context.req.valid('param');
    const name = tokens.list().find((each) => each.id === id)?.name;
    context.set('audited', name ?? 'unknown');
    switch (await tokens.revoke(id)) {
      case 'revoked':
        return context.body(null, 204);
      case 'not-there':
        return problemAnswer(context, 'token-not-there', 'There is no token with this id.');
      case 'not-stored':
        return problemAnswer(context, 'not-stored', 'It could not be stored; everything is as before.');
    }
  });
}
