import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openTestSite, post, type TestSite, testPassword } from '../test-site.ts';

const operation = z.looseObject({
  summary: z.string().min(1),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  'x-hithe': z.looseObject({ access: z.enum(['public', 'read', 'diagnose', 'change', 'own']) }),
  responses: z.record(
    z.string(),
    z.looseObject({
      description: z.string().min(1),
      content: z.record(z.string(), z.looseObject({})).optional(),
    }),
  ),
});
const document = z.looseObject({
  openapi: z.literal('3.1.0'),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
  paths: z.record(z.string(), z.record(z.string(), operation)),
});

let site: TestSite;
let described: z.infer<typeof document>;
beforeEach(async () => {
  site = await openTestSite();
  described = document.parse(await (await site.request('/api/v1/openapi.json')).json());
});
afterEach(() => site.close());

describe('the OpenAPI document', () => {
  test('describes each route by its method, and each of them is there', async () => {
    const operations = Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(operations.length).toBeGreaterThan(40);
    for (const name of operations) {
      const [method = '', path = ''] = name.split(' ');
      const response = await site.request(path, { method: method.toUpperCase() });
      expect([404, 405]).not.toContain(response.status);
      await response.body?.cancel();
    }
  });

  test('every reference in it leads somewhere', () => {
    const names = [...JSON.stringify(described).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name,
    );
    expect(new Set(names).size).toBeGreaterThan(20);
    for (const name of names) expect(Object.keys(described.components.schemas)).toContain(name);
  });

  test('knows each answer that a route gives, with its content type', async () => {
    const wrong = post(JSON.stringify({ code: '0000-0000', password: testPassword }));
    const right = post(JSON.stringify({ code: site.claim.code(), password: testPassword }));
    const requests: [string, string, RequestInit?][] = [
      ['get', '/api/v1/status'],
      ['get', '/api/v1/log'],
      ['get', '/api/v1/log?limit=0'],
      ['get', '/api/v1/events'],
      ['post', '/api/v1/claim', wrong],
      ['post', '/api/v1/claim', post('{')],
      ['post', '/api/v1/claim', post('{}')],
      ['post', '/api/v1/claim', post('{}', { 'content-type': 'text/plain' })],
      ['post', '/api/v1/claim', post('{}', { origin: 'https://evil.example' })],
      ['post', '/api/v1/claim', post(`{"code":"${'0'.repeat(9000)}"}`)],
      ['post', '/api/v1/claim', right],
      ['post', '/api/v1/claim', right],
      ['get', '/api/v1/status'],
    ];
    const seen = new Set<number>();
    for (const [method, path, init] of requests) {
      const response = await site.request(path, init);
      const answer = described.paths[path.split('?')[0] ?? '']?.[method]?.responses[String(response.status)];
      expect(answer, `${method} ${path} answers ${response.status}`).toBeDefined();
      const type = response.headers.get('content-type')?.split(';')[0] ?? '';
      expect(Object.keys(answer?.content ?? {})).toContain(type);
      seen.add(response.status);
      await response.body?.cancel();
    }
    expect([...seen].sort()).toEqual([200, 400, 401, 403, 409, 413, 415]);
  });
});
