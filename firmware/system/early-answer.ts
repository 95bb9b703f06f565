import type { IncomingMessage } from 'node:http';

/** How long, and how much, is taken in of a body whose answer is known: until it pauses, and at most all told. */
const bounds = { pauseMs: 2_000, ms: 10_000, octets: 64 * 1024 * 1024 };

/**
 * An answer that is given before its request has come to its end: it goes out at once, and the connection is closed once
 * the rest has come and was forgotten. Closed under somebody who is still sending, it would take the answer with it
 * (RFC 9112 § 9.6).
 */
export async function answerBeforeEnd(answer: Response, incoming: IncomingMessage): Promise<Response> {
  const body = new Uint8Array(await answer.arrayBuffer());
  const headers = new Headers(answer.headers);
  headers.set('content-length', String(body.length));
  headers.set('connection', 'close');
  const held = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(body);
      await forgetRest(incoming);
      controller.close();
    },
  });
  return new Response(held, { status: answer.status, headers });
}

/** Resolves when a request is whole, or has taken what it may. */
function forgetRest(incoming: IncomingMessage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let octets = 0;
  // What comes next would go to whoever began to read it.
  incoming.removeAllListeners('data');
  incoming.on('data', (part: Uint8Array) => {
    octets += part.length;
    if (octets > bounds.octets) resolve();
    else pause.refresh();
  });
  for (const event of ['end', 'close', 'error']) incoming.once(event, resolve);
  const pause = setTimeout(resolve, bounds.pauseMs);
  const last = setTimeout(resolve, bounds.ms);
  incoming.resume();
  return promise.finally(() => {
    clearTimeout(pause);
    clearTimeout(last);
  });
}
