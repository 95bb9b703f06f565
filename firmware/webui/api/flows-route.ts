import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { problemAnswer } from './problem.ts';
import { type Api, apiRoute } from './route.ts';
import { json, problem } from './route-content.ts';

const directions = ['outbound', 'inbound', 'local', 'internet'] as const;
const reasons = ['rule', 'observed', 'default', 'quarantine', 'spoofed', 'replaced', 'firewall'] as const;
const verdicts = ['allow', 'deny'] as const;

const end = z.object({
  address: z.string(),
  devices: z.array(z.string()).readonly(),
  /** `this`, a peer's name, or null where it is behind none. */
  gateway: z.string().nullable(),
  labels: z.array(z.string()).readonly(),
  platform: z.string().optional(),
  attestation: z.string().optional(),
});
const count = z.object({ packets: z.number().int(), bytes: z.number().int() });
const flow = z
  .object({
    /** Milliseconds since 1970; `end` is null as long as it lives. */
    start: z.number().int(),
    end: z.number().int().nullable(),
    from: end,
    to: end,
    /** `tcp`, `udp`, `icmp`, or the number of another protocol. */
    protocol: z.string(),
    port: z.number().int(),
    direction: z.enum(directions),
    verdict: z.enum(verdicts),
    rule: z.string().nullable(),
    reason: z.enum(reasons),
    /** What a staged rule would do. */
    staged: z.object({ rule: z.string(), verdict: z.enum(verdicts) }).nullable(),
    sent: count,
    received: count,
  })
  .openapi('Flow');
export type Flow = z.infer<typeof flow>;

const stored = flow.extend({ id: z.number().int() }).openapi('StoredFlow');
export type StoredFlow = z.infer<typeof stored>;

const page = z
  .object({
    flows: z.array(stored).readonly(),
    /** Give it as `before` for those that come next; null where there are no more. */
    before: z.number().int().nullable(),
  })
  .openapi('Flows');
export type FlowsPage = z.infer<typeof page>;

const news = z
  .object({
    /** Oldest first. */
    flows: z.array(stored).readonly(),
    /** Give it as `after` for what comes next. */
    cursor: z.number().int(),
    /** Flows that were deleted before they were asked for. */
    missed: z.number().int(),
  })
  .openapi('NewFlows');
export type NewFlows = z.infer<typeof news>;

const losses = z.object({
  kernel: z.object({ connections: z.number().int(), packets: z.number().int() }),
  tracker: z.object({ denied: z.number().int(), records: z.number().int() }),
  unwritten: z.number().int(),
});
const status = z
  .object({
    recording: z.boolean(),
    /** False where records are in memory alone. */
    persistent: z.boolean(),
    records: z.number().int(),
    octets: z.number().int(),
    /** The number of the newest record. */
    newest: z.number().int(),
    /** What was not recorded since recording began, by where it was lost. */
    lost: losses,
  })
  .openapi('FlowsStatus');
export type FlowsStatus = z.infer<typeof status>;

const text = z.string().min(1).max(limits.flowFilterLength).optional();
const time = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional();
/** A filter in a query. */
export const flowFilterFields = {
  since: time.openapi({ description: 'Milliseconds since 1970: ended then or later' }),
  until: time.openapi({ description: 'Milliseconds since 1970: begun by then' }),
  from: text.openapi({ description: 'Address, network, or name of a device or gateway' }),
  to: text,
  address: text.openapi({ description: 'The same, of either end' }),
  device: text,
  gateway: text,
  label: text,
  protocol: text,
  port: z.coerce.number().int().min(0).max(65_535).optional(),
  direction: z.enum(directions).optional(),
  verdict: z.enum(verdicts).optional(),
  rule: text,
  reason: z.enum(reasons).optional(),
};
const filter = z.object(flowFilterFields);
export type FlowsFilter = z.infer<typeof filter>;

const limit = z.coerce.number().int().min(1).max(limits.flowsAtOnce).default(limits.flowsUnlessTold);
const cursor = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional();

/** Recorded flows as the API shows them. */
export interface FlowsView {
  query(
    filter: FlowsFilter,
    options: { readonly before?: number | undefined; readonly limit: number },
  ): Promise<FlowsResult<FlowsPage>>;
  /** From the newest one on where there is no cursor. */
  follow(filter: FlowsFilter, cursor: number | null, waitMs: number): Promise<FlowsResult<NewFlows>>;
  live(filter: FlowsFilter, limit: number): Promise<readonly Flow[]>;
  status(): FlowsStatus;
}
type FlowsResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: Error };

const refusals = {
  400: problem('A filter is none'),
  500: problem('The records cannot be read'),
};

const flowsRoutes = {
  query: apiRoute({
    method: 'get',
    path: '/api/v1/flows',
    access: 'read',
    summary: 'Recorded flows, newest first',
    request: { query: z.object({ ...flowFilterFields, before: cursor, limit }) },
    responses: { 200: json('The flows', page), ...refusals },
  }),
  follow: apiRoute({
    method: 'get',
    path: '/api/v1/flows/new',
    access: 'read',
    summary: 'Flows recorded after a cursor, or from now on; waits for the first of them',
    request: {
      query: z.object({
        ...flowFilterFields,
        after: cursor,
        wait: z.coerce.number().int().min(0).max(limits.flowsWaitSeconds).default(0),
      }),
    },
    responses: { 200: json('The flows, oldest first', news), ...refusals },
  }),
  live: apiRoute({
    method: 'get',
    path: '/api/v1/flows/live',
    access: 'read',
    summary: 'Connections that live, with their counts so far',
    request: { query: z.object({ ...flowFilterFields, limit }) },
    responses: { 200: json('The flows', z.object({ flows: z.array(flow).readonly() })), ...refusals },
  }),
  status: apiRoute({
    method: 'get',
    path: '/api/v1/flows/status',
    access: 'read',
    summary: 'Whether flows are recorded, how many there are, and what was lost',
    responses: { 200: json('The status', status) },
  }),
};

export function addFlowsRoutes(api: Api, flows: FlowsView): void {
  api.openapi(flowsRoutes.query, async (context) => {
    const { before, limit: most, ...wanted } = context.req.valid('query');
    const found = await flows.query(wanted, { before, limit: most });
    return found.ok
      ? context.json(found.value, 200)
      : problemAnswer(context, 'flows-not-read', found.error.message);
  });
  api.openapi(flowsRoutes.follow, async (context) => {
    const { after, wait, ...wanted } = context.req.valid('query');
    const found = await flows.follow(wanted, after ?? null, wait * 1000);
    return found.ok
      ? context.json(found.value, 200)
      : problemAnswer(context, 'flows-not-read', found.error.message);
  });
  api.openapi(flowsRoutes.live, async (context) => {
    const { limit: most, ...wanted } = context.req.valid('query');
    return context.json({ flows: await flows.live(wanted, most) }, 200);
  });
  api.openapi(flowsRoutes.status, (context) => context.json(flows.status(), 200));
}
