import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/webui/limits.ts';
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
  test.each(['', '/new', '/live', '/status'])('%j is for the box’s own socket alone', async (path) => {
    const response = await site.request(`/api/v1/flows${path}`);
    expect([response.status, await response.json()]).toMatchObject([403, { code: 'local-only' }]);
    expect((await get(`/api/v1/flows${path}`)).status).toBe(200);
  });

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
