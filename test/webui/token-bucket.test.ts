import { describe, expect, test } from 'vitest';
import { createTokenBucket } from '../../firmware/webui/token-bucket.ts';

describe('token bucket', () => {
  test('gives its burst at once, then one token each refill', () => {
    const bucket = createTokenBucket({ burst: 3, refillMs: 1000 });
    expect([bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([0, 0, 0]);
    expect(bucket.take(0)).toBe(1000);
    expect(bucket.take(400)).toBe(600);
    expect(bucket.take(1000)).toBe(0);
    expect(bucket.take(1001)).toBe(999);
  });

  test('never holds more than its burst, however long it waits', () => {
    const bucket = createTokenBucket({ burst: 2, refillMs: 10 });
    bucket.take(0);
    expect([bucket.take(1e9), bucket.take(1e9)]).toEqual([0, 0]);
    expect(bucket.take(1e9)).toBeGreaterThan(0);
  });

  test('a clock that is set back gives no tokens', () => {
    const bucket = createTokenBucket({ burst: 1, refillMs: 1000 });
    expect(bucket.take(1e12)).toBe(0);
    expect(bucket.take(0)).toBe(1000);
    expect(bucket.take(500)).toBe(500);
  });
});
