import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestSite, type TestSite } from '../test-site.ts';

let site: TestSite;
beforeEach(async () => {
  site = await openTestSite();
});
afterEach(() => site.close());

test('metrics are for whom the settings have it, and for the box itself; others find nothing there', async () => {
  const allowed = await site.request('/metrics', {}, 'https', '192.168.254.7');
  expect([allowed.status, allowed.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  expect(await allowed.text()).toBe('hithe_info 1\n');
  expect((await site.request('/metrics', {}, 'local')).status).toBe(200);
  const refused = await site.request('/metrics', {}, 'https', '192.168.1.7');
  expect([refused.status, await refused.json()]).toEqual([
    404,
    expect.objectContaining({ code: 'not-found' }),
  ]);
});
