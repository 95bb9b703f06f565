import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

export type ServiceRequest = {
  behaviour: 'serves' | 'none' | 'broken' | 'drips' | 'floods' | 'redirects' | 'hangs-up';
  /** For how many requests, before it serves; for all of them unless told. */
  times?: number;
  userData: string;
};

/** The metadata services of the clouds, as strict as they are. */
let {
  behaviour,
  times = Number.POSITIVE_INFINITY,
  userData,
}: ServiceRequest = {
  ...{ behaviour: 'serves', userData: '' },
};
let asked = 0;
const tokens = new Map<string, string>();

type Route = (request: IncomingMessage) => {
  status: number;
  body: string | Buffer;
  headers?: Record<string, string>;
};

function tokenService(prefix: string): Record<string, Route> {
  return {
    'PUT /latest/api/token': ({ headers }) => {
      const seconds = Number(headers[`${prefix}-token-ttl-seconds`]);
      // A request that came by a proxy is refused, as is one without a lifetime.
      if (!(seconds >= 1 && seconds <= 21_600) || headers['x-forwarded-for'] !== undefined)
        return { status: 400, body: 'bad request' };
      const token = `token-${prefix}-${tokens.size}`;
      tokens.set(token, prefix);
      return { status: 200, body: token };
    },
    'GET /latest/user-data': ({ headers }) =>
      tokens.get(String(headers[`${prefix}-token`])) === prefix
        ? { status: 200, body: userData }
        : { status: 401, body: 'unauthorized' },
  };
}

const base64 = () => Buffer.from(userData).toString('base64');
const refused = { status: 400, body: '{"error":"Bad request"}' };
const linkLocal: Record<string, Route> = {
  ...tokenService('x-aws-ec2-metadata'),
  'GET /metadata/instance/compute/userData?api-version=2021-01-01&format=text': ({ headers }) =>
    headers['metadata'] === 'true' ? { status: 200, body: base64() } : refused,
  'GET /computeMetadata/v1/instance/attributes/user-data': ({ headers }) =>
    headers['metadata-flavor'] === 'Google'
      ? { status: 200, body: userData, headers: { 'metadata-flavor': 'Google' } }
      : { status: 403, body: 'Missing Metadata-Flavor:Google header.' },
  'GET /opc/v2/instance/metadata/user_data': ({ headers }) =>
    headers.authorization === 'Bearer Oracle' ? { status: 200, body: base64() } : { status: 403, body: '' },
  'GET /openstack/latest/user_data': () => ({ status: 200, body: userData }),
};
const alibaba = tokenService('x-aliyun-ecs-metadata');

function serve(routes: Record<string, Route>) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    asked += 1;
    const route = routes[`${request.method} ${request.url}`];
    const now = asked <= times ? behaviour : 'serves';
    if (now === 'hangs-up') request.socket.destroy();
    else if (now === 'broken') response.writeHead(503).end();
    else if (now === 'redirects') response.writeHead(302, { location: 'http://203.0.113.1/' }).end();
    else if (now === 'drips') drip(response);
    else if (now === 'floods') flood(response);
    else if (route === undefined) response.writeHead(404).end('not found');
    else if (now === 'none' && request.method === 'GET') {
      const google = request.url?.startsWith('/computeMetadata');
      response.writeHead(404, google ? { 'metadata-flavor': 'Google' } : {}).end('not found');
    } else {
      const { status, body, headers } = route(request);
      response.writeHead(status, headers).end(body);
    }
  };
}

function drip(response: ServerResponse): void {
  response.writeHead(200);
  const timer = setInterval(() => response.write('x'), 100);
  response.on('close', () => clearInterval(timer));
}

function flood(response: ServerResponse): void {
  response.writeHead(200);
  const more = (): void => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536, 120)));
  };
  response.on('drain', more);
  more();
}

/** Both of its addresses, and what it is told to be. */
export const metadataService = {
  linkLocal: serve(linkLocal) as RequestListener,
  alibaba: serve(alibaba) as RequestListener,
  become(next: ServiceRequest): void {
    ({ behaviour, times = Number.POSITIVE_INFINITY, userData } = next);
    asked = 0;
  },
};
