import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestSite, type TestSite } from '../test-site.ts';

let site: TestSite;
beforeEach(async () => {
  site = await openTestSite();
});
afterEach(() => site.close());

const explain = (query: Record<string, string>) =>
  site.request(`/api/v1/policy/explain?${new URLSearchParams(query)}`, {}, 'local');

describe('the policy over the API', () => {
  test('is for who is signed in, and the box’s own socket', async () => {
    for (const path of ['/api/v1/policy', '/api/v1/devices', '/api/v1/policy/explain?from=a&to=b']) {
      const response = await site.request(path);
      expect([path, response.status, await response.json()]).toMatchObject([
        path,
        401,
        { code: 'not-signed-in' },
      ]);
    }
    const viewer = await site.signIn('viewer');
    expect((await viewer.request('/api/v1/policy')).status).toBe(200);
    const report = await site.request('/api/v1/policy', {}, 'local');
    expect(await report.json()).toMatchObject({ rules: [{ id: 'press', connections: 3 }] });
  });

  test('a connection is explained', async () => {
    const response = await explain({
      from: '192.168.1.10',
      to: '192.168.20.5',
      protocol: 'udp',
      port: '502',
    });
    expect(await response.json()).toMatchObject({
      verdict: 'allow',
      protocol: 'udp',
      port: 502,
      rule: { id: 'press' },
    });
  });

  test.each([
    [{ to: '10.0.0.1' }],
    [{ from: '10.0.0.1' }],
    [{ from: '10.0.0.1', to: '10.0.0.2', port: '65536' }],
    [{ from: '10.0.0.1', to: '10.0.0.2', protocol: 'sctp' }],
    [{ from: 'x'.repeat(limits.policyEndLength + 1), to: '10.0.0.2' }],
    [{ from: 'nobody', to: '10.0.0.2' }],
  ])('%j is no question', async (query) => {
    const response = await explain(query);
    expect([response.status, await response.json()]).toMatchObject([400, { code: 'bad-request' }]);
  });
});
