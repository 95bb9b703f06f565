import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/webui/limits.ts';
import { openTestSite, post, type SignedIn, type TestSite } from '../test-site.ts';

let site: TestSite;
let operator: SignedIn;
beforeEach(async () => {
  site = await openTestSite();
  operator = await site.signIn('operator');
});
afterEach(() => site.close());

const ask = async (who: SignedIn, path: string, body: unknown) => {
  const response = await who.request(`/api/v1/diagnostics/${path}`, post(JSON.stringify(body)));
  return [response.status, await response.json()];
};

describe('diagnostics over the API', () => {
  test('are for operators, not for viewers, and not for who has not signed in', async () => {
    const viewer = await site.signIn('viewer');
    expect(await ask(viewer, 'ping', { to: 'wien' })).toMatchObject([403, { code: 'not-allowed' }]);
    expect((await viewer.request('/api/v1/diagnostics/capture')).status).toBe(403);
    expect((await site.request('/api/v1/diagnostics/capture')).status).toBe(401);
  });

  test('a ping, by the policy and by the wire', async () => {
    expect(await ask(operator, 'ping', { from: '192.168.1.10', to: 'wien' })).toMatchObject([
      200,
      { outcome: 'answered', policy: { verdict: 'allow' }, echo: { received: 3 } },
    ]);
    expect(await ask(operator, 'ping', { from: 'nobody', to: 'wien' })).toMatchObject([
      400,
      { code: 'bad-request', errors: [{ path: 'from' }] },
    ]);
  });

  test('a trace, begun and watched', async () => {
    const path = '/api/v1/diagnostics/traceroute';
    expect(await (await operator.request(path)).json()).toEqual({ traceroute: null });
    expect(await ask(operator, 'traceroute', { to: '10.1.2.3' })).toMatchObject([200, { state: 'running' }]);
    const trace = await (await operator.request(path)).json();
    expect(trace).toMatchObject({ traceroute: { to: '10.1.2.3', reached: true } });
  });

  test('a capture, begun, stopped, fetched once', async () => {
    expect(await ask(operator, 'capture', { link: 'br-lan', filter: 'tcp' })).toMatchObject([
      200,
      { state: 'running', link: 'br-lan' },
    ]);
    expect(await ask(operator, 'capture', { link: 'br-lan' })).toMatchObject([
      409,
      { code: 'diagnosis-running' },
    ]);
    expect(await ask(operator, 'capture/stop', {})).toMatchObject([200, { ended: 'stopped' }]);
    const path = '/api/v1/diagnostics/capture/file';
    const head = await operator.request(path, { method: 'HEAD' });
    expect(head.headers.get('content-type')).toBe('application/vnd.tcpdump.pcap');
    const file = await operator.request(path);
    expect(file.headers.get('content-disposition')).toContain('hithe-capture.pcap');
    // The header of a classic capture file and nothing else.
    const octets = new Uint8Array(await file.arrayBuffer());
    expect([octets.length, ...octets.subarray(0, 4)]).toEqual([24, 0xa1, 0xb2, 0xc3, 0xd4]);
    expect((await operator.request(path)).status).toBe(404);
  });

  test('a capture that is not wanted is deleted', async () => {
    await ask(operator, 'capture', { link: 'br-lan' });
    const path = '/api/v1/diagnostics/capture';
    expect((await operator.request(path, { method: 'DELETE' })).status).toBe(200);
    expect(await (await operator.request(path)).json()).toEqual({ capture: null });
    expect(await ask(operator, 'capture/stop', {})).toMatchObject([404, { code: 'diagnosis-none' }]);
  });

  test.each([
    ['ping', 'count', limits.pingCount],
    ['traceroute', 'hops', limits.tracerouteHops],
    ['capture', 'snapLength', limits.captureSnapLength],
    ['capture', 'count', limits.captureFrames],
    ['capture', 'kibibytes', limits.captureKibibytes],
    ['capture', 'rate', limits.captureRate],
    ['capture', 'seconds', limits.captureSeconds],
  ] as const)('%s: %s has its bounds', async (path, field, [least, most]) => {
    const status = async (value: number) =>
      (await ask(operator, path, { to: 'wien', link: 'br-lan', [field]: value }))[0];
    // The fields of the other kinds are no fields of this one.
    const body = (value: number) =>
      path === 'capture' ? { link: 'br-lan', [field]: value } : { to: 'wien', [field]: value };
    expect(await status(least)).toBe(400);
    for (const [value, expected] of [
      [least - 1, 400],
      [most + 1, 400],
      [least, 200],
    ] as const) {
      expect([value, (await ask(operator, path, body(value)))[0]]).toEqual([value, expected]);
    }
    await operator.request('/api/v1/diagnostics/capture', { method: 'DELETE' });
    await expect.poll(async () => (await ask(operator, path, body(most)))[0]).toBe(200);
  });

  test('a filter that is none is told of at its field', async () => {
    expect(await ask(operator, 'capture', { link: 'br-lan', filter: 'vlan 7' })).toMatchObject([
      400,
      { errors: [{ path: 'filter', message: 'vlan is not a word of filters here' }] },
    ]);
    const filter = 'x'.repeat(limits.captureFilterLength + 1);
    expect(await ask(operator, 'capture', { link: 'br-lan', filter })).toMatchObject([
      400,
      { errors: [{ path: 'filter' }] },
    ]);
  });
});
