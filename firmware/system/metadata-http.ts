import { request } from 'node:http';
import type { MetadataAnswer, MetadataHttp } from '../boot/platform/metadata-http.ts';

/**
 * Asks a metadata service. The whole answer has to have come in time and within the size, so that a service that drips
 * or floods costs neither; redirects are answers like any other.
 */
export function metadataHttp({
  timeoutMs,
  maxOctets,
}: {
  readonly timeoutMs: number;
  readonly maxOctets: number;
}): MetadataHttp {
  return ({ method, url, headers }) =>
    new Promise<MetadataAnswer>((resolve) => {
      const fail = (reason: string) => resolve({ ok: false, reason });
      const outgoing = request(url, {
        method,
        headers: { ...headers, connection: 'close', ...(method === 'PUT' && { 'content-length': '0' }) },
        agent: false,
        signal: AbortSignal.timeout(timeoutMs),
      });
      outgoing.on('error', (error) =>
        fail(error.name === 'AbortError' || error.name === 'TimeoutError' ? 'it is too slow' : error.message),
      );
      outgoing.on('response', (incoming) => {
        const chunks: Uint8Array[] = [];
        let length = 0;
        incoming.on('data', (chunk: Uint8Array) => {
          length += chunk.length;
          chunks.push(chunk);
          if (length > maxOctets) {
            fail(`its answer is larger than ${maxOctets} octets`);
            incoming.destroy();
          }
        });
        incoming.on('error', () => fail('it is too slow, or broke off'));
        incoming.on('end', () => {
          const given = Object.entries(incoming.headers).flatMap(([name, value]) =>
            typeof value === 'string' ? [[name, value] as const] : [],
          );
          resolve({
            ok: true,
            status: incoming.statusCode ?? 0,
            headers: Object.fromEntries(given),
            body: Buffer.concat(chunks),
          });
        });
      });
      outgoing.end();
    });
}
