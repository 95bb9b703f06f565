import { describe, expect, test } from 'vitest';
import { ping } from '../../firmware/system/ping.ts';
import { traceroute } from '../../firmware/system/traceroute.ts';
import { missingForNamespaces } from '../netd/namespace.ts';

const missing = missingForNamespaces();

describe.skipIf(missing !== null)(`busybox’s programs${missing === null ? '' : ` (${missing})`}`, () => {
  test('ping: counts and times, from the address that is asked for', async () => {
    expect(await ping('127.0.0.1', { count: 2, source: '127.0.0.2' })).toEqual({
      ok: true,
      value: {
        ...{ sent: 2, received: 2 },
        rttMs: { min: expect.any(Number), average: expect.any(Number), max: expect.any(Number) },
      },
    });
  });

  test('ping: why it could not send', async () => {
    const nobody = await ping('127.0.0.1', { count: 1, source: '192.0.2.55' });
    expect(nobody).toEqual({ ok: false, problem: expect.stringContaining('ping:') });
  });

  test('traceroute: the last hop is where it was to go', async () => {
    expect(await traceroute('127.0.0.1', { hops: 3 })).toMatchObject({
      ok: true,
      value: [{ hop: 1, address: '127.0.0.1', note: null }],
    });
    expect(await traceroute('nonsense', { hops: 1 })).toMatchObject({ ok: false });
  });
});
