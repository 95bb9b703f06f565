import { callLocalApi } from '../system/local-api.ts';
import { printJson } from './arguments.ts';

/** Exit status where the box could not say, other than it says no. */
export const notKnown = 3;

/** Applying settings waits for peers to answer. */
const applyingMs = 180_000;

/** Asks the running box, or has it do something where there is a body; prints why where it does not say. */
export async function askBox<T>(
  { json, socket }: { readonly json?: boolean | undefined; readonly socket: string },
  path: string,
  body?: object,
): Promise<T | null> {
  const asked = body === undefined ? {} : { method: 'POST' as const, body, timeoutMs: applyingMs };
  const answer = await callLocalApi({ path, socketPath: socket, ...asked });
  if (answer.ok && answer.status === 200) return answer.body as T;
  const detail = answer.ok ? (answer.body as { detail?: string }).detail : answer.reason;
  const reason = detail ?? 'it gave no reason';
  if (json) printJson({ error: reason });
  else process.stderr.write(`hithe: the box cannot say: ${reason}\n`);
  return null;
}
