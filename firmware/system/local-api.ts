import { type ClientRequest, request } from 'node:http';
import { request as requestSecurely } from 'node:https';

/** The socket of a running box. */
export const localSocketPath = '/run/hithe/hithe.sock';

export type LocalAnswer =
  | { readonly ok: true; readonly status: number; readonly body: unknown }
  /** Nobody answers, or not in the API's language; `reason` is for a person. */
  | { readonly ok: false; readonly reason: string };

export interface LocalCall {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE' | undefined;
  readonly path: string;
  readonly body?: unknown;
  readonly socketPath?: string;
  readonly timeoutMs?: number;
}

/** A call of another box's API, by the address or name of its page, `ADDRESS` or `ADDRESS:PORT`. */
export interface RemoteCall extends Omit<LocalCall, 'socketPath'> {
  readonly box: string;
}

/** A status with the longest inventory is under 1 MiB, a backup of the largest settings under 11. */
const largestAnswer = 12 * 1024 * 1024;

/**
 * One call of the API over the box's own socket, as the command line makes it. A status of 400 and above is an answer
 * too: its body is a problem document (RFC 9457).
 */
export function callLocalApi(call: LocalCall): Promise<LocalAnswer> {
  const { socketPath = localSocketPath } = call;
  return exchange(
    call,
    (options) => request({ ...options, socketPath, headers: { ...options.headers, host: 'localhost' } }),
    (error) => explain(error, socketPath),
  );
}

/**
 * The same over the network. Whose certificate the box shows is not looked at: this is for what proves itself, such as
 * evidence, and never for secrets.
 */
export function callUnverifiedBox(call: RemoteCall): Promise<LocalAnswer> {
  const url = urlOf(call.box);
  if (url === undefined) return Promise.resolve({ ok: false, reason: `${call.box} is no address of a box.` });
  return exchange(
    call,
    (options) => requestSecurely(url, { ...options, rejectUnauthorized: false }),
    (error) => `The box at ${call.box} does not answer: ${error.message}`,
  );
}

function urlOf(box: string): URL | undefined {
  const written = /^[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(box) ? `[${box}]` : box;
  const url = URL.parse(`https://${written}/`);
  const plain = url !== null && url.username === '' && url.pathname === '/' && url.search + url.hash === '';
  return plain ? url : undefined;
}

type Outgoing = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly signal: AbortSignal;
};

function exchange(
  { method = 'GET', path, body, timeoutMs = 30_000 }: Omit<LocalCall, 'socketPath'>,
  send: (options: Outgoing) => ClientRequest,
  explained: (error: Error) => string,
): Promise<LocalAnswer> {
  return new Promise((resolve) => {
    const fail = (reason: string) => resolve({ ok: false, reason });
    const payload = body === undefined ? null : JSON.stringify(body);
    const outgoing = send({
      method,
      path,
      headers: {
        connection: 'close',
        ...(payload !== null && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(payload),
        }),
      },
      signal: AbortSignal.timeout(timeoutMs),
    });
    outgoing.on('error', (error) => fail(explained(error)));
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      let length = 0;
      incoming.on('data', (chunk: Buffer) => {
        length += chunk.length;
        chunks.push(chunk);
        if (length > largestAnswer)
          incoming.destroy(new Error('The answer is larger than any the box gives.'));
      });
      incoming.on('error', (error) => fail(explained(error)));
      incoming.on('end', () => {
        if (incoming.statusCode === 204) return resolve({ ok: true, status: 204, body: undefined });
        try {
          const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
          resolve({ ok: true, status: incoming.statusCode ?? 0, body: parsed });
        } catch {
          return fail('The answer is not JSON.');
        }
      });
    });
    outgoing.end(payload ?? undefined);
  });
}

function explain(error: Error, socketPath: string): string {
  const code = 'code' in error ? error.code : null;
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return `No Hithe is running here (nothing answers on ${socketPath}).`;
  if (code === 'EACCES') return `Only root may talk to Hithe (${socketPath}).`;
  if (error.name === 'TimeoutError' || code === 'ABORT_ERR') return 'Hithe does not answer in time.';
  return error.message;
}
