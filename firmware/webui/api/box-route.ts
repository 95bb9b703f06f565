import { z } from '@hono/zod-openapi';
import { type Api, apiRoute } from './route.ts';

const box = z
  .object({
    hostname: z.string(),
    claimed: z.boolean(),
    /** Of the image. */
    version: z.string(),
    /** ISO 8601 in UTC, by the box's clock. */
    time: z.string(),
    /** SHA-256 of the page's certificate, as browsers show it; the console shows the same. */
    fingerprint: z.string(),
  })
  .openapi('Box');
export type Box = z.infer<typeof box>;

const boxRoute = apiRoute({
  method: 'get',
  path: '/api/v1/box',
  access: 'public',
  summary: 'Which box this is, and whether it is claimed: what a page needs before anybody signs in',
  responses: { 200: { description: 'The box', content: { 'application/json': { schema: box } } } },
});

export function addBoxRoute(api: Api, read: () => Box): void {
  api.openapi(boxRoute, (context) => context.json(read(), 200));
}
