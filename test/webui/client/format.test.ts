import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  digestGroups,
  formatBytes,
  formatDuration,
  formatMemory,
  hitGroups,
  shortHit,
} from '../../../firmware/webui/client/format.ts';

describe('figures', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [9994, '9.99 kB'],
    [9996, '10.0 kB'],
    [99_960, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [1.5e15, '1.50 PB'],
  ])('%i octets on the wire are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test('memory counts by 1024', () => {
    expect(formatMemory(512 * 2 ** 20)).toBe('512 MiB');
    expect(formatMemory(4 * 2 ** 30)).toBe('4.00 GiB');
  });

  test('no figure is wider than the column it stands in', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 1_000_000 }), (low, high) => {
        expect(formatBytes(high * 2 ** 31 + low)).toMatch(/^\d{1,4}(\.\d{1,2})? (B|[kMGTP]B)$/);
      }),
    );
  });

  test.each([
    [-5, '0 s'],
    [0.9, '0 s'],
    [59, '59 s'],
    [60, '1 min'],
    [61, '1 min 1 s'],
    [3600, '1 h'],
    [3661, '1 h 1 min'],
    [273_907, '3 d 4 h'],
    [86_400 + 59, '1 d'],
  ])('%d seconds are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));
});

describe('identity', () => {
  test.each([
    ['2001:22:9a1c:44d0:7be:91f3:20c7:5e1d', '2001:0022:9a1c…5e1d'],
    ['2001:20::1', '2001:0020:0000…0001'],
    ['2001:2f:1::', '2001:002f:0001…0000'],
  ])('%s is shown as %s', (hit, short) => expect(shortHit(hit)).toBe(short));

  test('what is no HIT is shown as it is', () => {
    for (const text of ['', 'berlin', '1:2:3']) expect(shortHit(text)).toBe(text);
  });

  test('however a HIT is shortened, its groups are the same', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 }), (groups) => {
        const written = groups.map((group) => group.toString(16)).join(':');
        const shortened = written.replace(/(^|:)0(:0)+(:|$)/, '::');
        expect(hitGroups(shortened)).toEqual(groups.map((group) => group.toString(16).padStart(4, '0')));
      }),
    );
  });

  test('a digest is grouped without losing a digit', () => {
    expect(digestGroups('0123456789abcdef01')).toEqual(['01234567', '89abcdef', '01']);
  });
});
