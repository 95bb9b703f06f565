import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import type { AuditLog } from '../ports.ts';
import { problemAnswer, problemSchema } from './problem.ts';
import { type Api, apiRoute } from './route.ts';

const entry = z
  .object({
    id: z.number().int(),
    /** ISO 8601 in UTC, by the box's clock. */
    time: z.string(),
    /** A user, `token NAME`, `console`, `command line`, `system`; `unknown` for a name that is nobody's. */
    who: z.string(),
    /** The address that it came from; null where it came from none. */
    from: z.string().nullable(),
    /** Such as `config apply`. */
    act: z.string(),
    /** What it was done to; empty where the act says it all. */
    what: z.string(),
    outcome: z.enum(['done', 'refused', 'failed']),
  })
  .openapi('AuditEntry');

const audit = z
  .object({
    /** Newest first. */
    entries: z.array(entry).readonly(),
    /** Give it as `before` for those that come next; null where there are no more. */
    before: z.number().int().nullable(),
  })
  .openapi('Audit');
export type Audit = z.infer<typeof audit>;

const auditRoute = apiRoute({
  method: 'get',
  path: '/api/v1/audit',
  access: 'own',
  summary: 'Who changed what, and who was refused; newest first',
  request: {
    query: z.object({
      before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
      limit: z.coerce.number().int().min(1).max(limits.auditAtOnce).default(limits.auditUnlessTold),
    }),
  },
  responses: {
    200: { description: 'The entries', content: { 'application/json': { schema: audit } } },
    400: {
      description: 'A parameter is out of range',
      content: { 'application/problem+json': { schema: problemSchema } },
    },
    500: {
      description: 'The audit cannot be read',
      content: { 'application/problem+json': { schema: problemSchema } },
    },
  },
});

export function addAuditRoute(api: Api, log: AuditLog): void {
  api.openapi(auditRoute, async (context) => {
    const page = await log.page(context.req.valid('query'));
    if (page === null)
      return problemAnswer(context, 'audit-not-read', 'The audit cannot be read. The log says why.');
    const entries = page.entries.map(({ time, ...rest }) => ({
      ...rest,
      time: new Date(time).toISOString(),
    }));
    return context.json({ entries, before: page.before }, 200);
  });
}
