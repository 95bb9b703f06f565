import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Connection } from '../ports.ts';
import { problemAnswer, problemSchema } from './problem.ts';

export const alarm = z
  .object({
    kind: z.enum(['denied', 'tunnel-down', 'flows-lost', 'receiver-down', 'new-talker']),
    /** A device or address, a peer, a receiver, or two ends. */
    subject: z.string(),
    reason: z.string(),
    /** What to do. */
    advice: z.string(),
    /** Milliseconds since 1970; null while it lasts. */
    raisedAt: z.number(),
    clearedAt: z.number().nullable(),
  })
  .openapi('Alarm');
export type Alarm = z.infer<typeof alarm>;

const alarms = z
  .object({
    /** Newest first. */
    active: z.array(alarm).readonly(),
    /** Those of the past since the runtime started, newest first. */
    over: z.array(alarm).readonly(),
  })
  .openapi('Alarms');
export type Alarms = z.infer<typeof alarms>;

/** Alarms as the API shows them. */
export interface AlarmsView {
  active(): readonly Alarm[];
  over(): readonly Alarm[];
}

export const alarmsRoutes = {
  list: createRoute({
    method: 'get',
    path: '/api/v1/alarms',
    summary: 'Alarms that last and those that are over; from the box itself alone',
    responses: {
      200: { description: 'The alarms', content: { 'application/json': { schema: alarms } } },
      403: {
        description: 'The request did not come over the socket of the box',
        content: { 'application/problem+json': { schema: problemSchema } },
      },
    },
  }),
};

/** Alarms name devices: they are for who is on the box. */
export function addAlarmsRoutes(app: OpenAPIHono<{ Bindings: Connection }>, view: AlarmsView): void {
  app.openapi(alarmsRoutes.list, (context) => {
    if (context.env.transport !== 'local')
      return problemAnswer(context, 'local-only', 'Only the command line on the box may do this.');
    return context.json({ active: view.active(), over: view.over() }, 200);
  });
}
