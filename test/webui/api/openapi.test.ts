import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openTestSite, post, type TestSite } from '../test-site.ts';

const operation = z.looseObject({
  summary: z.string().min(1),
  responses: z.record(
    z.string(),
    z.looseObject({ description: z.string().min(1), content: z.record(z.string(), z.looseObject({})) }),
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
    expect(operations.sort()).toEqual([
      'get /api/v1/alarms',
      'get /api/v1/attestation',
      'get /api/v1/config',
      'get /api/v1/config/history',
      'get /api/v1/config/history/{id}',
      'get /api/v1/config/schema',
      'get /api/v1/devices',
      'get /api/v1/events',
      'get /api/v1/flows',
      'get /api/v1/flows/live',
      'get /api/v1/flows/new',
      'get /api/v1/flows/status',
      'get /api/v1/log',
      'get /api/v1/policy',
      'get /api/v1/policy/explain',
      'get /api/v1/policy/proposals',
      'get /api/v1/status',
      'post /api/v1/attestation/activation',
      'post /api/v1/attestation/evidence',
      'post /api/v1/claim',
      'post /api/v1/config/apply',
      'post /api/v1/config/confirm',
      'post /api/v1/config/draft',
      'post /api/v1/config/plan',
      'post /api/v1/config/revert',
      'post /api/v1/identity/replace',
      'post /api/v1/policy/accept',
      'post /api/v1/policy/mode',
    ]);
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
    expect(new Set(names)).toEqual(
      new Set([
        ...['MeasuredBoot', 'Status', 'Log', 'Claimed', 'Problem'],
        ...['Settings', 'SettingsPlan', 'SettingsApplied', 'Revision', 'RevisionDetail'],
        ...['Flow', 'StoredFlow', 'Flows', 'NewFlows', 'FlowsStatus'],
        ...['PolicyReport', 'PolicyExplanation', 'PolicyProposals', 'Alarm', 'Alarms', 'Devices'],
      ]),
    );
    for (const name of names) expect(Object.keys(described.components.schemas)).toContain(name);
  });

  test('knows each answer that a route gives, with its content type', async () => {
    const wrong = post('{"code":"0000-0000"}');
    const right = post(JSON.stringify({ code: site.claim.code() }));
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
    expect([...seen].sort()).toEqual([200, 400, 403, 409, 413, 415]);
  });
});
