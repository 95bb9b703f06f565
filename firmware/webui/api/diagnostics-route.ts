import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { limits } from '../limits.ts';
import { policyExplanation } from './policy-route.ts';
import { type ProblemCode, problemAnswer } from './problem.ts';
import { type Api, type ApiEnvironment, apiRoute } from './route.ts';
import { body, json, problem } from './route-content.ts';
import { status } from './status-schema.ts';

const end = z.string().min(1).max(limits.policyEndLength);
const bounded = ([least, most]: readonly [number, number]) => z.int().min(least).max(most);

const pingQuery = z.strictObject({
  /** Whom the policy is asked for; the gateway itself unless given. */
  from: end.optional(),
  to: end,
  count: bounded(limits.pingCount).default(3),
});
export type PingQuery = z.infer<typeof pingQuery>;

const pingReport = z
  .object({
    /** denied: by this gateway's policy; what its own echoes met stands beside it. */
    outcome: z.enum(['answered', 'denied', 'tunnel-down', 'no-answer']),
    why: z.string(),
    policy: policyExplanation.nullable(),
    /** To the peers that both ends are behind. */
    tunnels: z.array(status.shape.tunnels.element.pick({ peer: true, state: true, lastError: true })),
    echo: z.object({
      from: z.string().nullable(),
      to: z.string(),
      sent: z.number().int(),
      received: z.number().int(),
      /** Milliseconds; null when nothing came back. */
      rttMs: z.object({ min: z.number(), average: z.number(), max: z.number() }).nullable(),
      problem: z.string().nullable(),
    }),
  })
  .openapi('PingReport');
export type PingReport = z.infer<typeof pingReport>;

const tracerouteQuery = z.strictObject({
  to: end,
  /** The way of the tunnel itself, to where the peer is. */
  underlay: z.boolean().default(false),
  hops: bounded(limits.tracerouteHops).default(20),
});
export type TracerouteQuery = z.infer<typeof tracerouteQuery>;

const traceroute = z
  .object({
    state: z.enum(['running', 'ended']),
    to: z.string(),
    from: z.string().nullable(),
    hops: z
      .array(
        z.object({
          hop: z.number().int(),
          /** Null where no router answered in time. */
          address: z.string().nullable(),
          ms: z.number().nullable(),
          /** `!H` and the like: the router says that it goes no further. */
          note: z.string().nullable(),
        }),
      )
      .readonly(),
    reached: z.boolean(),
    problem: z.string().nullable(),
  })
  .openapi('Traceroute');
export type Traceroute = z.infer<typeof traceroute>;

const captureQuery = z.strictObject({
  /** A port of the box, a link of the kernel, or `tunnel`: all tunnels, before packets are encrypted. */
  link: z.string().min(1).max(limits.policyEndLength),
  /** In tcpdump's words. */
  filter: z.string().max(limits.captureFilterLength).default(''),
  /** Octets kept of a frame. */
  snapLength: bounded(limits.captureSnapLength).default(1600),
  /** Frames. */
  count: bounded(limits.captureFrames).default(10_000),
  /** KiB of the file. */
  kibibytes: bounded(limits.captureKibibytes).default(4096),
  /** Frames a second. */
  rate: bounded(limits.captureRate).default(1000),
  seconds: bounded(limits.captureSeconds).default(60),
});
export type CaptureQuery = z.infer<typeof captureQuery>;

const capture = z
  .object({
    state: z.enum(['running', 'ended']),
    link: z.string(),
    filter: z.string(),
    startedAt: z.string(),
    /** Why it is over. */
    ended: z.enum(['count', 'size', 'time', 'stopped']).nullable(),
    written: z.number().int(),
    filtered: z.number().int(),
    overRate: z.number().int(),
    /** Frames that came faster than they were read; known at the end. */
    dropped: z.number().int(),
    /** Of the file, and how many it may have. */
    octets: z.number().int(),
    largest: z.number().int(),
    seconds: z.number().int(),
    /** When the file is deleted at the latest; null while it is being written. */
    deletedAt: z.string().nullable(),
  })
  .openapi('Capture');
export type Capture = z.infer<typeof capture>;

export type DiagnosticsProblem = Extract<ProblemCode, 'bad-request' | `diagnosis-${string}`>;
export type DiagnosticsResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | {
      readonly ok: false;
      readonly code: DiagnosticsProblem;
      readonly detail: string;
      /** Of the request, that is wrong. */
      readonly field?: string;
    };

/** Looking into what does not work. One trace and one capture at a time; the newest of each is kept to be read. */
export interface Diagnostics {
  ping(query: PingQuery): Promise<DiagnosticsResult<PingReport>>;
  startTraceroute(query: TracerouteQuery): Promise<DiagnosticsResult<Traceroute>>;
  /** The newest, null where there was none. */
  traceroute(): Traceroute | null;
  startCapture(query: CaptureQuery): Promise<DiagnosticsResult<Capture>>;
  /** The newest whose file is still there, null where there is none. */
  capture(): Capture | null;
  stopCapture(): Promise<DiagnosticsResult<Capture>>;
  /** Ends it and deletes its file. */
  discardCapture(): Promise<void>;
  /** The file, once it is not written any more; it is deleted when it was read to its end. */
  readCapture(): DiagnosticsResult<{ readonly octets: number; readonly content: ReadableStream<Uint8Array> }>;
}

const refusals = {
  400: problem('A field is wrong; the detail says which, and why'),
  404: problem('There is no capture'),
  409: problem('One is running already'),
  500: problem('The operating system would not; the detail says what it said'),
};
const shared = { access: 'diagnose' } as const;
const newestTraceroute = z.object({ traceroute: traceroute.nullable() });
const newestCapture = z.object({ capture: capture.nullable() });

const routes = {
  ping: apiRoute({
    ...shared,
    method: 'post',
    path: '/api/v1/diagnostics/ping',
    changesNothing: true,
    summary: 'Whether the policy lets one end ping another, and what echoes from this gateway met',
    request: body(pingQuery),
    responses: { 200: json('What came of it', pingReport), ...refusals },
  }),
  startTraceroute: apiRoute({
    ...shared,
    method: 'post',
    path: '/api/v1/diagnostics/traceroute',
    changesNothing: true,
    summary: 'Begins to ask the routers on the way to somewhere',
    request: body(tracerouteQuery),
    responses: { 200: json('It has begun', traceroute), ...refusals },
  }),
  traceroute: apiRoute({
    ...shared,
    method: 'get',
    path: '/api/v1/diagnostics/traceroute',
    summary: 'The newest trace, as far as it is known',
    responses: { 200: json('The trace', newestTraceroute) },
  }),
  startCapture: apiRoute({
    ...shared,
    method: 'post',
    path: '/api/v1/diagnostics/capture',
    summary: 'Begins to write what passes a link into a capture file',
    request: body(captureQuery),
    responses: { 200: json('It has begun', capture), ...refusals },
  }),
  capture: apiRoute({
    ...shared,
    method: 'get',
    path: '/api/v1/diagnostics/capture',
    summary: 'The capture that runs, or that waits to be fetched',
    responses: { 200: json('The capture', newestCapture) },
  }),
  stopCapture: apiRoute({
    ...shared,
    method: 'post',
    path: '/api/v1/diagnostics/capture/stop',
    changesNothing: true,
    summary: 'Ends the capture; its file can be fetched',
    request: body(z.strictObject({})),
    responses: { 200: json('The capture', capture), ...refusals },
  }),
  discardCapture: apiRoute({
    ...shared,
    method: 'delete',
    path: '/api/v1/diagnostics/capture',
    changesNothing: true,
    summary: 'Ends the capture and deletes its file',
    responses: { 200: json('There is none any more', newestCapture) },
  }),
  readCapture: apiRoute({
    ...shared,
    method: 'get',
    path: '/api/v1/diagnostics/capture/file',
    summary: 'The capture file (pcap), once; it is deleted when it was read',
    responses: {
      200: {
        description: 'The file',
        content: { 'application/vnd.tcpdump.pcap': { schema: z.string().openapi({ format: 'binary' }) } },
      },
      ...refusals,
    },
  }),
};

export function addDiagnosticsRoutes(app: Api, diagnostics: Diagnostics): void {
  app.openapi(routes.ping, async (context) => {
    const result = await diagnostics.ping(context.req.valid('json'));
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  app.openapi(routes.startTraceroute, async (context) => {
    const result = await diagnostics.startTraceroute(context.req.valid('json'));
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  app.openapi(routes.traceroute, (context) => context.json({ traceroute: diagnostics.traceroute() }, 200));
  app.openapi(routes.startCapture, async (context) => {
    const query = context.req.valid('json');
    const result = await diagnostics.startCapture(query);
    context.set('audited', `${query.link} ${query.filter}`.trim());
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  app.openapi(routes.capture, (context) => context.json({ capture: diagnostics.capture() }, 200));
  app.openapi(routes.stopCapture, async (context) => {
    const result = await diagnostics.stopCapture();
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  app.openapi(routes.discardCapture, async (context) => {
    await diagnostics.discardCapture();
    return context.json({ capture: null }, 200);
  });
  app.openapi(routes.readCapture, (context) => {
    const headers = {
      'content-type': 'application/vnd.tcpdump.pcap',
      'content-disposition': 'attachment; filename="hithe-capture.pcap"',
    };
    // Hono answers HEAD with the headers of GET; the file must not go with it.
    if (context.req.method === 'HEAD') return context.body(null, 200, headers);
    const result = diagnostics.readCapture();
    if (!result.ok) return refuse(context, result);
    const { octets, content } = result.value;
    return context.body(content, 200, { ...headers, 'content-length': String(octets) });
  });
}

function refuse(
  context: Context<ApiEnvironment>,
  {
    code,
    detail,
    field,
  }: { readonly code: DiagnosticsProblem; readonly detail: string; readonly field?: string },
) {
  switch (code) {
    case 'bad-request': {
      const errors = field === undefined ? undefined : [{ path: field, message: detail }];
      return problemAnswer(context, code, detail, {}, errors);
    }
    case 'diagnosis-none':
      return problemAnswer(context, code, detail);
    case 'diagnosis-running':
      return problemAnswer(context, code, detail);
    case 'diagnosis-failed':
      return problemAnswer(context, code, detail);
  }
}
