import { z } from '@hono/zod-openapi';
import type { Context, Env } from 'hono';

/** RFC 9457. `type` is left out, which means `about:blank`: `code` is what programs compare and people search for. */
export const problemSchema = z
  .object({
    title: z.string(),
    status: z.number().int(),
    code: z.string(),
    /** What happened, and what to do where there is something to do. */
    detail: z.string(),
    /** The fields of the request that cannot be taken, each with its path (`network.lan.address`) and why. */
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .readonly()
      .optional(),
  })
  .openapi('Problem');
export type Problem = z.infer<typeof problemSchema>;

/** Every error of the API by its code, with the HTTP status that it is answered with. */
export const problems = {
  'bad-request': { status: 400, title: 'Bad Request' },
  'wrong-claim-code': { status: 403, title: 'Forbidden' },
  'not-signed-in': { status: 401, title: 'Unauthorized' },
  'wrong-password': { status: 401, title: 'Unauthorized' },
  'security-key-needed': { status: 401, title: 'Unauthorized' },
  'security-key-copied': { status: 403, title: 'Forbidden' },
  'not-allowed': { status: 403, title: 'Forbidden' },
  'confirm-password': { status: 403, title: 'Forbidden' },
  'cross-site': { status: 403, title: 'Forbidden' },
  'settings-invalid': { status: 400, title: 'Bad Request' },
  'settings-not-there': { status: 404, title: 'Not Found' },
  'settings-draft': { status: 409, title: 'Conflict' },
  'settings-trial': { status: 409, title: 'Conflict' },
  'settings-no-trial': { status: 409, title: 'Conflict' },
  'settings-unchanged': { status: 409, title: 'Conflict' },
  'settings-not-proven': { status: 409, title: 'Conflict' },
  'settings-moved-on': { status: 412, title: 'Precondition Failed' },
  'settings-not-kept': { status: 500, title: 'Internal Server Error' },
  'settings-not-applied': { status: 500, title: 'Internal Server Error' },
  'diagnosis-running': { status: 409, title: 'Conflict' },
  'diagnosis-none': { status: 404, title: 'Not Found' },
  'diagnosis-failed': { status: 500, title: 'Internal Server Error' },
  'backup-wrong': { status: 400, title: 'Bad Request' },
  'backup-password': { status: 400, title: 'Bad Request' },
  'not-found': { status: 404, title: 'Not Found' },
  'method-not-allowed': { status: 405, title: 'Method Not Allowed' },
  'session-not-there': { status: 404, title: 'Not Found' },
  'token-not-there': { status: 404, title: 'Not Found' },
  'user-not-there': { status: 404, title: 'Not Found' },
  'security-key-not-there': { status: 404, title: 'Not Found' },
  'security-key-missing': { status: 409, title: 'Conflict' },
  'security-key-other': { status: 409, title: 'Conflict' },
  'security-key-known': { status: 409, title: 'Conflict' },
  'security-key-untouched': { status: 409, title: 'Conflict' },
  'security-key-unfit': { status: 409, title: 'Conflict' },
  'security-key-asked': { status: 409, title: 'Conflict' },
  'too-many-security-keys': { status: 409, title: 'Conflict' },
  'name-taken': { status: 409, title: 'Conflict' },
  'last-owner': { status: 409, title: 'Conflict' },
  'too-many-tokens': { status: 409, title: 'Conflict' },
  'too-many-users': { status: 409, title: 'Conflict' },
  'already-claimed': { status: 409, title: 'Conflict' },
  'press-button': { status: 409, title: 'Conflict' },
  'other-box': { status: 409, title: 'Conflict' },
  'other-identity': { status: 409, title: 'Conflict' },
  'too-slow': { status: 408, title: 'Request Timeout' },
  'body-too-large': { status: 413, title: 'Content Too Large' },
  'not-json': { status: 415, title: 'Unsupported Media Type' },
  'unknown-host': { status: 421, title: 'Misdirected Request' },
  'too-many-tries': { status: 429, title: 'Too Many Requests' },
  'header-too-large': { status: 431, title: 'Request Header Fields Too Large' },
  'audit-not-read': { status: 500, title: 'Internal Server Error' },
  internal: { status: 500, title: 'Internal Server Error' },
  'flows-not-read': { status: 500, title: 'Internal Server Error' },
  'no-identity': { status: 500, title: 'Internal Server Error' },
  'not-stored': { status: 500, title: 'Internal Server Error' },
  busy: { status: 503, title: 'Service Unavailable' },
  'no-evidence': { status: 503, title: 'Service Unavailable' },
  'too-many-streams': { status: 503, title: 'Service Unavailable' },
} as const;
export type ProblemCode = keyof typeof problems;

/** Of `press-button`. */
export const pressButton =
  'Press the button on the front of the box, whose light asks for it, and do this again within a minute.';

function problemBody(code: ProblemCode, detail: string, errors?: Problem['errors']): Problem {
  const { status, title } = problems[code];
  return { title, status, code, detail, ...(errors !== undefined && { errors }) };
}

export function problemResponse(
  code: ProblemCode,
  detail: string,
  headers: Record<string, string> = {},
  errors?: Problem['errors'],
): Response {
  return new Response(JSON.stringify(problemBody(code, detail, errors)), {
    status: problems[code].status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  });
}

/** The same as the answer of a route whose OpenAPI description lists this problem's status. */
export function problemAnswer<C extends ProblemCode, E extends Env>(
  context: Context<E>,
  code: C,
  detail: string,
  headers: Record<string, string> = {},
  errors?: Problem['errors'],
) {
  const status: (typeof problems)[C]['status'] = problems[code].status;
  return context.json(problemBody(code, detail, errors), status, {
    'content-type': 'application/problem+json',
    ...headers,
  });
}
