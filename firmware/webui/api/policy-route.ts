import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { listingAfter, listingQuery, partOf } from './listing.ts';
import { problemAnswer } from './problem.ts';
import { type Api, apiRoute } from './route.ts';
import { problem } from './route-content.ts';

const report = z
  .object({
    /** What keeps the newest policy from being in force. */
    problem: z.string().nullable(),
    /** Of the ruleset; counted up at each change. */
    generation: z.number().int(),
    rules: z
      .array(
        z.object({
          id: z.string(),
          /** By which conntrack's marks and records of packets name it. */
          number: z.number().int(),
          /** False outside its schedule. */
          active: z.boolean(),
          /** That it decided about since the box started. */
          connections: z.number().int(),
        }),
      )
      .readonly(),
    counters: z.record(z.string(), z.number().int()),
  })
  .openapi('PolicyReport');
export type PolicyReport = z.infer<typeof report>;

const end = z.object({
  given: z.string(),
  address: z.string(),
  devices: z.array(z.string()).readonly(),
  /** `this`, or the peer that it is behind. */
  gateway: z.string(),
  hit: z.string().nullable(),
  labels: z.array(z.string()).readonly(),
  /** The gateway itself. */
  own: z.boolean(),
});
const rule = z.object({ id: z.string(), verb: z.enum(['allow', 'deny']), mode: z.string() });
const matchedClass = z.object({
  layer: z.enum(['narrow', 'wide', 'any']),
  class: z.number().int(),
  set: z.array(z.string()).readonly(),
});
export const policyExplanation = z
  .object({
    from: end,
    to: end,
    protocol: z.enum(['tcp', 'udp', 'icmp', 'other']),
    port: z.number().int(),
    verdict: z.enum(['allow', 'deny']),
    reason: z.enum([
      ...['rule', 'default', 'quarantine', 'served', 'not-served', 'switched', 'not-forwarded'],
    ] as const),
    rule: rule.nullable(),
    /** The entry that decided, with the sets whose classes are its key. */
    matched: z
      .object({ table: z.string(), source: matchedClass, destination: matchedClass, service: matchedClass })
      .nullable(),
    /** The staged rule that speaks of it and changes nothing. */
    staged: rule.nullable(),
    ends: z
      .array(
        z.object({
          gateway: z.string(),
          hit: z.string().nullable(),
          verdict: z.enum(['allow', 'deny', 'not known']),
        }),
      )
      .readonly(),
    why: z.string(),
  })
  .openapi('PolicyExplanation');
export type PolicyExplanation = z.infer<typeof policyExplanation>;

const query = z.object({
  from: z.string().min(1).max(limits.policyEndLength),
  to: z.string().min(1).max(limits.policyEndLength),
  protocol: z.enum(['tcp', 'udp', 'icmp', 'other']).default('tcp'),
  port: z.coerce.number().int().min(0).max(65_535).default(0),
});
export type PolicyQuery = z.infer<typeof query>;

const device = z.object({
  /** Its name in the settings. */
  device: z.string().nullable(),
  address: z.string().nullable(),
  mac: z.string().nullable(),
  link: z.string().nullable(),
  /** As it calls itself when it asks for an address. */
  hostName: z.string().nullable(),
  firstSeen: z.string().nullable(),
  lastSeen: z.string().nullable(),
  state: z.enum(['accepted', 'quarantine', 'permitted', 'not seen']),
});
const deviceList = z.object({ devices: z.array(device).readonly(), after: listingAfter }).openapi('Devices');
export type Devices = z.infer<typeof deviceList>;

/** All that tells a line of the list from others; those without an address come last. */
const keyOf = ({ address, mac, link, device }: Devices['devices'][number]): string =>
  [address ?? '~', mac, link, device].join(' ');

/** The policy as the API shows it. */
export interface PolicyView {
  report(): Promise<PolicyReport>;
  devices(): Promise<Devices['devices']>;
  explain(
    query: PolicyQuery,
  ):
    | { readonly ok: true; readonly value: PolicyExplanation }
    | { readonly ok: false; readonly problem: string };
}

const policyRoutes = {
  devices: apiRoute({
    method: 'get',
    path: '/api/v1/devices',
    access: 'read',
    summary: 'Who was seen on the LAN, and whether rules speak of it; in parts where a limit is given',
    request: { query: listingQuery },
    responses: {
      200: { description: 'The devices', content: { 'application/json': { schema: deviceList } } },
      400: problem('A parameter is out of range'),
    },
  }),
  report: apiRoute({
    method: 'get',
    path: '/api/v1/policy',
    access: 'read',
    summary: 'The rules in force and how often they decided',
    responses: {
      200: { description: 'The policy', content: { 'application/json': { schema: report } } },
    },
  }),
  explain: apiRoute({
    method: 'get',
    path: '/api/v1/policy/explain',
    access: 'read',
    summary: 'Whether a connection would be let through, and by which rule',
    request: { query },
    responses: {
      200: { description: 'The decision', content: { 'application/json': { schema: policyExplanation } } },
      400: problem('An end is no address, device or peer, or no policy is in force'),
    },
  }),
};

export function addPolicyRoutes(api: Api, policy: PolicyView): void {
  api.openapi(policyRoutes.devices, async (context) => {
    const { part, after } = partOf(await policy.devices(), context.req.valid('query'), keyOf);
    return context.json({ devices: part, after }, 200);
  });
  api.openapi(policyRoutes.report, async (context) => context.json(await policy.report(), 200));
  api.openapi(policyRoutes.explain, (context) => {
    const result = policy.explain(context.req.valid('query'));
    return result.ok
      ? context.json(result.value, 200)
      : problemAnswer(context, 'bad-request', result.problem);
  });
}
