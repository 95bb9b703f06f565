import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Claim } from '../claim.ts';
import { limits } from '../limits.ts';
import type { Connection, LogReader, ReadClock, ReadStatus, ReplaceIdentity } from '../ports.ts';
import { type AlarmsView, addAlarmsRoutes, alarmsRoutes } from './alarms-route.ts';
import {
  type Attestation,
  activationRoute,
  addAttestationRoutes,
  evidenceRoute,
  measuredBootRoute,
} from './attestation-route.ts';
import { addConfigRoutes, type Configuration, configRoutes } from './config-route.ts';
import { createEventStreams } from './event-stream.ts';
import { addFlowsRoutes, type FlowsView, flowsRoutes } from './flows-route.ts';
import { addIdentityRoute, replaceIdentityRoute } from './identity-route.ts';
import { addLearnRoutes, learnRoutes, type PolicyLearning } from './learn-route.ts';
import { addMetricsRoute, type MetricsView } from './metrics-route.ts';
import { addPolicyRoutes, type PolicyView, policyRoutes } from './policy-route.ts';
import { problemAnswer, problemResponse, problemSchema } from './problem.ts';
import { logEntry, type Status, type StatusUpdate, status as statusSchema } from './status-schema.ts';

export interface ApiPorts {
  readonly readStatus: ReadStatus;
  readonly log: LogReader;
  readonly claim: Claim;
  readonly now: ReadClock;
  /** Whether claiming closes the page where the asker reads it: true on a box whose one port is underlay. */
  readonly closesWhenClaimed: () => boolean;
  /** Called once the box is claimed and the answer is on its way. */
  readonly onClaimed: () => void;
  readonly replaceIdentity: ReplaceIdentity;
  readonly attestation: Attestation;
  readonly configuration: Configuration;
  readonly policy: PolicyView;
  readonly flows: FlowsView;
  readonly learning: PolicyLearning;
  readonly alarms: AlarmsView;
  readonly metrics: MetricsView;
}

export type ApiEnvironment = { Bindings: Connection };

const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problemSchema } },
});

const statusRoute = createRoute({
  method: 'get',
  path: '/api/v1/status',
  summary: 'How the box is: platform, image, TPM, identity, network, tunnels, hardware, log',
  responses: {
    200: { description: 'The status', content: { 'application/json': { schema: statusSchema } } },
  },
});

const levels = ['debug', 'info', 'warning', 'error'] as const;
const logAnswer = z
  .object({
    entries: z.array(logEntry),
    /** Give this as `after` to get only what is newer. */
    newest: z.number().int(),
  })
  .openapi('Log');

const logRoute = createRoute({
  method: 'get',
  path: '/api/v1/log',
  summary: 'The newest lines of the log, oldest first',
  request: {
    query: z.object({
      after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
      limit: z.coerce.number().int().min(1).max(limits.logLines).default(limits.logLines),
      level: z.enum(levels).default('debug').openapi({ description: 'Lines of this level and above' }),
    }),
  },
  responses: {
    200: { description: 'The lines', content: { 'application/json': { schema: logAnswer } } },
    400: problem('A parameter is out of range'),
  },
});

const eventsRoute = createRoute({
  method: 'get',
  path: '/api/v1/events',
  summary:
    'Server-sent events: `status` (StatusUpdate) every two seconds, `log` (array of log lines) as they come',
  responses: {
    200: { description: 'The stream', content: { 'text/event-stream': { schema: z.string() } } },
    503: problem('As many pages are open as the box keeps up to date'),
  },
});

const claimRoute = createRoute({
  method: 'post',
  path: '/api/v1/claim',
  summary: 'Claims the box with the code that its console shows; once',
  request: {
    body: {
      required: true,
      content: {
        'application/json': { schema: z.strictObject({ code: z.string().max(limits.claimTypedLength) }) },
      },
    },
  },
  responses: {
    200: {
      description: 'The box is claimed',
      content: {
        'application/json': {
          schema: z
            .object({
              claimed: z.literal(true),
              /** True where the page is no longer served on the port that it was asked on. */
              pageCloses: z.boolean(),
            })
            .openapi('Claimed'),
        },
      },
    },
    400: problem('The body is not {"code": "…"}'),
    403: problem('The code is not the one on the console, or the request came from another site'),
    409: problem('The box is claimed already'),
    413: problem('The body is too large'),
    415: problem('The body is not JSON'),
    429: problem('Too many tries; Retry-After says when the next one counts'),
    500: problem('The claim could not be stored'),
  },
});

const description = {
  openapi: '3.1.0',
  info: {
    title: 'Hithe',
    version: '1',
    description:
      'The API of one gateway, as its page and its command line use it. Every error is a problem document (RFC 9457) ' +
      'with a `code`. There are no sessions yet: whoever reaches the page may read, and claiming needs the claim code.',
  },
};

/** The routes under /api/v1. The caller sees to the Host header and to the headers that protect every answer. */
export function createApi(ports: ApiPorts) {
  const { readStatus, log, claim, now } = ports;

  function statusUpdate(): StatusUpdate {
    return { ...readStatus(), time: new Date(now()).toISOString(), claimed: claim.claimed() };
  }

  const streams = createEventStreams({
    first() {
      const { entries, newest } = log.read(0, limits.logLinesInStatus);
      return { messages: [{ event: 'status', data: { ...statusUpdate(), log: entries } }], newest };
    },
    next(after) {
      const { entries, newest } = log.read(after, limits.logLinesInStatus);
      const lines = entries.length > 0 ? [{ event: 'log' as const, data: entries }] : [];
      return { messages: [{ event: 'status', data: statusUpdate() }, ...lines], newest };
    },
  });

  const app = new OpenAPIHono<ApiEnvironment>({
    defaultHook(result) {
      if (result.success) return undefined;
      const [issue] = result.error.issues;
      const where = issue?.path.join('.') ?? '';
      return problemResponse(
        'bad-request',
        `${where === '' ? 'The request' : where}: ${issue?.message ?? 'invalid'}`,
      );
    },
  });

  app.use('/api/v1/*', async (context, next) => {
    await next();
    if (!context.res.headers.has('cache-control')) context.res.headers.set('cache-control', 'no-store');
  });
  app.use('/api/v1/*', async (context, next) => {
    if (context.req.method !== 'POST') return next();
    if (isCrossSite(context)) return problemResponse('cross-site', 'Only the box’s own page may do this.');
    if (!/^application\/json\s*(;|$)/i.test(context.req.header('content-type') ?? '')) {
      return problemResponse('not-json', 'Send the body as application/json.');
    }
    return next();
  });
  const bounded = (maxSize: number) =>
    bodyLimit({
      maxSize,
      onError: () =>
        problemResponse('body-too-large', `A body has at most ${maxSize} octets.`, { connection: 'close' }),
    });
  const [small, withDocument] = [bounded(limits.bodyBytes), bounded(limits.settingsBodyBytes)];
  app.use('/api/v1/*', (context, next) => {
    const isSettings =
      context.env.transport === 'local' && /^\/api\/v1\/(config|policy)\//.test(context.req.path);
    return (isSettings ? withDocument : small)(context, next);
  });

  app.openapi(statusRoute, (context) => {
    const status: Status = { ...statusUpdate(), log: [...log.read(0, limits.logLinesInStatus).entries] };
    return context.json(status, 200);
  });

  app.openapi(logRoute, (context) => {
    const { after, limit, level } = context.req.valid('query');
    const { entries, newest } = log.read(after, Number.MAX_SAFE_INTEGER);
    const atLeast = levels.indexOf(level);
    const chosen = entries.filter((entry) => levels.indexOf(entry.level) >= atLeast).slice(-limit);
    return context.json({ entries: chosen, newest }, 200);
  });

  app.openapi(eventsRoute, (context) => {
    const headers = { 'content-type': 'text/event-stream; charset=utf-8' };
    // Hono answers HEAD with the headers of GET; a stream that nobody reads would never end.
    if (context.req.method === 'HEAD') return context.body(null, 200, headers);
    const stream = streams.open(context.req.raw.signal);
    if (stream !== null) return context.body(stream, 200, headers);
    const detail = 'As many pages are open as this box keeps up to date. Close one.';
    return problemAnswer(context, 'too-many-streams', detail, { 'retry-after': '10' });
  });

  app.openapi(claimRoute, async (context) => {
    const attempt = await claim.attempt(context.req.valid('json').code);
    switch (attempt.outcome) {
      case 'claimed': {
        const pageCloses = ports.closesWhenClaimed();
        ports.onClaimed();
        return context.json({ claimed: true as const, pageCloses }, 200);
      }
      case 'wrong-code':
        return problemAnswer(
          context,
          'wrong-claim-code',
          'This is not the claim code that the console shows.',
        );
      case 'already-claimed':
        return problemAnswer(context, 'already-claimed', 'This box is claimed already.');
      case 'not-stored':
        return problemAnswer(
          context,
          'not-stored',
          'The claim could not be stored, so the box is still unclaimed.',
        );
      case 'too-many-tries': {
        const seconds = attempt.retryAfterSeconds;
        const detail = `Too many tries. The next one counts in ${seconds} s.`;
        return problemAnswer(context, 'too-many-tries', detail, { 'retry-after': String(seconds) });
      }
    }
  });

  addIdentityRoute(app, ports.replaceIdentity);
  addAttestationRoutes(app, ports.attestation);
  addConfigRoutes(app, ports.configuration);
  addPolicyRoutes(app, ports.policy);
  addFlowsRoutes(app, ports.flows);
  addLearnRoutes(app, ports.learning);
  addAlarmsRoutes(app, ports.alarms);
  addMetricsRoute(app, ports.metrics);

  // Written when it is first asked for: nothing at boot waits for it.
  let document: string | null = null;
  app.get('/api/v1/openapi.json', (context) => {
    document ??= JSON.stringify(app.getOpenAPI31Document(description));
    return context.body(document, 200, { 'content-type': 'application/json' });
  });

  const methods = new Map([
    [statusRoute.path, 'GET, HEAD'],
    [logRoute.path, 'GET, HEAD'],
    [eventsRoute.path, 'GET, HEAD'],
    [claimRoute.path, 'POST'],
    [replaceIdentityRoute.path, 'POST'],
    [evidenceRoute.path, 'POST'],
    [activationRoute.path, 'POST'],
    [measuredBootRoute.path, 'GET, HEAD'],
    ...Object.values({ ...configRoutes, ...learnRoutes, ...alarmsRoutes }).map(
      ({ path, method }): [string, string] => [
        path.replace('{id}', ':id'),
        method === 'get' ? 'GET, HEAD' : 'POST',
      ],
    ),
    ...Object.values(flowsRoutes).map(({ path }): [string, string] => [path, 'GET, HEAD']),
    ...Object.values(policyRoutes).map(({ path }): [string, string] => [path, 'GET, HEAD']),
    ['/api/v1/openapi.json', 'GET, HEAD'],
  ]);
  for (const [path, allow] of methods) {
    app.all(path, () => problemResponse('method-not-allowed', `Here only: ${allow}.`, { allow }));
  }
  app.all('/api/*', () => problemResponse('not-found', 'The API has nothing at this address.'));

  return { app, closeStreams: () => streams.close() };
}

/** Fetch metadata where the browser sends it, the Origin header where not; programs send neither. */
function isCrossSite(context: Context<ApiEnvironment>): boolean {
  const site = context.req.header('sec-fetch-site');
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const origin = context.req.header('origin');
  return origin !== undefined && origin !== `https://${context.req.header('host')}`;
}
