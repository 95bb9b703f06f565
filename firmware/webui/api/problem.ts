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
  })
  .openapi('Problem');
export type Problem = z.infer<typeof problemSchema>;

/** Every error of the API by its code, with the HTTP status that it is answered with. */
export const problems = {
  'bad-request': { status: 400, title: 'Bad Request' },
  'wrong-claim-code': { status: 403, title: 'Forbidden' },
  'local-only': { status: 403, title: 'Forbidden' },
  'cross-site': { status: 403, title: 'Forbidden' },
  'settings-invalid': { status: 400, title: 'Bad Request' },
  'settings-not-there': { status: 404, title: 'Not Found' },
  'settings-draft': { status: 409, title: 'Conflict' },
  'settings-trial': { status: 409, title: 'Conflict' },
  'settings-no-trial': { status: 409, title: 'Conflict' },
  'settings-unchanged': { status: 409, title: 'Conflict' },
  'settings-not-proven': { status: 409, title: 'Conflict' },
  'settings-not-kept': { status: 500, title: 'Internal Server Error' },
  'settings-not-applied': { status: 500, title: 'Internal Server Error' },
  'not-found': { status: 404, title: 'Not Found' },
  'method-not-allowed': { status: 405, title: 'Method Not Allowed' },
  'already-claimed': { status: 409, title: 'Conflict' },
  'other-identity': { status: 409, title: 'Conflict' },
  'body-too-large': { status: 413, title: 'Content Too Large' },
  'not-json': { status: 415, title: 'Unsupported Media Type' },
  'unknown-host': { status: 421, title: 'Misdirected Request' },
  'too-many-tries': { status: 429, title: 'Too Many Requests' },
  internal: { status: 500, title: 'Internal Server Error' },
  'flows-not-read': { status: 500, title: 'Internal Server Error' },
  'no-identity': { status: 500, title: 'Internal Server Error' },
  'not-stored': { status: 500, title: 'Internal Server Error' },
  'no-evidence': { status: 503, title: 'Service Unavailable' },
  'too-many-streams': { status: 503, title: 'Service Unavailable' },
} as const;
export type ProblemCode = keyof typeof problems;

function problemBody(code: ProblemCode, detail: string): Problem {
  const { status, title } = problems[code];
  return { title, status, code, detail };
}

export function problemResponse(
  code: ProblemCode,
  detail: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(JSON.stringify(problemBody(code, detail)), {
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
) {
  const status: (typeof problems)[C]['status'] = problems[code].status;
  return context.json(problemBody(code, detail), status, {
    'content-type': 'application/problem+json',
    ...headers,
  });
}
