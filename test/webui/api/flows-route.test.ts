import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { FlowsView } from '../../../firmware/webui/api/flows-route.ts';
import { limits } from '../../../firmware/webui/limits.ts';
import { testFlows } from '../test-flows.ts';
import { openTestSite, type TestSite } from '../test-site.ts';

let site: TestSite;
beforeEach(async () => {
  site = await openTestSite();
});
afterEach(() => site.close());

const get = async (path: string) => {
  const response = await site.request(path, {}, 'local');
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

describe('flows over the API', () => {
  test.each(['', '/new', '/live', '/status'])(
    '%j is for who is signed in, and the box’s own socket',
    async (path) => {
      const response = await site.request(`/api/v1/flows${path}`);
      expect([response.status, await response.json()]).toMatchObject([401, { code: 'not-signed-in' }]);
      expect((await get(`/api/v1/flows${path}`)).status).toBe(200);
      const viewer = await site.signIn('viewer');
      expect((await viewer.request(`/api/v1/flows${path}`)).status).toBe(200);
    },
  );

  test('come in pages, newest first', async () => {
    expect((await get('/api/v1/flows?limit=4')).body).toMatchObject({
      flows: [{ id: 7 }, {}, {}, { id: 4 }],
      before: 4,
    });
    expect((await get('/api/v1/flows?limit=4&before=4')).body).toMatchObject({
      flows: [{ id: 3 }, {}, {}],
      before: null,
    });
  });

  test('recorded after a cursor are told with what was missed, and a failure with why', async () => {
    expect((await get('/api/v1/flows/new')).body).toEqual({ flows: [], cursor: 6, missed: 0 });
    expect((await get('/api/v1/flows/new?after=2')).body).toMatchObject({
      flows: [{ id: 7 }],
      cursor: 7,
      missed: 4,
    });
    expect(await get('/api/v1/flows/new?after=7')).toMatchObject({
      status: 500,
      body: { code: 'flows-not-read', detail: 'the disk is gone' },
    });
  });

  test.each([
    ['limit', limits.flowsAtOnce, limits.flowsAtOnce + 1],
    ['from', 'x'.repeat(limits.flowFilterLength), 'x'.repeat(limits.flowFilterLength + 1)],
    ['port', 65_535, 65_536],
    ['verdict', 'deny', 'perhaps'],
    ['reason', 'replaced', 'because'],
    ['since', 0, -1],
  ])('%s has bounds', async (name, allowed, refused) => {
    expect((await get(`/api/v1/flows?${name}=${allowed}`)).status).toBe(200);
    expect(await get(`/api/v1/flows?${name}=${refused}`)).toMatchObject({
      status: 400,
      body: { code: 'bad-request' },
    });
  });

  test('a wait is shorter than an idle connection may be', async () => {
    expect(limits.flowsWaitSeconds * 1000).toBeLessThan(limits.idleMs);
    expect((await get(`/api/v1/flows/new?after=2&wait=${limits.flowsWaitSeconds}`)).status).toBe(200);
    expect((await get(`/api/v1/flows/new?after=2&wait=${limits.flowsWaitSeconds + 1}`)).status).toBe(400);
  });
});

describe('downloads of flows', () => {
  const download = (query: string, transport: 'local' | 'https' = 'local') =>
    site.request(`/api/v1/flows/export${query}`, {}, transport);

  test('are for whoever may read', async () => {
    expect((await download('', 'https')).status).toBe(401);
  });

  test('hold what the filter wants, newest first, to the last page', async () => {
    const response = await download('?limit=6');
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="flows.jsonl"');
    const lines = (await response.text()).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { id: number }).id)).toEqual([7, 6, 5, 4, 3, 2]);
    const csv = (await (await download('?format=csv&limit=3')).text()).split('\r\n');
    expect(csv).toHaveLength(5);
    expect(csv[0]).toMatch(/^id,start,end,from_address,/);
    expect(csv[1]).toMatch(/^7,"2023-11-14T22:13:20.000Z",/);
    expect(await (await download('?from=192.168.1.11')).text()).toBe('');
  });

  test.each([
    ['limit', limits.flowsExported, limits.flowsExported + 1],
    ['format', 'csv', 'xlsx'],
    ['port', 1, 65_536],
  ])('%s has bounds', async (name, allowed, refused) => {
    const taken = await download(`?${name}=${allowed}`);
    expect(taken.status).toBe(200);
    await taken.text();
    expect((await download(`?${name}=${refused}`)).status).toBe(400);
  });

  test('are so many at once; one that is read or given up makes room', async () => {
    const held = await Promise.all(Array.from({ length: limits.flowExportsAtOnce }, () => download('')));
    const refused = await download('');
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'busy' }]);
    expect(refused.headers.get('retry-after')).toBe('10');
    await held[0]?.body?.cancel();
    const next = await download('');
    expect(next.status).toBe(200);
    for (const each of [...held.slice(1), next]) await each.text();
    const free = await download('');
    expect(free.status).toBe(200);
    await free.text();
  });

  describe.each<[string, () => ReturnType<FlowsView['query']>]>([
    ['fails', async () => ({ ok: false, error: new Error('disk') })],
    ['throws', () => Promise.reject(new Error('disk'))],
  ])('of which a later page %s', (_, fail) => {
    test('are cut short, and free their place once', async () => {
      const whole = testFlows.query;
      const query = vi
        .spyOn(testFlows, 'query')
        .mockImplementation((filter, options) =>
          options.before === undefined ? whole(filter, { ...options, limit: 1 }) : fail(),
        );
      for (let count = 0; count < 3 * limits.flowExportsAtOnce; count++) {
        const cut = await download('');
        expect(cut.status).toBe(200);
        const reader = cut.body?.getReader();
        // Whoever reads leaves while the page is being read.
        await Promise.allSettled([reader?.read(), reader?.read(), reader?.read(), reader?.cancel()]);
      }
      query.mockRestore();
      const held = await Promise.all(Array.from({ length: limits.flowExportsAtOnce }, () => download('')));
      expect(held.map(({ status }) => status)).toEqual(held.map(() => 200));
      expect((await download('')).status).toBe(503);
      for (const each of held) await each.text();
    });
  });

  test('a HEAD takes no place', async () => {
    for (let count = 0; count <= limits.flowExportsAtOnce; count++) {
      const response = await site.request('/api/v1/flows/export', { method: 'HEAD' }, 'local');
      expect([response.status, await response.text()]).toEqual([200, '']);
    }
  });
});
