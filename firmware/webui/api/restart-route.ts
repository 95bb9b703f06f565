import { z } from '@hono/zod-openapi';
import { type Api, apiRoute } from './route.ts';

/** Restarts the box in order, once the answer to whoever asked is on its way. */
export type Restart = () => void;

const route = apiRoute({
  method: 'post',
  path: '/api/v1/restart',
  access: 'change',
  dangerous: true,
  summary:
    'Restarts the box: the runtime tells the peers and closes what it keeps, then everything begins anew',
  request: {
    body: { required: true, content: { 'application/json': { schema: z.strictObject({}) } } },
  },
  responses: {
    200: {
      description: 'It restarts now',
      content: { 'application/json': { schema: z.object({ restarting: z.literal(true) }) } },
    },
  },
});

export function addRestartRoute(app: Api, restart: Restart): void {
  app.openapi(route, (context) => {
    restart();
    return context.json({ restarting: true as const }, 200);
  });
}
