import { existsSync, unlinkSync } from 'node:fs';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { isIPv4, type Socket } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import { limits } from '../webui/limits.ts';
import type { Connection, ListenerOptions, ListenFailure, WebListeners } from '../webui/ports.ts';

const httpOptions: ServerOptions = {
  maxHeaderSize: limits.headerBytes,
  headersTimeout: limits.headersMs,
  requestTimeout: limits.requestMs,
  keepAliveTimeout: limits.keepAliveMs,
  // How often the two timeouts are looked at; Node's own default of 30 s would let a slow client stay that much longer.
  connectionsCheckingInterval: 2000,
  // Lenient parsing is how requests are smuggled.
  insecureHTTPParser: false,
  requireHostHeader: true,
};

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
  handshakeTimeout: limits.handshakeMs,
  ALPNProtocols: ['http/1.1'],
} as const;

/** After a listener is closed its connections may finish their answers for this long. */
const lingerMs = 2000;

/** The page's sockets. One handler serves all; connections are counted over all addresses together. */
export function openWebListeners(options: ListenerOptions): WebListeners {
  const { credentials, handler, malformed, httpsPort, httpPort } = options;
  const listening = new Map<string, readonly Server[]>();
  const sockets = new Set<Socket>();
  const perAddress = new Map<string, number>();
  let local: Server | null = null;

  function requestListener(transport: Connection['transport']) {
    return getRequestListener(
      (request, { incoming }) =>
        handler(request, {
          transport,
          remoteAddress: (incoming as IncomingMessage).socket.remoteAddress ?? '',
        }),
      {
        errorHandler: (error) =>
          malformed(
            error instanceof RequestError ? 'The request is malformed.' : 'The request cannot be answered.',
          ),
      },
    );
  }

  /** TLS servers tell of the TCP socket here, so that a connection that never finishes its handshake counts too. */
  function admit(socket: Socket): void {
    const from = socket.remoteAddress ?? '';
    const already = perAddress.get(from) ?? 0;
    if (sockets.size >= limits.connections || already >= limits.connectionsPerAddress) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    perAddress.set(from, already + 1);
    socket.once('close', () => {
      sockets.delete(socket);
      const left = (perAddress.get(from) ?? 1) - 1;
      if (left === 0) perAddress.delete(from);
      else perAddress.set(from, left);
    });
  }

  function limited(server: Server): Server {
    server.maxHeadersCount = limits.headerCount;
    server.setTimeout(limits.idleMs);
    server.on('clientError', (_error, socket) => {
      if (socket.writable)
        socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      else socket.destroy();
    });
    return server;
  }

  async function listenOn(address: string): Promise<readonly Server[]> {
    const secure = limited(
      createHttpsServer(
        { ...httpOptions, ...tlsOptions, key: credentials.privateKeyPem, cert: credentials.certificatePem },
        requestListener('https'),
      ),
    );
    secure.prependListener('connection', admit);
    await listen(secure, { host: address, port: httpsPort });
    if (httpPort === null) return [secure];
    const plain = limited(createHttpServer(httpOptions, requestListener('http')));
    plain.prependListener('connection', admit);
    try {
      await listen(plain, { host: address, port: httpPort });
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
      for (const [address, servers] of listening) {
        if (wanted.has(address)) continue;
        listening.delete(address);
        for (const server of servers) shut(server);
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
      const server = limited(createHttpServer(httpOptions, requestListener('local')));
      // From its first moment nobody else may connect: the mode is set by the mask, not after the fact.
      const mask = process.umask(0o177);
      try {
        await listen(server, { path });
      } finally {
        process.umask(mask);
      }
      local = server;
    },
    async close() {
      const servers = [...[...listening.values()].flat(), ...(local === null ? [] : [local])];
      listening.clear();
      local = null;
      await Promise.all(
        servers.map((server) => {
          const closed = new Promise((resolve) => server.close(resolve));
          server.closeAllConnections();
          return closed;
        }),
      );
    },
  };
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

function shut(server: Server): void {
  server.close();
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), lingerMs).unref();
}
