import { OpenAPIHono, z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import type {
  AuditLog,
  LogReader,
  ReadApiDocument,
  ReadClock,
  ReadStatus,
  ReplaceIdentity,
} from '../ports.ts';
import { addAccessGuard, sessionCookie } from './access-guard.ts';
import { type AlarmsView, addAlarmsRoutes } from './alarms-route.ts';
import { type Associations, addAssociationsRoute } from './associations-route.ts';
import { type Attestation, addAttestationRoutes } from './attestation-route.ts';
import { addAuditRoute } from './audit-route.ts';
import { addBackupRoutes, type Backups } from './backup-route.ts';
import { addBoxRoute } from './box-route.ts';
import { addClaimRoute, type ClaimRoutePorts } from './claim-route.ts';
import { addConfigRoutes, type Configuration } from './config-route.ts';
import { addDevicesRoutes, type DeviceChanges } from './devices-route.ts';
import { addDiagnosticsRoutes, type Diagnostics } from './diagnostics-route.ts';
import { createEventStreams } from './event-stream.ts';
import { addFactoryResetRoute, type FactoryReset } from './factory-reset-route.ts';
import { addFlowsExportRoute } from './flows-export-route.ts';
import { addFlowsRoutes, type FlowsView } from './flows-route.ts';
import { addIdentityRoute } from './identity-route.ts';
import { addLearnRoutes, type PolicyLearning } from './learn-route.ts';
import { addMetricsRoute, type MetricsView, metricsPath } from './metrics-route.ts';
import { openApiDocument } from './openapi-document.ts';
import { addPolicyRoutes, type PolicyView } from './policy-route.ts';
import { problemAnswer, problemResponse } from './problem.ts';
import { addRestartRoute, type Restart } from './restart-route.ts';
import { type ApiEnvironment, allowedMethods, apiRoute, registeredRoutes } from './route.ts';
import { problem } from './route-content.ts';
import { addSecurityKeyRoutes } from './security-key-route.ts';
import { addSessionListRoutes } from './session-list-route.ts';
import { addSessionRoutes } from './session-route.ts';
import { logEntry, type Status, type StatusUpdate, status as statusSchema } from './status-schema.ts';
import { addSupportRoute, type MakeSupportBundle } from './support-route.ts';
import { addTokenRoutes } from './token-route.ts';
import { addUserRoutes } from './user-route.ts';

export interface ApiPorts extends ClaimRoutePorts {
  readonly readStatus: ReadStatus;
  readonly audit: AuditLog;
  /** Milliseconds since any moment; does not jump. */
  readonly elapsed: ReadClock;
  readonly log: LogReader;
  /** Of the page's certificate. */
  readonly fingerprint: string;
  readonly replaceIdentity: ReplaceIdentity;
  readonly attestation: Attestation;
  readonly configuration: Configuration;
  readonly policy: PolicyView;
  readonly flows: FlowsView;
  readonly associations: Associations;
  readonly learning: PolicyLearning;
  readonly devices: DeviceChanges;
  readonly alarms: AlarmsView;
  readonly metrics: MetricsView;
  readonly backups: Backups;
  readonly diagnostics: Diagnostics;
  readonly restart: Restart;
  readonly support: MakeSupportBundle;
  readonly factoryReset: FactoryReset;
  readonly readApiDocument: ReadApiDocument;
}

const statusRoute = apiRoute({
  method: 'get',
  path: '/api/v1/status',
  access: 'read',
  openUntilClaimed: true,
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

const logRoute = apiRoute({
  method: 'get',
  path: '/api/v1/log',
  access: 'read',
  openUntilClaimed: true,
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

const eventsRoute = apiRoute({
  method: 'get',
  path: '/api/v1/events',
  access: 'read',
  openUntilClaimed: true,
  summary:
    'Server-sent events: `status` (StatusUpdate) every two seconds, `log` (array of log lines) as they come',
  responses: {
    200: { description: 'The stream', content: { 'text/event-stream': { schema: z.string() } } },
    503: problem('As many pages are open as the box keeps up to date'),
  },
});

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
      const errors = result.error.issues
        .slice(0, limits.fieldErrors)
        .map(({ path, message }) => ({ path: path.join('.'), message }));
      const { path: where = '', message = 'invalid' } = errors[0] ?? {};
      const detail = `${where === '' ? 'The request' : where}: ${message}`;
      return problemResponse('bad-request', detail, {}, errors);
    },
  });

  app.use('/api/v1/*', async (context, next) => {
    await next();
    if (!context.res.headers.has('cache-control')) context.res.headers.set('cache-control', 'no-store');
  });
  addAccessGuard(app, { ...ports, claimed: claim.claimed });

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
    // One connection carries one stream; asked for behind another, it would take a place and never be read.
    const stream = context.env.isPipelined
      ? null
      : streams.open(context.req.raw.signal, context.get('mayStill'));
    if (stream !== null) return context.body(stream, 200, headers);
    const detail = 'As many pages are open as this box keeps up to date. Close one.';
    return problemAnswer(context, 'too-many-streams', detail, { 'retry-after': '10' });
  });

  addBoxRoute(app, () => {
    const { hostname, image } = readStatus();
    const time = new Date(now()).toISOString();
    return {
      ...{ hostname, claimed: claim.claimed(), time },
      version: image.version,
      fingerprint: ports.fingerprint,
    };
  });
  addClaimRoute(app, ports);
  addSessionRoutes(app, ports);
  addSessionListRoutes(app, ports);
  addUserRoutes(app, ports);
  addSecurityKeyRoutes(app, ports);
  addTokenRoutes(app, ports);
  addAuditRoute(app, ports.audit);
  addIdentityRoute(app, ports.replaceIdentity);
  addAttestationRoutes(app, ports.attestation);
  addConfigRoutes(app, ports.configuration);
  addPolicyRoutes(app, ports.policy);
  addFlowsRoutes(app, ports.flows);
  addFlowsExportRoute(app, ports.flows);
  addAssociationsRoute(app, ports.associations, readStatus);
  addLearnRoutes(app, ports.learning);
  addDevicesRoutes(app, ports.devices);
  addAlarmsRoutes(app, ports.alarms);
  addMetricsRoute(app, ports.metrics);
  addBackupRoutes(app, ports.backups);
  addDiagnosticsRoutes(app, ports.diagnostics);
  addRestartRoute(app, ports.restart);
  addSupportRoute(app, ports.support);
  addFactoryResetRoute(app, {
    ...{ reset: ports.factoryReset, presence: ports.presence, ownName: () => readStatus().hostname },
  });

  app.openAPIRegistry.registerComponent('securitySchemes', 'session', {
    ...{ type: 'apiKey', in: 'cookie', name: sessionCookie },
    description: 'Of a person who signed in; requests that are not GET carry `x-csrf-token` beside it.',
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    ...{ type: 'http', scheme: 'bearer' },
    description: 'A token of this box; it has the accesses that it was made with.',
  });
  let document: Promise<string> | null = null;
  /** Read or written when it is first asked for: nothing at boot waits for it. */
  const described = () => {
    document ??= ports.readApiDocument().then((text) => text ?? JSON.stringify(openApiDocument(app)));
    return document;
  };
  app.get('/api/v1/openapi.json', async (context) =>
    context.body(await described(), 200, { 'content-type': 'application/json' }),
  );

  const methods = new Map([
    ...allowedMethods(registeredRoutes(app)),
    ...['/api/v1/openapi.json', metricsPath].map((path): [string, string] => [path, 'GET, HEAD']),
  ]);
  for (const [path, allow] of methods) {
    app.all(path, () => problemResponse('method-not-allowed', `Here only: ${allow}.`, { allow }));
  }
  app.all('/api/*', () => problemResponse('not-found', 'The API has nothing at this address.'));

  return { app, described, closeStreams: () => streams.close() };
}
