import { z } from '@hono/zod-openapi';
import { problemAnswer, problemSchema } from './problem.ts';
import { type Api, apiRoute } from './route.ts';

/** What the API may do to associations. */
export interface Associations {
  /** Closes the association with a peer and, where it is always wanted, makes a new one. False for a HIT that is no peer's. */
  renew(hit: string): boolean;
}

const renewRoute = apiRoute({
  method: 'post',
  path: '/api/v1/associations/{hit}/renew',
  access: 'change',
  summary:
    'Closes the association with a peer; one that is always wanted is made anew, the others when traffic asks',
  request: {
    params: z.object({
      hit: z.string().max(64).openapi({ description: 'Of the peer, as the status has it' }),
    }),
  },
  responses: {
    202: {
      description: 'It is being closed; the status tells how it goes on',
      content: { 'application/json': { schema: z.object({ hit: z.string() }) } },
    },
    404: {
      description: 'No peer has this HIT',
      content: { 'application/problem+json': { schema: problemSchema } },
    },
  },
});

export function addAssociationsRoute(api: Api, associations: Associations): void {
  api.openapi(renewRoute, (context) => {
    const { hit } = context.req.valid('param');
    context.set('audited', hit);
    if (associations.renew(hit)) return context.json({ hit }, 202);
    return problemAnswer(context, 'not-found', 'No peer of this box has this HIT.');
  });
}
