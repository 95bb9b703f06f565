import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { isAllowedHost } from '../api/allowed-host.ts';
import { type ApiPorts, createApi } from '../api/api.ts';
import { problemResponse } from '../api/problem.ts';
import { reasonOf } from '../error.ts';
import type { Connection, WebHandler, WriteLog } from '../ports.ts';
import { type PageFiles, servePageFile } from './page-files.ts';
import { securityHeaders } from './security-headers.ts';

export interface SitePorts extends ApiPorts {
  readonly page: PageFiles;
  /** The box's name as the settings have it now. */
  readonly hostname: () => string;
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
    if (transport !== 'local' && !isAllowedHost(context.req.header('host'), ports.hostname())) {
      return problemResponse(
        'unknown-host',
        'This box does not answer to that name. Open it by its address.',
      );
    }
    return transport === 'http' ? redirectToHttps(context.req.raw, ports.httpsPort) : next();
  });
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
      return protect(await site.fetch(request, connection));
    },
    malformed: (detail) => protect(problemResponse('bad-request', detail)),
    close: api.closeStreams,
  };
}

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
