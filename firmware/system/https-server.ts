import { existsSync, unlinkSync } from 'node:fs';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { isIPv4, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { getRequestListener, RequestError } from '@hono/node-server';
import type {
  BrokenStatus,
  Connection,
  ListenerOptions,
  ListenFailure,
  WebListeners,
} from '../webui/ports.ts';
import { Connections } from './connections.ts';
import { answerBeforeEnd } from './early-answer.ts';

/** TLS 1.2 with forward secrecy and authenticated encryption, or 1.3. */
const tlsOptions = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
  ].join(':'),
  // Small boxes without AES instructions do ChaCha20 faster; so do the phones that ask for it first.
  honorCipherOrder: false,
  ALPNProtocols: ['http/1.1'],
  // Nobody shows a certificate to the page. Left out, Node would read in all public authorities: work for nothing at every start.
  ca: [],
} satisfies SecureContextOptions & TlsOptions;

/** After a listener is closed its connections may finish their answers for this long. */
const lingerMs = 2000;

/** The page's sockets. One handler serves all; connections are counted over all addresses together. */
export function openWebListeners(options: ListenerOptions): WebListeners {
  const { credentials, handler, broken, httpsPort, httpPort, bounds } = options;
  const httpOptions: ServerOptions = {
    maxHeaderSize: bounds.headerBytes,
    headersTimeout: bounds.headersMs,
    requestTimeout: bounds.requestMs,
    keepAliveTimeout: bounds.keepAliveMs,
    // How often the two timeouts are looked at; by Node's own 30 s a slow client would stay that much longer.
    connectionsCheckingInterval: Math.min(2000, bounds.headersMs / 4),
    // Lenient parsing is how requests are smuggled.
    insecureHTTPParser: false,
    // Whether it names this box is asked of every request, and answered with a reason.
    requireHostHeader: false,
  };
  const listening = new Map<string, readonly Listener[]>();
  const ofNetwork = new Connections(bounds);
  let local: Listener | null = null;

  function requestListener(transport: Connection['transport'], connections = ofNetwork) {
    return getRequestListener(
      async (request, bindings) => {
        const incoming = bindings.incoming as IncomingMessage;
        const remoteAddress = incoming.socket.remoteAddress ?? '';
        const isPipelined = connections.begin(incoming.socket, bindings.outgoing as ServerResponse);
        const answer = await handler(request, { transport, remoteAddress, isPipelined });
        return answer.status < 400 || incoming.complete ? answer : answerBeforeEnd(answer, incoming);
      },
      {
        errorHandler: (error) => broken(error instanceof RequestError ? 400 : 500),
      },
    );
  }

  function listener(server: Server, connections = ofNetwork): Listener {
    const sockets = new Set<Socket>();
    server.maxHeadersCount = bounds.headerCount;
    server.setTimeout(bounds.idleMs);
    // TLS servers tell of the TCP socket here, so that a connection that never ends its handshake counts too.
    server.prependListener('connection', (socket: Socket) => {
      if (!connections.admit(socket)) return;
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.on('clientError', (error, socket) => void answerBroken(error, socket, { connections, broken }));
    return { server, sockets };
  }

  async function listenOn(address: string): Promise<readonly Listener[]> {
    const { privateKeyPem: key, certificatePem: cert } = credentials;
    const secureOptions = { ...httpOptions, ...tlsOptions, handshakeTimeout: bounds.handshakeMs, key, cert };
    const secure = listener(createHttpsServer(secureOptions, requestListener('https')));
    await listen(secure.server, { host: address, port: httpsPort });
    if (httpPort === null) return [secure];
    const plain = listener(createHttpServer(httpOptions, requestListener('http')));
    try {
      await listen(plain.server, { host: address, port: httpPort });
      return [secure, plain];
    } catch {
      // Without the redirect the page is still there for whoever types https.
      return [secure];
    }
  }

  return {
    async setAddresses(addresses) {
      const failures: ListenFailure[] = [];
      const wanted = new Set(addresses);
      for (const [address, listeners] of listening) {
        if (wanted.has(address)) continue;
        listening.delete(address);
        for (const each of listeners) closeGently(each);
      }
      for (const address of wanted) {
        if (listening.has(address)) continue;
        // An empty host would mean the wildcard address.
        if (isWildcard(address)) {
          failures.push({ address, reason: 'is not the address of one port' });
          continue;
        }
        try {
          listening.set(address, await listenOn(address));
        } catch (error) {
          failures.push({ address, reason: error instanceof Error ? error.message : String(error) });
        }
      }
      return failures;
    },
    async listenLocally(path) {
      // A socket file that outlived its process; the runtime is the only one that serves here.
      if (existsSync(path)) unlinkSync(path);
      // Counted apart: the network must not be able to lock the console out.
      const connections = new Connections(bounds);
      const opened = listener(
        createHttpServer(httpOptions, requestListener('local', connections)),
        connections,
      );
      // From its first moment nobody else may connect: the mode is set by the mask, not after the fact. The socket is
      // bound within the call, so the mask is back before anything else runs.
      const mask = process.umask(0o177);
      const ready = listen(opened.server, { path });
      process.umask(mask);
      await ready;
      local = opened;
    },
    async close() {
      const all = [...[...listening.values()].flat(), ...(local === null ? [] : [local])];
      listening.clear();
      local = null;
      await Promise.all(all.map(closeNow));
    },
  };
}

interface Listener {
  readonly server: Server;
  /** TCP connections, whether or not HTTP has begun on them. */
  readonly sockets: ReadonlySet<Socket>;
}

/**
 * Answers what is not HTTP, and ends the connection. Before a handshake is done there is nobody to answer; within another
 * answer there is no place for one.
 */
async function answerBroken(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  { connections, broken }: { readonly connections: Connections; readonly broken: ListenerOptions['broken'] },
): Promise<void> {
  const status = brokenStatus(error.code ?? '');
  if (status === null || !socket.writable || connections.isAnswering(socket as Socket)) {
    socket.destroy();
    return;
  }
  const answer = broken(status);
  const body = await answer.text();
  const headers = [
    ...answer.headers,
    ['connection', 'close'],
    ['content-length', `${Buffer.byteLength(body)}`],
  ];
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body}`, () => socket.destroy());
}

function brokenStatus(code: string): BrokenStatus | null {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return code.startsWith('HPE_') ? 400 : null;
}

function isWildcard(address: string): boolean {
  if (isIPv4(address)) return /^0+(\.0+){3}$/.test(address);
  return !/[1-9a-f]/i.test(address.split('%')[0] ?? '');
}

function listen(server: Server, where: { host: string; port: number } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...where, ...('host' in where && { ipv6Only: true, exclusive: true }) }, () => {
      server.off('error', reject);
      // What goes wrong later concerns one connection, which Node closes.
      server.on('error', () => {});
      resolve();
    });
  });
}

function closeGently({ server, sockets }: Listener): void {
  server.close();
  server.closeIdleConnections();
  setTimeout(() => destroyAll(sockets), lingerMs).unref();
}

function closeNow({ server, sockets }: Listener): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    destroyAll(sockets);
  });
}

function destroyAll(sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) socket.destroy();
}
