import { expect, test } from 'vitest';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestSite, post } from '../test-site.ts';

test('as many rules as limits say are accepted at once', async () => {
  const site = await openTestSite();
  const accept = async (count: number) => {
    const ids = Array.from({ length: count }, (_, index) => `learned-${index}`);
    const body = JSON.stringify({ ids });
    return (await site.request('/api/v1/policy/accept', post(body), 'local')).status;
  };
  // None of them was proposed.
  expect([await accept(limits.rulesAtOnce), await accept(limits.rulesAtOnce + 1), await accept(0)]).toEqual([
    404, 400, 400,
  ]);
  site.close();
});
