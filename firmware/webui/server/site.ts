import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { isAllowedHost } from '../api/allowed-host.ts';
import { type ApiPorts, createApi } from '../api/api.ts';
import { problemResponse } from '../api/problem.ts';
import { reasonOf } from '../error.ts';
import type { Connection, WebHandler, WriteLog } from '../ports.ts';
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
  readonly malformed: (detail: string) => Response;
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
  site.route('/', api.app);
  site.all('*', (context) => {
    const { method } = context.req;
    const known = page.has(context.req.path);
    if (known && method !== 'GET' && method !== 'HEAD') {
      return problemResponse('method-not-allowed', 'Here only: GET, HEAD.', { allow: 'GET, HEAD' });
    }
    return (
      servePageFile(page, context.req.raw) ??
      problemResponse('not-found', 'There is nothing at this address.')
    );
  });
  site.onError((error) => {
    if (error instanceof HTTPException && error.status === 400) {
      return problemResponse('bad-request', 'The body is not valid JSON.');
    }
    writeLog('error', `A request to the page failed: ${reasonOf(error)}`);
    return problemResponse('internal', 'The box could not answer this. Its log says more.');
  });

  return {
    async handler(request, connection) {
      return protect(await problemForReaders(request, await site.fetch(request, connection)));
    },
    malformed: (detail) => protect(problemResponse('bad-request', detail)),
    close: api.closeStreams,
  };
}

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
