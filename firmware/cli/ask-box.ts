import { callLocalApi, type LocalCall } from '../system/local-api.ts';
import { complain, printJson } from './output.ts';

/** Exit status where the box could not say, other than it says no. */
export const notKnown = 3;

/** Applying settings waits for peers to answer, and making a key can take an old TPM half a minute. */
const applyingMs = 180_000;

/** How errors are said, and where the box is asked. */
export type Asking = { readonly json?: boolean | undefined; readonly socket: string };
type Said<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** Asks the running box, or has it do something where there is a body or another method; says nothing. */
export async function askQuietly<T>(
  { socket }: Pick<Asking, 'socket'>,
  path: string,
  body?: object,
  method: LocalCall['method'] = body === undefined ? 'GET' : 'POST',
): Promise<Said<T>> {
  const asked = {
    method,
    ...(body !== undefined && { body }),
    ...(method !== 'GET' && { timeoutMs: applyingMs }),
  };
  const answer = await callLocalApi({ path, socketPath: socket, ...asked });
  if (answer.ok && answer.status < 300) return { ok: true, value: answer.body as T };
  const detail = answer.ok ? (answer.body as { detail?: string }).detail : answer.reason;
  return { ok: false, reason: detail ?? 'the box gave no reason' };
}

/** The same; prints why where it does not say. An answer without a body is `undefined`. */
export async function askBox<T>(
  asking: Asking,
  path: string,
  body?: object,
  method?: LocalCall['method'],
): Promise<T | null> {
  const said = await askQuietly<T>(asking, path, body, method);
  if (said.ok) return said.value;
  refuse(asking, said.reason);
  return null;
}

/** Says why not, as JSON where that is wanted. @returns the exit status */
export function refuse({ json }: Pick<Asking, 'json'>, reason: string): 1 {
  if (json) printJson({ error: reason });
  else complain(`hithe: ${reason}\n`);
  return 1;
}
