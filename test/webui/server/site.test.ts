import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isAllowedHost } from '../../../firmware/webui/api/allowed-host.ts';
import type { Problem } from '../../../firmware/webui/api/problem.ts';
import { pagePaths } from '../../../firmware/webui/client/router.tsx';
import { pagePaths as served } from '../../../firmware/webui/server/page-files.ts';
import { problemForReaders } from '../../../firmware/webui/server/problem-page.ts';
import { openTestSite, type TestSite } from '../test-site.ts';

let site: TestSite;
beforeEach(async () => {
  site = await openTestSite();
});
afterEach(() => site.close());

describe('the Host header', () => {
  const own = [
    'gate-hamburg',
    'GATE-Hamburg.local',
    'hithe.local',
    'hithe.local.',
    'hithe-2.local',
    'gate-hamburg-12.local:443',
    'localhost:8443',
    '192.168.1.1',
    '[fd00::1]:443',
  ];
  test.each(own)('%s is the box', (host) => expect(isAllowedHost(host, 'gate-hamburg')).toBe(true));

  test.each([
    undefined,
    '',
    'evil.example',
    'hithe.local.evil.example',
    '192.168.1.1.evil.example',
    'localhost.evil.example',
    'gate-hamburg@evil.example',
    '192.168.1.1:99999999',
    '[::1].evil.example',
    '[evil]',
    'hithe.local/',
    'hithe-x.local',
    'hithe-123.local',
    'hithe2.local',
    'evil-2.local',
    'x.hithe.local',
    'hithe-2.local.evil.example',
    'a b',
  ])('%s is not', (host) => expect(isAllowedHost(host, 'gate-hamburg')).toBe(false));

  test('no name with a dot gets through but .local of the box', () => {
    fc.assert(
      fc.property(fc.domain(), (name) => {
        expect(isAllowedHost(name, 'gate-hamburg')).toBe(false);
      }),
    );
  });

  test('a request under another name is told nothing', async () => {
    for (const path of ['/', '/api/v1/status', '/api/v1/openapi.json']) {
      const response = await site.request(path, { headers: { host: 'evil.example' } });
      expect(response.status).toBe(421);
      expect(await response.text()).not.toContain('gate-hamburg');
    }
  });

  test('the command line’s socket has no name to check', async () => {
    expect((await site.request('/api/v1/status', { headers: { host: 'x.y' } }, 'local')).status).toBe(200);
  });
});

describe('a refusal', () => {
  const followed = { headers: { 'sec-fetch-dest': 'document' } };

  test('of a link that somebody followed is a page that says why, and leads back', async () => {
    const response = await site.request('/api/v1/flows/export?format=csv', followed);
    expect(response.status).toBe(401);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await response.text();
    const { detail } = (await (await site.request('/api/v1/flows/export?format=csv')).json()) as Problem;
    expect(html).toContain(`<h1>${detail}</h1>`);
    expect(html).toContain('<code>not-signed-in</code>');
    expect(html).toContain('<a href="/">');
    expect((await site.request('/nowhere', followed)).status).toBe(404);
  });

  test('that a route makes by itself is one, too', async () => {
    const owner = await site.signIn();
    const path = '/api/v1/diagnostics/capture/file';
    const response = await site.request(path, { headers: { ...followed.headers, cookie: owner.cookie } });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      404,
      'text/html; charset=utf-8',
    ]);
    expect(await response.text()).toContain('<code>diagnosis-none</code>');
  });

  test.each([undefined, 'empty', 'script', 'image'])('of a request for %s stays JSON', async (dest) => {
    const headers = dest === undefined ? {} : { 'sec-fetch-dest': dest };
    const response = await site.request('/api/v1/flows/export?format=csv', { headers });
    expect(response.headers.get('content-type')).toBe('application/problem+json');
  });

  test('has no code of the request in its page', async () => {
    const problem = { title: '<i>', status: 400, code: '"x"', detail: '<script>alert(1)</script>&' };
    const refused = new Response(JSON.stringify(problem), {
      headers: { 'content-type': 'application/problem+json' },
    });
    const page = await problemForReaders(new Request('https://box/', followed), refused);
    expect(await page.text()).not.toMatch(/<script|<i>/);
  });

  test('of anything that is there changes nothing of it', async () => {
    for (const path of ['/', '/api', '/api/v1/openapi.json']) {
      const plain = await site.request(path);
      const opened = await site.request(path, followed);
      expect([opened.status, await opened.text()]).toEqual([plain.status, await plain.text()]);
    }
  });
});

describe('plain HTTP', () => {
  test('leads to the same place over HTTPS, and answers nothing else', async () => {
    const response = await site.request('/api/v1/log?limit=2', {}, 'http');
    expect(response.status).toBe(307);
    expect(response.headers.get('location')).toBe('https://192.168.1.1/api/v1/log?limit=2');
    expect(await response.text()).toBe('');
    const claim = await site.request('/api/v1/claim', { method: 'POST', body: '{}' }, 'http');
    expect(claim.status).toBe(307);
  });

  test('does not lead to another host', async () => {
    const response = await site.request('/', { headers: { host: 'evil.example' } }, 'http');
    expect(response.status).toBe(421);
    expect(response.headers.get('location')).toBeNull();
    const doubled = await site.request('//evil.example/', {}, 'http');
    expect(new URL(doubled.headers.get('location') ?? '').host).toBe('192.168.1.1');
  });
});

describe('the files of the page', () => {
  const get = (path: string, headers: Record<string, string> = {}) => site.request(path, { headers });

  test.each([
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0, gzip;q=0.5', 'gzip'],
    ['br;q=0.000', null],
    ['identity', null],
    ['', null],
  ])('RFC 9110 § 12.5.3: who accepts %j gets %s', async (accepted, encoding) => {
    const response = await get('/', { 'accept-encoding': accepted });
    expect(response.headers.get('content-encoding')).toBe(encoding);
    expect(response.headers.get('vary')).toBe('accept-encoding');
    const text = { br: 'brotli', gzip: 'gzip', plain: '<!doctype html><title>x</title>' }[
      encoding ?? 'plain'
    ];
    expect(await response.text()).toBe(text);
    expect(response.headers.get('content-length')).toBe(String(text?.length));
  });

  test('RFC 9110 § 13.1.2: what the browser has is not sent again', async () => {
    const first = await get('/', { 'accept-encoding': 'gzip' });
    const etag = first.headers.get('etag') ?? '';
    for (const value of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await get('/', { 'accept-encoding': 'gzip', 'if-none-match': value });
      expect([again.status, await again.text()]).toEqual([304, '']);
      expect(again.headers.get('etag')).toBe(etag);
    }
    expect((await get('/', { 'accept-encoding': 'br', 'if-none-match': etag })).status).toBe(200);
  });

  test('the page is asked for again each time, its parts never', async () => {
    expect((await get('/')).headers.get('cache-control')).toBe('no-cache');
    expect((await get('/page-0123456789ab.js')).headers.get('cache-control')).toContain('immutable');
  });

  test.each(Object.values(pagePaths))('%s is a view of the page, and its address', async (path) => {
    const response = await get(`${path}?peer=plant`);
    expect([response.status, await response.text()]).toEqual([200, '<!doctype html><title>x</title>']);
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect((await site.request(path, { method: 'POST' })).status).toBe(405);
  });

  test.each(['/api', '/api/reference.css', '/metrics'])('%s is there to be read only', async (path) => {
    const answer = await site.request(path, { method: 'POST' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('the server knows no other views than the page', async () => {
    expect(new Set(served)).toEqual(new Set(Object.values(pagePaths)));
    expect((await get('/network/')).status).toBe(404);
  });

  test('HEAD has the headers of GET and no body', async () => {
    const response = await site.request('/', { method: 'HEAD' });
    expect(response.headers.get('content-length')).toBe('31');
    expect(await response.text()).toBe('');
  });
});

describe('headers of every answer', () => {
  test.each([
    ['/', 'https'],
    ['/api/v1/status', 'https'],
    ['/api/v1/openapi.json', 'https'],
    ['/nothing', 'https'],
    ['/', 'http'],
  ] as const)('%s over %s', async (path, transport) => {
    const { headers } = await site.request(path, {}, transport);
    const policy = headers.get('content-security-policy') ?? '';
    for (const directive of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ]) {
      expect(policy).toContain(directive);
    }
    expect(policy).not.toContain('unsafe');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    // With it nobody could pass the warning about a self-signed certificate: RFC 6797 § 12.1.
    expect(headers.get('strict-transport-security')).toBeNull();
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});
