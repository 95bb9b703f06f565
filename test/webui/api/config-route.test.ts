import { describe, expect, test } from 'vitest';
import { limits as storeLimits } from '../../../firmware/store/limits.ts';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestSite, post } from '../test-site.ts';

describe('the settings over the API', () => {
  test('are for who is signed in, and the box’s own socket; a viewer changes nothing', async () => {
    const site = await openTestSite();
    for (const [path, init] of [
      ['/api/v1/config'],
      ['/api/v1/config/history'],
      ['/api/v1/config/apply', post('{}')],
      ['/api/v1/config/confirm', post('{}')],
      ['/api/v1/config/schema'],
    ] as const) {
      const response = await site.request(path, init);
      expect([path, response.status, await response.json()]).toMatchObject([
        path,
        401,
        { code: 'not-signed-in' },
      ]);
    }
    const viewer = await site.signIn('viewer');
    expect((await viewer.request('/api/v1/config')).status).toBe(200);
    expect((await viewer.request('/api/v1/config/plan', post('{}'))).status).not.toBe(403);
    const refused = await viewer.request('/api/v1/config/apply', post('{}'));
    expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'not-allowed' }]);
    const schema = await viewer.request('/api/v1/config/schema');
    expect(await schema.json()).toMatchObject({
      $schema: expect.stringContaining('2020-12'),
      type: 'object',
    });
    expect((await site.request('/api/v1/config', {}, 'local')).status).toBe(200);
    site.close();
  });

  test('a document is tried, confirmed, and in the history', async () => {
    const site = await openTestSite();
    const ask = async (path: string, body: unknown) =>
      (await site.request(path, post(JSON.stringify(body)), 'local')).json();
    const document = { version: 1, hostname: 'one' };
    expect(await ask('/api/v1/config/plan', { document })).toMatchObject({ changes: [{ path: 'hostname' }] });
    expect(await ask('/api/v1/config/apply', { document })).toMatchObject({
      trial: { secondsLeft: limits.trialSecondsUnlessTold },
    });
    expect(await ask('/api/v1/config/confirm', {})).toMatchObject({ outcome: 'confirmed' });
    expect(await ask('/api/v1/config/revert', { revision: 1 })).toMatchObject({ code: 'settings-unchanged' });
    const detail = await site.request('/api/v1/config/history/1', {}, 'local');
    expect(await detail.json()).toMatchObject({ document, changes: [{ path: 'hostname' }] });
    site.close();
  });

  test('what was meant for other settings is refused: ETag and If-Match', async () => {
    const site = await openTestSite();
    const ask = async (path: string, body: unknown, tag?: string | null) => {
      const { headers, ...init } = post(JSON.stringify(body));
      const conditional = { ...init, headers: { ...headers, ...(tag ? { 'if-match': tag } : {}) } };
      const response = await site.request(path, conditional, 'local');
      return [response.status, await response.json(), response.headers.get('etag')];
    };
    const tagNow = async () => (await site.request('/api/v1/config', {}, 'local')).headers.get('etag');
    const first = await tagNow();
    expect(first).toBe('"r0-0"');
    const document = { version: 1, hostname: 'one' };
    expect(await ask('/api/v1/config/plan', { document }, first)).toMatchObject([200, {}, null]);
    expect(await ask('/api/v1/config/apply', { document }, first)).toMatchObject([200, {}, null]);
    await ask('/api/v1/config/confirm', {});
    const second = await tagNow();
    expect(second).toBe('"r1-0"');
    const other = { document: { version: 1, hostname: 'two' } };
    for (const path of ['/api/v1/config/plan', '/api/v1/config/apply'])
      expect(await ask(path, other, first)).toMatchObject([
        412,
        { code: 'settings-moved-on', detail: expect.stringContaining('Revision 1 by ') },
        null,
      ]);
    const set = { path: 'hostname', value: 'two' };
    expect(await ask('/api/v1/config/draft', set, first)).toMatchObject([412, {}, null]);
    const drafted = await ask('/api/v1/config/draft', set, `"other", ${second}`);
    expect(drafted).toMatchObject([200, { draft: { hostname: 'two' } }, await tagNow()]);
    expect(drafted[2]).not.toBe(second);
    expect(await ask('/api/v1/config/draft', { discard: true }, second)).toMatchObject([412, {}, null]);
    expect(await ask('/api/v1/config/draft', { discard: true }, '*')).toMatchObject([200, {}, second]);
    site.close();
  });

  test('an invalid document is told field by field', async () => {
    const site = await openTestSite();
    const lan = { address: 'x', dhcpRange: ['192.168.1.9', 'y'] };
    const body = JSON.stringify({ document: { version: 1, hostname: '-', network: { lan } } });
    const response = await site.request('/api/v1/config/plan', post(body), 'local');
    const { code, errors } = await response.json();
    expect([response.status, code]).toEqual([400, 'settings-invalid']);
    expect(errors.map(({ path }: { path: string }) => path)).toEqual([
      'hostname',
      'network.lan.address',
      'network.lan.dhcpRange[1]',
    ]);
    site.close();
  });

  test.each([
    [{ document: { version: 2 } }, 400],
    [{ document: { version: 1, nonsense: {} } }, 400],
    [{ document: [] }, 400],
    [{ seconds: limits.trialSeconds[0] - 1 }, 400],
    [{ seconds: limits.trialSeconds[1] + 1 }, 400],
    [{ author: '' }, 400],
    [{}, 409],
  ])('%j is not applied', async (body, status) => {
    const site = await openTestSite();
    const response = await site.request('/api/v1/config/apply', post(JSON.stringify(body)), 'local');
    expect(response.status).toBe(status);
    site.close();
  });

  test('the largest document has room, one of 10 MB is refused with the bound, nonsense with the field', async () => {
    const site = await openTestSite();
    const sized = (size: number) =>
      site.request(
        '/api/v1/config/plan',
        post(`{"document":{"version":1,"hostname":"${'x'.repeat(size)}"}}`),
        'local',
      );
    const large = await sized(storeLimits.documentSize - 1000);
    expect([large.status, await large.json()]).toMatchObject([
      400,
      { detail: expect.stringContaining('hostname') },
    ]);
    const larger = await sized(10_000_000);
    expect([larger.status, await larger.json()]).toMatchObject([
      413,
      { detail: expect.stringContaining(String(limits.settingsBodyBytes)) },
    ]);
    const deep = `{"document":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`;
    expect((await site.request('/api/v1/config/plan', post(deep), 'local')).status).toBe(400);
    site.close();
  });
});
