import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestSite, post, type TestSite } from '../test-site.ts';

let site: TestSite;
beforeEach(async () => {
  site = await openTestSite();
});
afterEach(() => site.close());

const renew = (hit: string, transport?: 'local') =>
  site.request(`/api/v1/associations/${hit}/renew`, post('{}'), transport);

test('an association is renewed by the HIT of its peer', async () => {
  const response = await renew('2001:22::7', 'local');
  expect([response.status, await response.json()]).toEqual([202, { hit: '2001:22::7' }]);
});

test('a HIT that is no peer’s is not found', async () => {
  const response = await renew('2001:22::8', 'local');
  expect([response.status, await response.json()]).toMatchObject([404, { code: 'not-found' }]);
});

test('whoever merely reaches the page may not', async () => {
  expect((await renew('2001:22::7')).status).toBe(401);
});
