import { callLocalApi, type LocalCall } from '../system/local-api.ts';
import { complain, printJson } from './output.ts';

/** Exit status where the box could not say, other than it says no. */
export const notKnown = 3;

/** Applying settings waits for peers to answer, and making a key can take an old TPM half a minute. */
const applyingMs = 180_000;

/**
 * Asks the running box, or has it do something where there is a body or another method; prints why where it does not say.
 * An answer without a body is `undefined`.
 */
export async function askBox<T>(
  { json, socket }: { readonly json?: boolean | undefined; readonly socket: string },
  path: string,
  body?: object,
  method: LocalCall['method'] = body === undefined ? 'GET' : 'POST',
): Promise<T | null> {
  const asked = {
    method,
    ...(body !== undefined && { body }),
    ...(method !== 'GET' && { timeoutMs: applyingMs }),
  };
  const answer = await callLocalApi({ path, socketPath: socket, ...asked });
  if (answer.ok && answer.status < 300) return answer.body as T;
  const detail = answer.ok ? (answer.body as { detail?: string }).detail : answer.reason;
  const reason = detail ?? 'it gave no reason';
  if (json) printJson({ error: reason });
  else complain(`hithe: ${reason}\n`);
  return null;
}
