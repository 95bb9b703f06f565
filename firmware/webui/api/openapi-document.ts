import { limits } from '../limits.ts';
import { examples } from './openapi-examples.ts';
import type { problems } from './problem.ts';
import type { Api, RouteRules } from './route.ts';

const info = {
  title: 'Hithe',
  version: '1',
  description:
    'The API of one gateway, as its page and its command line use it. Every error is a problem document (RFC 9457) ' +
    'with a `code`; those of a body name the fields in `errors`. A page signs in with `POST /api/v1/session` and sends ' +
    'the `csrfToken` of its session as `x-csrf-token` with every request that is not GET; programs send ' +
    '`Authorization: Bearer hithe_…`. `x-hithe` says of each operation what access it needs (`public`, `read`, ' +
    '`diagnose`, `change`, `own`), whether the password has to be given again before it (`dangerous`), and whether ' +
    'tokens are refused (`personal`).',
};

/** What is spoken of, by the first part of the address, in the order of the reference. */
const tags: Readonly<Record<string, string>> = {
  box: 'Which box this is',
  status: 'How the box is',
  log: 'The log',
  events: 'What changes, as it does',
  claim: 'The first owner',
  session: 'Signing in',
  sessions: 'Who is signed in',
  users: 'Who may sign in',
  tokens: 'What programs sign in with',
  audit: 'Who did what',
  config: 'Settings: drafted, planned, tried, confirmed, taken back',
  policy: 'Rules, and why a connection is allowed',
  devices: 'Hosts on the networks',
  flows: 'Who spoke with whom',
  associations: 'Tunnels',
  alarms: 'What is wrong by the thresholds of the settings',
  identity: 'The host identity',
  attestation: 'What was booted, and the evidence of it',
  diagnostics: 'Echoes, traces and captures',
  backup: 'Settings to take away',
  restore: 'Settings brought back',
  'factory-reset': 'Everything forgotten',
  restart: 'Everything begun anew',
  support: 'For who helps from afar',
};

type Described = Record<string, unknown>;
type Operation = {
  readonly parameters?: readonly unknown[];
  readonly requestBody?: unknown;
  readonly responses: Described;
  readonly 'x-hithe'?: RouteRules;
} & Described;

/**
 * The OpenAPI 3.1 document of the routes that are there, with what all of them have in common: names, tags, and the
 * problems that are answered before a handler is reached.
 */
export function openApiDocument(api: Api): object {
  const generated = api.getOpenAPI31Document({
    openapi: '3.1.0',
    info,
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
  });
  const paths: Record<string, Described> = {};
  for (const [path, item] of Object.entries(generated.paths ?? {})) {
    const operations = Object.entries(item as Record<string, Operation>);
    paths[path] = Object.fromEntries(
      operations.map(([method, operation]) => [method, describe(method, path, operation)]),
    );
  }
  const used = new Set(Object.keys(paths).map(tagOf));
  const { webhooks, ...rest } = generated;
  return tidied({ ...rest, tags: rest.tags?.filter(({ name }) => used.has(name)), paths });
}

function describe(method: string, path: string, operation: Operation): Described {
  const id = operationId(method, path);
  const body = operation.requestBody as { readonly content: Described } | undefined;
  const bounded = operation['x-hithe']?.bodyBytes ?? limits.bodyBytes;
  const common = {
    400: answer(
      'bad-request',
      'A parameter or a field of the body is missing or wrong, or a token stands in the address',
    ),
    403: answer('cross-site', 'The request came from a page of another site'),
    421: answer('unknown-host', 'The request names another host than the box'),
    ...(body === undefined
      ? {}
      : {
          413: answer('body-too-large', `The body has more than ${bounded} octets`),
          415: answer('not-json', 'The body is of another type'),
        }),
    ...(bounded > limits.bodyBytes
      ? { 503: answer('busy', 'The box is at work on other large requests') }
      : {}),
    500: answer('internal', 'What should not happen; the log of the box says more'),
  };
  const example = examples[id];
  return {
    operationId: id,
    tags: [tagOf(path)],
    ...operation,
    ...(body === undefined || example === undefined
      ? {}
      : { requestBody: { ...body, content: withExample(body.content, example) } }),
    responses: { ...common, ...operation.responses },
  };
}

function answer(code: keyof typeof problems, description: string) {
  return {
    description: `${description} (\`${code}\`)`,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

function withExample(content: Described, example: unknown): Described {
  return Object.fromEntries(
    Object.entries(content).map(([type, media]) => [type, { ...Object(media), example }]),
  );
}

const partsOf = (path: string) => path.replace(/^\/api\/v1\//, '').split('/');
const tagOf = (path: string) => partsOf(path)[0] ?? '';

/** `get /api/v1/config/history/{id}` is getConfigHistoryById. */
function operationId(method: string, path: string): string {
  const words = partsOf(path).flatMap((part) =>
    part.startsWith('{') ? ['by', part.slice(1, -1)] : part.split(/[^a-z0-9]+/i),
  );
  return [method, ...words.map((word) => word.charAt(0).toUpperCase() + word.slice(1))].join('');
}

/**
 * Mends what the generator says wrongly: flags of an expression behind its pattern (JSON Schema's always have `u`), null as
 * a value of a parameter in an address, which none can be, and what may be null beside a component, which it says as both.
 */
function tidied(value: unknown): object {
  const mended: unknown = JSON.parse(JSON.stringify(value), (key: string, member: unknown) => {
    if (key === 'pattern' && typeof member === 'string') return member.replace(/(?<=\$)\/[a-z]+$/, '');
    const component = nullableComponent(member);
    if (component !== null) return { anyOf: [component, { type: 'null' }] };
    if (isParameter(member) && Array.isArray(member.schema.type)) {
      const [only, ...others] = member.schema.type.filter((type) => type !== 'null');
      if (others.length === 0) return { ...member, schema: { ...member.schema, type: only } };
    }
    return member;
  });
  return Object(mended);
}

/** The `$ref` of `{ allOf: [{ $ref }, { type: [T, 'null'] }] }`. */
function nullableComponent(value: unknown): object | null {
  const parts: unknown = Object(value)['allOf'];
  if (!Array.isArray(parts) || parts.length !== 2) return null;
  const [component, also] = parts.map((part: unknown) => Object(part) as Readonly<Record<string, unknown>>);
  const isNullable = Array.isArray(also?.['type']) && also['type'].includes('null');
  return component !== undefined && '$ref' in component && isNullable ? component : null;
}

function isParameter(value: unknown): value is { readonly schema: { readonly type?: unknown } } {
  return typeof value === 'object' && value !== null && 'in' in value && 'schema' in value;
}
