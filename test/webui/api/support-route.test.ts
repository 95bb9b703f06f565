import { OpenAPIHono } from '@hono/zod-openapi';
import { describe, expect, test } from 'vitest';
import type { ApiEnvironment } from '../../../firmware/webui/api/route.ts';
import { addSupportRoute } from '../../../firmware/webui/api/support-route.ts';
import { openTestSite } from '../test-site.ts';

describe('the support bundle over the API', () => {
  test('is a download for the owner', async () => {
    const site = await openTestSite();
    const owner = await site.signIn();
    const answer = await owner.request('/api/v1/support');
    expect(answer.headers.get('content-type')).toBe('application/gzip');
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="support.tar.gz"');
    expect([...new Uint8Array(await answer.arrayBuffer())]).toEqual([0x1f, 0x8b]);
    site.close();
  });

  test('is made once at a time, not for HEAD, and again after it failed', async () => {
    const api = new OpenAPIHono<ApiEnvironment>();
    const made: ((how: 'well' | 'badly') => void)[] = [];
    addSupportRoute(
      api,
      () =>
        new Promise((resolve, reject) => {
          made.push((how) =>
            how === 'well' ? resolve({ octets: new Uint8Array(1), fileName: 'x' }) : reject(new Error('no')),
          );
        }),
    );
    const path = '/api/v1/support';
    const first = api.request(path);
    expect((await api.request(path)).status).toBe(503);
    expect((await api.request(path, { method: 'HEAD' })).status).toBe(200);
    made[0]?.('badly');
    expect((await first).status).toBe(500);
    const second = api.request(path);
    made[1]?.('well');
    expect((await second).status).toBe(200);
    expect(made).toHaveLength(2);
  });
});
