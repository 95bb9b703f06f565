import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import {
  type ConfigurationResult,
  refusals,
  refuse,
  type SettingsApplied,
  settingsApplied,
} from './config-route.ts';
import { type Api, apiRoute, authorOf } from './route.ts';
import { json } from './route-content.ts';

const service = { protocol: z.string(), port: z.number().int() };
const proposal = z.object({
  /** In the form of the settings. */
  rule: z.looseObject({ id: z.string(), subject: z.unknown(), object: z.unknown(), services: z.unknown() }),
  /** Of the flows that it allows. */
  evidence: z.object({
    /** Different ones: the same ends, protocol and port. */
    talks: z.number().int(),
    flows: z.number().int(),
    /** How many of them were denied. */
    denied: z.number().int(),
    /** Milliseconds since 1970. */
    first: z.number(),
    last: z.number(),
    packets: z.number(),
    bytes: z.number(),
    examples: z.array(z.object({ from: z.string(), to: z.string(), ...service })).readonly(),
  }),
  /** What it would allow that was not seen: talks between known ends, and everybody behind these peers. */
  beyond: z.object({ talks: z.number().int(), gateways: z.array(z.string()).readonly() }),
});

const proposals = z
  .object({
    since: z.number(),
    until: z.number(),
    proposals: z.array(proposal).readonly(),
    /** Flows that they speak of. */
    flows: z.number().int(),
    /** Flows that nothing was learned from, by why. */
    left: z.record(z.string(), z.number().int()),
    /** False where the window holds more flows than are read: then the newest were. */
    complete: z.boolean(),
  })
  .openapi('PolicyProposals');
export type PolicyProposals = z.infer<typeof proposals>;

const time = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const learnQuery = z.object({
  /** Milliseconds since 1970; an hour ago, and now. */
  since: time.optional(),
  until: time.optional(),
  /** What no enforced rule decides, or what rules allow too. */
  from: z.enum(['undecided', 'all']).default('undecided'),
  /** `true`: nothing between known ends that was not seen. */
  exact: z.enum(['true', 'false']).default('false'),
});
export type LearnQuery = z.infer<typeof learnQuery>;

/** Rules as flows propose them and as people take them over. */
export interface PolicyLearning {
  propose(query: LearnQuery): Promise<ConfigurationResult<PolicyProposals>>;
  accept(ids: readonly string[], author: string): Promise<ConfigurationResult<SettingsApplied>>;
  setMode(
    ids: readonly string[],
    mode: 'staged' | 'enforce',
    author: string,
  ): Promise<ConfigurationResult<SettingsApplied>>;
}

const author = z.string().min(1).max(limits.authorLength).optional();
const ids = z.array(z.string().min(1).max(limits.policyEndLength)).min(1).max(limits.rulesAtOnce);

const learnRoutes = {
  propose: apiRoute({
    method: 'get',
    path: '/api/v1/policy/proposals',
    access: 'read',
    summary: 'Rules that would allow what was seen in a window of time',
    request: { query: learnQuery },
    responses: { 200: json('The proposals', proposals), ...refusals },
  }),
  accept: apiRoute({
    method: 'post',
    path: '/api/v1/policy/accept',
    access: 'change',
    bodyBytes: limits.settingsBodyBytes,
    summary: 'Takes proposed rules into the settings, staged: they change nothing yet and are counted',
    request: {
      body: { required: true, content: { 'application/json': { schema: z.strictObject({ ids, author }) } } },
    },
    responses: {
      200: json('In force, and confirmed once peers and page are reachable', settingsApplied),
      ...refusals,
    },
  }),
  mode: apiRoute({
    method: 'post',
    path: '/api/v1/policy/mode',
    access: 'change',
    bodyBytes: limits.settingsBodyBytes,
    summary: 'Has rules decide, or only be counted',
    request: {
      body: {
        required: true,
        content: {
          'application/json': {
            schema: z.strictObject({ ids, mode: z.enum(['staged', 'enforce']), author }),
          },
        },
      },
    },
    responses: {
      200: json('In force, and confirmed once peers and page are reachable', settingsApplied),
      ...refusals,
    },
  }),
};

export function addLearnRoutes(api: Api, learning: PolicyLearning): void {
  api.openapi(learnRoutes.propose, async (context) => {
    const result = await learning.propose(context.req.valid('query'));
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  api.openapi(learnRoutes.accept, async (context) => {
    const given = context.req.valid('json');
    const result = await learning.accept(given.ids, authorOf(context, given.author));
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  api.openapi(learnRoutes.mode, async (context) => {
    const given = context.req.valid('json');
    const result = await learning.setMode(given.ids, given.mode, authorOf(context, given.author));
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
}
