import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { request } from 'node:http';
import { request as requestSecurely } from 'node:https';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import type { LogAnswer, LogRequest, LogTransport, SyslogReceiver } from '../boot/log-transport.ts';

/** Of an answer to logs: it says that all is well, or in a sentence what is not. */
const largestAnswer = 64 * 1024;

/** Sends logs over the network. `timeoutMs` bounds each delivery as a whole. */
export function logTransport({ timeoutMs = 30_000 }: { readonly timeoutMs?: number } = {}): LogTransport {
  const bounded = (signal: AbortSignal) => AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  return {
    post: (given, signal) => post(given, bounded(signal)),
    async sendSyslog(receiver, messages, signal) {
      try {
        if (receiver.transport === 'udp') await sendDatagrams(receiver, messages);
        else await sendStream(receiver, messages.join(''), bounded(signal));
        return null;
      } catch (error) {
        return reasonOf(error);
      }
    },
  };
}

async function post({ url, headers, ca, body }: LogRequest, signal: AbortSignal): Promise<LogAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<LogAnswer>();
  const payload = Buffer.from(body);
  const options = {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      'content-length': payload.length,
      connection: 'close',
    },
    agent: false,
    signal,
    ...(ca === null ? {} : { ca }),
  };
  try {
    const outgoing = url.startsWith('https:') ? requestSecurely(url, options) : request(url, options);
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      let length = 0;
      incoming.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > largestAnswer)
          incoming.destroy(new Error(`its answer is larger than ${largestAnswer} octets`));
        else chunks.push(chunk);
      });
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({
          ok: true,
          status: incoming.statusCode ?? 0,
          retryAfterMs: readRetryAfter(incoming.headers['retry-after'], Date.now()),
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    outgoing.end(payload);
    return await promise;
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  }
}

/** Milliseconds of a Retry-After header (RFC 9110 § 10.2.3): seconds, or a date; null where it is none. */
export function readRetryAfter(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  const after = /^\s*\d{1,10}\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(after) ? null : Math.max(0, after);
}

/**
 * Writes everything, then ends this side and waits until the receiver ends its own: a receiver that breaks off before it
 * has read everything makes a reset, and no end (RFC 9293 § 3.6.1).
 */
async function sendStream(receiver: SyslogReceiver, text: string, signal: AbortSignal): Promise<void> {
  const socket = opened(receiver);
  try {
    const ended = once(socket, 'end', { signal });
    // Told where it is awaited.
    ended.catch(() => undefined);
    // Whatever it says is read, or its end would not be seen.
    socket.resume();
    await once(socket, receiver.transport === 'tls' ? 'secureConnect' : 'connect', { signal });
    socket.end(text);
    await ended;
    if (!socket.writableFinished) throw new Error('it broke off before everything was sent');
  } finally {
    socket.destroy();
  }
}

function opened({ host, port, transport, ca }: SyslogReceiver): Socket {
  if (transport !== 'tls') return connect({ host, port, allowHalfOpen: true });
  return connectSecurely({
    ...{ host, port, allowHalfOpen: true },
    // RFC 6066 § 3: addresses are no server names.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === null ? {} : { ca }),
  });
}

async function sendDatagrams({ host, port }: SyslogReceiver, messages: readonly string[]): Promise<void> {
  const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
  try {
    for (const message of messages) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      socket.send(message, port, host, (error) => (error === null ? resolve() : reject(error)));
      await promise;
    }
  } finally {
    socket.close();
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'it is too slow';
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}
