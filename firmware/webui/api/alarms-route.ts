import { z } from '@hono/zod-openapi';
import { type Api, apiRoute } from './route.ts';

export const alarm = z
  .object({
    kind: z.enum(['denied', 'tunnel-down', 'flows-lost', 'receiver-down', 'attestation', 'new-talker']),
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

const alarmsRoutes = {
  list: apiRoute({
    method: 'get',
    path: '/api/v1/alarms',
    access: 'read',
    summary: 'Alarms that last and those that are over',
    responses: {
      200: { description: 'The alarms', content: { 'application/json': { schema: alarms } } },
    },
  }),
};

export function addAlarmsRoutes(api: Api, view: AlarmsView): void {
  api.openapi(alarmsRoutes.list, (context) =>
    context.json({ active: view.active(), over: view.over() }, 200),
  );
}
