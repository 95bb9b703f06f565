import { z } from '@hono/zod-openapi';
import type { ReadStatus } from '../ports.ts';
import { listingAfter, listingQuery, partOf } from './listing.ts';
import { problemAnswer, problemSchema } from './problem.ts';
import { type Api, apiRoute } from './route.ts';
import { json, problem } from './route-content.ts';
import { tunnel } from './status-schema.ts';

/** What the API may do to associations. */
export interface Associations {
  /** Closes the association with a peer and, where it is always wanted, makes a new one. False for a HIT that is no peer's. */
  renew(hit: string): boolean;
}

const listRoute = apiRoute({
  method: 'get',
  path: '/api/v1/associations',
  access: 'read',
  summary: 'The peers and how their associations are, by their HITs; in parts where a limit is given',
  request: { query: listingQuery },
  responses: {
    200: json(
      'The associations',
      z.object({ associations: z.array(tunnel).readonly(), after: listingAfter }).openapi('Associations'),
    ),
    400: problem('A parameter is out of range'),
  },
});

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

export function addAssociationsRoute(api: Api, associations: Associations, readStatus: ReadStatus): void {
  api.openapi(listRoute, (context) => {
    const { part, after } = partOf(readStatus().tunnels, context.req.valid('query'), ({ hit }) => hit);
    return context.json({ associations: part, after }, 200);
  });
  api.openapi(renewRoute, (context) => {
    const { hit } = context.req.valid('param');
    context.set('audited', hit);
    if (associations.renew(hit)) return context.json({ hit }, 202);
    return problemAnswer(context, 'not-found', 'No peer of this box has this HIT.');
  });
}
