import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { problemSchema, problems } from '../../../firmware/webui/api/problem.ts';
import { status } from '../../../firmware/webui/api/status-schema.ts';
import { limits } from '../../../firmware/webui/limits.ts';
import { degradedStatus, emptyStatus, normalStatus } from '../status-fixtures.ts';
import { openTestSite, post, type TestSite, testPassword, testTime } from '../test-site.ts';

let site: TestSite;
beforeEach(async () => {
  site = await openTestSite();
});
afterEach(() => site.close());

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const body = problemSchema.parse(await response.json());
  expect(body.status).toBe(response.status);
  return body.code;
}

describe('GET /api/v1/status', () => {
  test.each([normalStatus, emptyStatus, degradedStatus])(
    '%o answers by its schema, and nothing besides',
    async (make) => {
      site = await openTestSite(() => make(testTime));
      const response = await site.request('/api/v1/status');
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('no-store');
      const body: unknown = await response.json();
      expect(status.parse(body)).toEqual(body);
      expect(body).toMatchObject({ ...make(testTime), time: '2026-06-01T12:00:00.000Z', claimed: false });
    },
  );

  test('has the newest lines of the log', async () => {
    const [line] = site.log.lines;
    if (line === undefined) throw new Error('no lines');
    for (let index = 0; index < limits.logLinesInStatus; index++)
      site.log.lines.push({ ...line, message: `${index}` });
    const { log } = status.parse(await (await site.request('/api/v1/status')).json());
    expect(log.map(({ message }) => message)).toEqual(
      Array.from({ length: limits.logLinesInStatus }, (_, index) => `${index}`),
    );
  });
});

describe('GET /api/v1/log', () => {
  const read = async (query: string) => (await site.request(`/api/v1/log${query}`)).json();

  test('gives what is newer than a line', async () => {
    const all = await read('');
    expect(all).toEqual({ entries: site.log.lines, newest: 24 });
    expect(await read('?after=22')).toEqual({ entries: site.log.lines.slice(22), newest: 24 });
    expect(await read('?after=24')).toEqual({ entries: [], newest: 24 });
  });

  test('counts its limit after the level, so that old errors are found behind much else', async () => {
    const errors = site.log.lines.filter(({ level }) => level === 'error');
    expect(await read('?level=error&limit=2')).toEqual({ entries: errors.slice(-2), newest: 24 });
    const { entries } = await read('?level=warning');
    expect(new Set(entries.map(({ level }: { level: string }) => level))).toEqual(
      new Set(['warning', 'error']),
    );
  });

  test.each([
    '?limit=0',
    `?limit=${limits.logLines + 1}`,
    '?after=-1',
    '?after=1.5',
    '?after=x',
    '?level=loud',
  ])('refuses %s', async (query) => {
    expect(await problemOf(await site.request(`/api/v1/log${query}`))).toBe('bad-request');
  });

  test('takes its largest limit', async () => {
    expect((await site.request(`/api/v1/log?limit=${limits.logLines}`)).status).toBe(200);
  });
});

describe('POST /api/v1/claim', () => {
  const claim = (code: string) =>
    site.request('/api/v1/claim', post(JSON.stringify({ code, password: testPassword })));

  test('claims once', async () => {
    const code = site.claim.code() ?? '';
    const response = await claim(code);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ claimed: true, pageCloses: true });
    expect(site.claimed).toHaveLength(1);
    expect(await problemOf(await claim(code))).toBe('already-claimed');
    expect(site.claimed).toHaveLength(1);
    expect(await problemOf(await site.request('/api/v1/status'))).toBe('not-signed-in');
    expect(await (await site.request('/api/v1/box')).json()).toMatchObject({ claimed: true });
  });

  test('refuses a wrong code, and after some all of them', async () => {
    for (let index = 0; index < limits.signInBurst; index++)
      expect(await problemOf(await claim('0000-0000'))).toBe('wrong-claim-code');
    const refused = await claim(site.claim.code() ?? '');
    expect(refused.headers.get('retry-after')).toBe('12');
    expect(await problemOf(refused)).toBe('too-many-tries');
    site.clock.at += limits.signInRefillMs;
    expect((await claim(site.claim.code() ?? '')).status).toBe(200);
  });

  test.each([
    '',
    '{',
    'null',
    '[]',
    '{}',
    '{"code":"0000-0000"}',
    `{"code":1,"password":"${testPassword}"}`,
    `{"code":"x","password":"${testPassword}","more":1}`,
    `{"code":"${'0'.repeat(33)}","password":"${testPassword}"}`,
  ])('refuses the body %s', async (body) =>
    expect(await problemOf(await site.request('/api/v1/claim', post(body)))).toBe('bad-request'),
  );

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', ''])(
    'refuses the content type %j, which a page of another site could send',
    async (type) => {
      const response = await site.request(
        '/api/v1/claim',
        post('{"code":"0000-0000"}', { 'content-type': type }),
      );
      expect(await problemOf(response)).toBe('not-json');
    },
  );

  test.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ])('refuses %j', async (headers) => {
    const code = JSON.stringify({ code: site.claim.code(), password: testPassword });
    expect(await problemOf(await site.request('/api/v1/claim', post(code, headers)))).toBe('cross-site');
    expect(site.claim.claimed()).toBe(false);
  });

  test('takes a body at the limit and refuses one octet more, with and without Content-Length', async () => {
    const body = (length: number) =>
      `{"code":"0","password":"${testPassword}"`.padEnd(length - 1, ' ').concat('}');
    expect(await problemOf(await site.request('/api/v1/claim', post(body(limits.bodyBytes))))).toBe(
      'wrong-claim-code',
    );
    expect(await problemOf(await site.request('/api/v1/claim', post(body(limits.bodyBytes + 1))))).toBe(
      'body-too-large',
    );
    const long = post(body(limits.bodyBytes + 1), { 'content-length': String(limits.bodyBytes + 1) });
    expect(await problemOf(await site.request('/api/v1/claim', long))).toBe('body-too-large');
  });
});

describe('errors', () => {
  test.each([
    '/nothing',
    '/api/',
    '/api/v1/',
    '/api/v2/status',
    '/api/v1/status/',
    '/..%2f..%2fetc/passwd',
    '/page-0123456789ab.js.map',
  ])('%s is not there', async (path) => expect(await problemOf(await site.request(path))).toBe('not-found'));

  test.each([
    ['PUT', '/api/v1/status', 'GET, HEAD'],
    ['OPTIONS', '/api/v1/log', 'GET, HEAD'],
    ['DELETE', '/api/v1/events', 'GET, HEAD'],
    ['GET', '/api/v1/claim', 'POST'],
    ['PATCH', '/api/v1/openapi.json', 'GET, HEAD'],
    ['PUT', '/', 'GET, HEAD'],
  ])('RFC 9110 § 15.5.6: %s %s says what is allowed', async (method, path, allow) => {
    const response = await site.request(path, { method });
    expect(response.headers.get('allow')).toBe(allow);
    expect(await problemOf(response)).toBe('method-not-allowed');
  });

  test('POST where only GET is allowed says so too', async () => {
    expect(await problemOf(await site.request('/api/v1/status', post('{}')))).toBe('method-not-allowed');
  });

  test('what breaks inside stays inside', async () => {
    site = await openTestSite(() => {
      throw new Error('secret detail');
    });
    const response = await site.request('/api/v1/status');
    const text = await response.clone().text();
    expect(await problemOf(response)).toBe('internal');
    expect(text).not.toContain('secret');
    expect(text).not.toContain('.ts');
    expect(site.log.lines.at(-1)?.message).toContain('secret detail');
  });

  test('every code has a status of its own room in HTTP', () => {
    for (const [code, { status: number, title }] of Object.entries(problems)) {
      expect(code).toMatch(/^[a-z-]+$/);
      expect(number).toBeGreaterThanOrEqual(400);
      expect(title).not.toBe('');
    }
  });
});
