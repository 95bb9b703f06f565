import { describe, expect, test } from 'vitest';
import { limits as storeLimits } from '../../../firmware/store/limits.ts';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestSite, post } from '../test-site.ts';

describe('the settings over the API', () => {
  test('are for the box’s own socket alone, but for the schema', async () => {
    const site = await openTestSite();
    for (const [path, init] of [
      ['/api/v1/config'],
      ['/api/v1/config/history'],
      ['/api/v1/config/apply', post('{}')],
      ['/api/v1/config/confirm', post('{}')],
    ] as const) {
      const response = await site.request(path, init);
      expect([path, response.status, await response.json()]).toMatchObject([
        path,
        403,
        { code: 'local-only' },
      ]);
    }
    const schema = await site.request('/api/v1/config/schema');
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
