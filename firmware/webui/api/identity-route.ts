import { z } from '@hono/zod-openapi';
import type { ReplaceIdentity } from '../ports.ts';
import { problemAnswer } from './problem.ts';
import { type Api, apiRoute } from './route.ts';
import { problem } from './route-content.ts';
import { status } from './status-schema.ts';

/** Dangerous: a new HIT cuts the box off from its peers. */
const replaceIdentityRoute = apiRoute({
  method: 'post',
  path: '/api/v1/identity/replace',
  access: 'own',
  dangerous: true,
  summary: 'Gives the host identity up and makes a new one',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({
            /** The HIT that is given up, as the box shows it; `none` where nothing is known of the old one. */
            hit: z.string().max(64),
          }),
        },
      },
    },
  },
  responses: {
    200: {
      description: 'The new identity; peers have to be told its HIT',
      content: { 'application/json': { schema: status.shape.identity } },
    },
    400: problem('The body is not {"hit": "…"}'),
    409: problem('The box has another identity than the one that was named'),
    500: problem('No new identity could be made'),
  },
});

export function addIdentityRoute(api: Api, replaceIdentity: ReplaceIdentity): void {
  api.openapi(replaceIdentityRoute, async (context) => {
    const replaced = await replaceIdentity(context.req.valid('json').hit);
    switch (replaced.outcome) {
      case 'replaced':
        return context.json(replaced.identity, 200);
      case 'other-identity':
        return problemAnswer(
          context,
          'other-identity',
          `The box’s identity is ${replaced.hit ?? 'not known'}, not the one that was named. Nothing was changed.`,
        );
      case 'failed': {
        const { message, advice } = replaced.problem;
        return problemAnswer(context, 'no-identity', `${message} ${advice}`);
      }
    }
  });
}
