import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { isAllowedHost } from '../api/allowed-host.ts';
import { type ApiPorts, createApi } from '../api/api.ts';
import { type ProblemCode, problemResponse } from '../api/problem.ts';
import { reasonOf } from '../error.ts';
import type { BrokenStatus, Connection, WebHandler, WriteLog } from '../ports.ts';
import { type ApiDocument, referencePaths, referenceStyle, renderReference } from './api-reference.ts';
import { type PageFiles, servePageFile } from './page-files.ts';
import { problemForReaders } from './problem-page.ts';
import { securityHeaders } from './security-headers.ts';

export interface SitePorts extends ApiPorts {
  readonly page: PageFiles;
  readonly httpsPort: number;
  readonly writeLog: WriteLog;
}

export interface Site {
  readonly handler: WebHandler;
  readonly broken: (status: BrokenStatus) => Response;
  readonly close: () => void;
}

/** The page and the API behind one handler, with the checks and headers that every request gets. */
export function createSite(ports: SitePorts): Site {
  const { page, writeLog } = ports;
  const api = createApi(ports);
  const site = new Hono<{ Bindings: Connection }>();

  site.use(async (context, next) => {
    const { transport } = context.env;
    // A target in absolute form stands in the place of the Host field (RFC 9112 § 3.2.2): both have to be this box.
    const hosts = [context.req.header('host'), new URL(context.req.url).host];
    if (transport !== 'local' && !hosts.every((host) => isAllowedHost(host, ports.hostname()))) {
      return problemResponse(
        'unknown-host',
        'This box does not answer to that name. Open it by its address.',
      );
    }
    return transport === 'http' ? redirectToHttps(context.req.raw, ports.httpsPort) : next();
  });
  // Written when it is first asked for, and once: everybody may ask.
  let reference: string | null = null;
  site.get(referencePaths.page, async (context) => {
    // The document is what the reference was written for.
    reference ??= renderReference(JSON.parse(await api.described()) as ApiDocument);
    return context.html(reference, 200, revalidated);
  });
  site.get(referencePaths.style, (context) =>
    context.body(referenceStyle, 200, { ...revalidated, 'content-type': 'text/css; charset=utf-8' }),
  );
  const readOnly = { allow: 'GET, HEAD' };
  for (const path of Object.values(referencePaths))
    site.all(path, () => problemResponse('method-not-allowed', 'Here only: GET, HEAD.', readOnly));
  site.route('/', api.app);
  site.all('*', (context) => {
    const { method } = context.req;
    const known = page.has(context.req.path);
    if (known && method !== 'GET' && method !== 'HEAD') {
      return problemResponse('method-not-allowed', 'Here only: GET, HEAD.', readOnly);
    }
    return (
      servePageFile(page, context.req.raw) ??
      problemResponse('not-found', 'There is nothing at this address.')
    );
  });
  site.onError((error, context) => {
    if (error instanceof HTTPException && error.status === 400) {
      return problemResponse('bad-request', 'The body is not valid JSON.');
    }
    // Whoever asked has left in the middle, which is no error of the box.
    if (context.req.raw.signal.aborted) return problemResponse('bad-request', 'The request was not whole.');
    writeLog('error', `A request to the page failed: ${reasonOf(error)}`);
    return problemResponse('internal', 'The box could not answer this. Its log says more.');
  });

  return {
    async handler(request, connection) {
      return protect(await problemForReaders(request, await site.fetch(request, connection)));
    },
    broken(status) {
      const [code, detail] = brokenProblems[status];
      return protect(problemResponse(code, detail));
    },
    close: api.closeStreams,
  };
}

const brokenProblems = {
  400: ['bad-request', 'The request is malformed.'],
  408: ['too-slow', 'The request took too long to come.'],
  431: ['header-too-large', 'The header of the request is too large.'],
  500: ['internal', 'The request cannot be answered.'],
} as const satisfies Record<BrokenStatus, readonly [ProblemCode, string]>;

const revalidated = { 'cache-control': 'no-cache' };

function protect(response: Response): Response {
  for (const [name, value] of Object.entries(securityHeaders)) response.headers.set(name, value);
  return response;
}

/** To the same place over HTTPS; temporary, so that no browser keeps it when the box's address goes to another. */
function redirectToHttps(request: Request, port: number): Response {
  const { hostname, pathname, search } = new URL(request.url);
  return new Response(null, {
    status: 307,
    headers: {
      location: `https://${hostname}${port === 443 ? '' : `:${port}`}${pathname}${search}`,
      'cache-control': 'no-store',
    },
  });
}
