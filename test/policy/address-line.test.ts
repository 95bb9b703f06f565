import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  byFamily,
  differenceOf,
  everyAddress,
  findRange,
  formatAddress,
  formatRange,
  intersectionOf,
  parseAddress,
  parseAddressRange,
  unionOf,
} from '../../firmware/policy/address-line.ts';

const place = fc.bigInt({ min: 0n, max: 40n });
const ranges = fc
  .array(
    fc
      .tuple(place, place)
      .map(([left, right]) => (left < right ? { from: left, to: right } : { from: right, to: left })),
    { maxLength: 6 },
  )
  .map(unionOf);
const members = (list: readonly { from: bigint; to: bigint }[]) =>
  Array.from({ length: 42 }, (_, index) =>
    list.some(({ from, to }) => from <= BigInt(index) && BigInt(index) <= to),
  );

describe('addresses on a line', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.3/24', '10.1.2.0-10.1.2.255'],
    ['0.0.0.0/0', '0.0.0.0-255.255.255.255'],
    ['fd00::1', 'fd00::1'],
    ['fd00:0::/126', 'fd00::-fd00::3'],
    ['::/0', '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('%s is %s', (text, shown) => {
    const range = parseAddressRange(text);
    expect(range && formatRange(range)).toBe(shown);
  });

  test.each([
    '',
    '10.1.2',
    '10.1.2.256',
    '10.1.2.3/33',
    'fd00::/129',
    'fd00::1::2',
    '10.0.0.0/8/8',
    '::1/-1',
    'a',
  ])('%j is no address', (text) => expect(parseAddressRange(text)).toBeUndefined());

  test('no network of one family holds an address of the other', () => {
    const [ipv4, ipv6] = [parseAddressRange('0.0.0.0/0'), parseAddressRange('::/0')];
    expect(intersectionOf(ipv4 ? [ipv4] : [], ipv6 ? [ipv6] : [])).toEqual([]);
    const [all] = everyAddress;
    expect(all && byFamily(all)).toEqual({ ipv4: [ipv4], ipv6: [ipv6] });
  });

  test('every address is written as it is read', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6().filter((text) => !text.includes('.')),
        ),
        (text) => {
          const value = parseAddress(text);
          expect(value).toBeDefined();
          expect(parseAddress(formatAddress(value ?? 0n))).toBe(value);
        },
      ),
    );
  });

  test('union, intersection and difference hold what sets of single places hold', () => {
    fc.assert(
      fc.property(ranges, ranges, (left, right) => {
        const [a, b] = [members(left), members(right)];
        expect(members(unionOf([...left, ...right]))).toEqual(a.map((held, index) => held || b[index]));
        expect(members(intersectionOf(left, right))).toEqual(a.map((held, index) => held && b[index]));
        expect(members(differenceOf(left, right))).toEqual(a.map((held, index) => held && !b[index]));
      }),
    );
  });

  test('the range of a place is found, and none where there is none', () => {
    fc.assert(
      fc.property(ranges, place, (list, wanted) => {
        const found = findRange(list, wanted);
        expect(found).toBe(list.findIndex(({ from, to }) => from <= wanted && wanted <= to));
      }),
    );
  });
});
