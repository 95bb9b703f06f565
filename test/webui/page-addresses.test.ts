import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/webui/limits.ts';
import { type PageInterface, pageAddresses } from '../../firmware/webui/page-addresses.ts';

const at = (role: PageInterface['role'], ...addresses: string[]): PageInterface => ({
  role,
  kernelName: `${role}0`,
  addresses,
});

describe('where the page is served', () => {
  test('on the LAN and the management side, never on the underlay or the overlay', () => {
    const all = [
      at('underlay', '203.0.113.17/24'),
      at('lan', '192.168.1.1/24', 'fd00::1/64'),
      at('management', '192.168.254.1/24'),
      at('overlay', '2001:20::1/128'),
      at('unused', '10.0.0.1/8'),
    ];
    for (const claimed of [true, false]) {
      expect(pageAddresses(all, claimed)).toEqual(['192.168.1.1', 'fd00::1', '192.168.254.1']);
    }
  });

  test('on a one-port box on the underlay until it is claimed', () => {
    const one = [at('underlay', '203.0.113.17/24'), at('overlay', '2001:20::1/128')];
    expect(pageAddresses(one, false)).toEqual(['203.0.113.17']);
    expect(pageAddresses(one, true)).toEqual([]);
  });

  test('not on the underlay of a box whose LAN has lost its address', () => {
    expect(pageAddresses([at('underlay', '203.0.113.17/24'), at('lan')], false)).toEqual([]);
  });

  test('RFC 4007 § 11: a link-local address names its interface', () => {
    expect(pageAddresses([at('lan', 'fe80::1/64', 'FE80::2%x/64')], true)).toEqual([
      'fe80::1%lan0',
      'FE80::2%x',
    ]);
  });

  test('once each, and no more than the limit', () => {
    expect(pageAddresses([at('lan', '10.0.0.1/8'), at('lan', '10.0.0.1/8')], true)).toEqual(['10.0.0.1']);
    const many = Array.from({ length: limits.addresses + 1 }, (_, index) => `10.0.0.${index}/8`);
    expect(pageAddresses([at('lan', ...many)], true)).toHaveLength(limits.addresses);
    expect(pageAddresses([at('lan', ...many.slice(1))], true)).toHaveLength(limits.addresses);
  });
});
