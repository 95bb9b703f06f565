import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Access, accesses, accessesOfRole, type Role } from '../../../firmware/webui/access.ts';
import type { MadeToken } from '../../../firmware/webui/api/token-route.ts';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestSite, type SignedIn, type TestSite, testTime } from '../test-site.ts';
import { type Asked, local, openContractSite, requests } from './contract-requests.ts';
import { type JsonSchema, merged, schemaProblems, valueProblems } from './json-schema.ts';

interface Media {
  readonly schema: JsonSchema;
  readonly example?: unknown;
}
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly 'x-hithe': {
    readonly access: Access | 'public';
    readonly openUntilClaimed?: true;
    readonly dangerous?: true;
    readonly personal?: true;
    readonly bodyBytes?: number;
  };
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: 'query' | 'path';
    readonly required?: boolean;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Readonly<Record<string, Media>> }>
  >;
}
interface Document {
  readonly openapi: string;
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const read = await openTestSite();
const document = (await (await read.request('/api/v1/openapi.json')).json()) as Document;
read.close();
const { schemas } = document.components;

type Described = {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
};
const operations: readonly Described[] = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({
    ...{ id: operation.operationId, method: method.toUpperCase(), path, operation },
  })),
);

const withBody = operations.filter(({ operation }) => operation.requestBody !== undefined);
const guarded = operations.filter(({ operation }) => operation['x-hithe'].access !== 'public');
const json = 'application/json';

/** The answer is one that the document tells of: status, type, and what is in it. */
async function expectDocumented({ id, operation }: Described, answer: Response): Promise<unknown> {
  const { status } = answer;
  const described = operation.responses[String(status)];
  expect(described, `${id} answers ${status}, which is not documented`).toBeDefined();
  const written = answer.headers.get('content-type') ?? '';
  const type = written in Object(described?.content) ? written : (written.split(';')[0] ?? '');
  if (described?.content === undefined) {
    expect(await answer.text(), `${id} ${status}`).toBe('');
    return undefined;
  }
  const media = described.content[type];
  expect(media, `${id} ${status} is ${type}, not ${Object.keys(described.content)}`).toBeDefined();
  if (media === undefined || !type.endsWith('json')) {
    await answer.body?.cancel();
    return undefined;
  }
  const body: unknown = await answer.json();
  expect(valueProblems(body, media.schema, schemas), `${id} ${status}`).toEqual([]);
  if (status >= 400) expect(body).toMatchObject({ status });
  return body;
}

function initOf(method: string, { body }: Asked): RequestInit {
  return body === undefined
    ? { method }
    : { method, body: JSON.stringify(body), headers: { 'content-type': json } };
}

function addressOf(path: string, { path: parts = {}, query = {} }: Asked): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parts[name] ?? '1'));
  const search = new URLSearchParams(query).toString();
  return search === '' ? filled : `${filled}?${search}`;
}

describe('the document', () => {
  test('is OpenAPI 3.1, and each operation has a name of its own, a tag, and says who may use it', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(operations.length).toBeGreaterThan(40);
    const ids = operations.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = document.tags.map(({ name }) => name);
    for (const { id, operation } of operations) {
      expect(id).toMatch(/^[a-z][A-Za-z]+$/);
      expect(operation.summary.length, id).toBeGreaterThan(5);
      expect(tags, id).toEqual(expect.arrayContaining([...operation.tags]));
      expect(operation.tags).toHaveLength(1);
      const schemes = operation.security.flatMap((one) => Object.keys(one));
      expect(Object.keys(document.components.securitySchemes)).toEqual(expect.arrayContaining(schemes));
      expect(schemes.length === 0, id).toBe(operation['x-hithe'].access === 'public');
    }
    for (const { name, description } of document.tags) expect(description, name).not.toBe('');
  });

  test.each(operations)(
    '$id has parameters for its address, answers for each outcome, and sound schemas',
    ({ path, operation }) => {
      const { parameters = [], responses, requestBody } = operation;
      const named = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
      expect(named).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      expect(Object.keys(responses).filter((status) => /^2\d\d$/.test(status))).toHaveLength(1);
      const media = [requestBody ?? {}, ...Object.values(responses)].flatMap(
        ({ content = {} }: { readonly content?: Readonly<Record<string, Media>> }) => Object.values(content),
      );
      const problems = [...media, ...parameters].flatMap(({ schema }) => schemaProblems(schema, schemas));
      expect(problems).toEqual([]);
      for (const { example, schema } of media)
        if (example !== undefined) expect(valueProblems(example, schema, schemas)).toEqual([]);
    },
  );

  test.each(Object.keys(schemas))('the schema %s is sound', (name) => {
    expect(schemaProblems(schemas[name], schemas)).toEqual([]);
  });

  test('what may be null beside a component is either of them', () => {
    for (const name of ['capture', 'traceroute']) {
      const answer = operations.find(({ id }) => id.toLowerCase() === `getdiagnostics${name}`);
      const schema = answer?.operation.responses['200']?.content?.[json]?.schema ?? {};
      expect(schema).toMatchObject({
        properties: { [name]: { anyOf: [{ $ref: expect.any(String) }, { type: 'null' }] } },
      });
      expect(valueProblems({ [name]: null }, schema, schemas)).toEqual([]);
    }
  });

  test('every operation is asked here, and nothing that is none', () => {
    expect(Object.keys(requests).sort()).toEqual(operations.map(({ id }) => id).sort());
  });
});

describe('asked rightly', () => {
  let site: TestSite;
  afterEach(() => site.close());

  test.each(operations)('$id answers as it is documented', async (described) => {
    const { id, method, path } = described;
    site = await openContractSite();
    const request = requests[id] ?? {};
    const asked = typeof request === 'function' ? await request(site) : request;
    const owner = asked.as === 'owner' ? await site.signIn() : null;
    const [address, init] = [addressOf(path, asked), initOf(method, asked)];
    const answer =
      owner !== null
        ? await owner.request(address, init)
        : await site.request(address, init, asked.as === 'nobody' ? 'https' : 'local');
    const wrong = answer.status >= 400 ? await answer.clone().text() : '';
    expect(answer.status, wrong).toBe(asked.status ?? 200);
    await expectDocumented(described, answer);
  });
});

describe('asked wrongly', () => {
  let site: TestSite;
  beforeAll(async () => {
    site = await openTestSite();
  });
  afterAll(() => site.close());
  const problem = async (described: Described, answer: Response, status: number, code?: string) => {
    const body = await expectDocumented(described, answer);
    expect({ status: answer.status, ...Object(body) }).toMatchObject({ status, ...(code && { code }) });
    return body as { readonly errors?: readonly { readonly path: string }[] };
  };
  const send = ({ method, path }: Described, asked: Asked, init: RequestInit = {}) =>
    site.request(addressOf(path, asked), { ...initOf(method, asked), ...init }, 'local');

  test.each(withBody)('$id with bodies that are none', async (described) => {
    const { method, operation } = described;
    const headers = { 'content-type': json };
    for (const body of ['{', '[]', '"x"', '', 'null'])
      await problem(described, await send(described, {}, { method, body, headers }), 400, 'bad-request');
    await problem(
      described,
      await send(described, {}, { method, body: '{}', headers: { 'content-type': 'text/plain' } }),
      415,
      'not-json',
    );
    const tooLong = {
      ...headers,
      'content-length': String((operation['x-hithe'].bodyBytes ?? limits.bodyBytes) + 1),
    };
    await problem(
      described,
      await send(described, {}, { method, body: '{}', headers: tooLong }),
      413,
      'body-too-large',
    );
  });

  test.each(withBody)('$id with each field missing, and with each of another type', async (described) => {
    const schema = merged(described.operation.requestBody?.content[json]?.schema ?? {}, schemas);
    const variants = ((schema['anyOf'] as JsonSchema[] | undefined) ?? [schema]).map((one) =>
      merged(one, schemas),
    );
    const isOneOfSome = variants.length > 1;
    for (const variant of variants) {
      const properties = Object(variant['properties']) as Record<string, JsonSchema>;
      const sound = Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, sample(of)]));
      for (const name of (variant['required'] ?? []) as string[]) {
        const { [name]: _, ...without } = sound;
        const { errors } = await problem(described, await send(described, { body: without }), 400);
        if (!isOneOfSome) expect(errors?.map((error) => error.path)).toContain(name);
      }
      for (const [name, of] of Object.entries(properties)) {
        if (of['type'] === undefined) continue;
        const body = { ...sound, [name]: of['type'] === 'object' ? 7 : { no: 'such' } };
        const { errors } = await problem(described, await send(described, { body }), 400);
        if (!isOneOfSome) expect(errors?.map((error) => error.path)).toContain(name);
      }
      const more = await send(described, { body: { ...sound, 'no-such-field': 1 } });
      await problem(described, more, 400);
    }
  });

  const withParameters = operations.filter(({ operation }) =>
    operation.parameters?.some(({ schema }) => wrongValues(schema).length > 0),
  );
  test.each(withParameters)('$id with each parameter out of its range', async (described) => {
    const asked = requests[described.id];
    const right = typeof asked === 'object' ? asked : {};
    for (const parameter of described.operation.parameters ?? [])
      for (const value of wrongValues(parameter.schema)) {
        const part = { ...right[parameter.in], [parameter.name]: value };
        await problem(described, await send(described, { ...right, [parameter.in]: part }), 400);
      }
    for (const parameter of described.operation.parameters ?? []) {
      if (parameter.in !== 'query' || parameter.required !== true) continue;
      const { [parameter.name]: _, ...query } = right.query ?? {};
      await problem(described, await send(described, { ...right, query }), 400);
    }
  });
});

describe('asked by who may not', () => {
  let site: TestSite;
  const people = new Map<Role, SignedIn>();
  const tokens = new Map<string, string>();
  beforeAll(async () => {
    site = await openTestSite();
    // Owners first: the others are made by one.
    for (const role of ['owner', 'operator', 'viewer'] as const) people.set(role, await site.signIn(role));
    // What was given a while ago does not count as given again.
    site.clock.at = testTime + 6 * 60_000;
  });
  afterAll(() => site.close());
  const expectRefused = async (described: Described, answer: Response, status: number, code: string) => {
    expect(await expectDocumented(described, answer)).toMatchObject({ status, code });
  };
  const sent = ({ method, path }: Described): [string, RequestInit] => [
    addressOf(path, {}),
    initOf(method, { body: ['POST', 'PUT', 'PATCH'].includes(method) ? {} : undefined }),
  ];

  test.each(guarded)(
    '$id without a session, with one that is none, with a token that is none',
    async (described) => {
      const [path, init] = sent(described);
      await expectRefused(described, await site.request(path, init), 401, 'not-signed-in');
      for (const header of [
        { cookie: '__Host-hithe-session=none' },
        { authorization: 'Bearer hithe_none' },
      ]) {
        const headers = { ...Object(init.headers), ...header };
        await expectRefused(described, await site.request(path, { ...init, headers }), 401, 'not-signed-in');
      }
    },
  );

  const beyond = guarded.flatMap((described) => {
    const access = described.operation['x-hithe'].access as Access;
    const role = (['operator', 'viewer'] as const).find((one) => !accessesOfRole[one].includes(access));
    return role === undefined ? [] : [{ ...described, role }];
  });
  test.each(beyond)('$id by an $role', async ({ role, ...described }) => {
    const answer = await people.get(role)?.request(...sent(described));
    expect(answer).toBeDefined();
    if (answer !== undefined) await expectRefused(described, answer, 403, 'not-allowed');
  });

  /** One that may do all of this and nothing else. */
  async function tokenFor(access: readonly Access[]): Promise<string> {
    const name = access.join(' ');
    let secret = tokens.get(name);
    secret ??= (await local<MadeToken>(site, '/api/v1/tokens', { name, access, days: 1 })).secret;
    tokens.set(name, secret);
    return secret;
  }

  test.each(guarded)('$id with a token for all else, or for what is only for people', async (described) => {
    const { access, personal } = described.operation['x-hithe'];
    const [path, init] = sent(described);
    const refused = [accesses.filter((one) => one !== access), ...(personal ? [accesses] : [])];
    for (const each of refused) {
      const headers = { ...Object(init.headers), authorization: `Bearer ${await tokenFor(each)}` };
      await expectRefused(described, await site.request(path, { ...init, headers }), 403, 'not-allowed');
    }
  });

  test.each(guarded.filter(({ method }) => method !== 'GET'))(
    '$id without the session’s own word',
    async (described) => {
      const [path, init] = sent(described);
      const headers = { ...Object(init.headers), 'x-csrf-token': 'none' };
      const answer = await people.get('owner')?.request(path, { ...init, headers });
      if (answer !== undefined) await expectRefused(described, answer, 403, 'cross-site');
      const elsewhere = { ...Object(init.headers), origin: 'https://evil.example' };
      const other = await people.get('owner')?.request(path, { ...init, headers: elsewhere });
      if (other !== undefined) await expectRefused(described, other, 403, 'cross-site');
      expect([answer, other]).not.toContain(undefined);
    },
  );

  test.each(operations.filter(({ operation }) => operation['x-hithe'].dangerous))(
    '$id without the password given again',
    async (described) => {
      const answer = await people.get('owner')?.request(...sent(described));
      expect(answer).toBeDefined();
      if (answer !== undefined) await expectRefused(described, answer, 403, 'confirm-password');
    },
  );
});

/** Something that the schema takes. */
function sample(given: JsonSchema): unknown {
  const schema = merged(given, schemas);
  const choices = (schema['enum'] ?? []) as readonly unknown[];
  if (choices.length > 0) return choices[0];
  const variants = (schema['anyOf'] ?? schema['oneOf'] ?? []) as readonly JsonSchema[];
  if (variants[0] !== undefined) return sample(variants[0]);
  switch ([schema['type']].flat()[0]) {
    case 'integer':
    case 'number':
      return schema['minimum'] ?? 1;
    case 'boolean':
      return true;
    case 'array':
      return Number(schema['minItems'] ?? 0) > 0 ? [sample(Object(schema['items']))] : [];
    case 'object': {
      const properties = Object(schema['properties']) as Record<string, JsonSchema>;
      const required = (schema['required'] ?? []) as readonly string[];
      return Object.fromEntries(required.map((name) => [name, sample(properties[name] ?? {})]));
    }
    case 'string':
      return typeof schema['pattern'] === 'string' && !new RegExp(schema['pattern'], 'u').test('a')
        ? '00'.repeat(8)
        : 'a';
    default:
      return 'a';
  }
}

/** Texts in an address that the schema does not take. */
function wrongValues(schema: JsonSchema): string[] {
  const values: string[] = [];
  if (schema['enum'] !== undefined) values.push('no-such');
  if (schema['type'] === 'integer') {
    values.push('x', '1.5');
    if (typeof schema['minimum'] === 'number') values.push(String(schema['minimum'] - 1));
    if (typeof schema['maximum'] === 'number' && schema['maximum'] < Number.MAX_SAFE_INTEGER)
      values.push(String(schema['maximum'] + 1));
  }
  if (typeof schema['maxLength'] === 'number') values.push('x'.repeat(schema['maxLength'] + 1));
  return values;
}
