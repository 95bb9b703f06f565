import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dhcpPool } from '../../firmware/netd/dhcp-server.ts';
import { contains, formatIpv4, parseIpv4, parseIpv4Prefix } from '../../firmware/netd/ipv4-prefix.ts';
import { limits } from '../../firmware/netd/limits.ts';

function pool(address: string): string | null {
  const server = dhcpPool(address);
  return server === null ? null : `${server.first}-${server.last} ${server.netmask}`;
}

test('the pool of a /24 is OpenWrt’s; smaller networks give what is beside the gateway', () => {
  expect(pool('192.168.1.1/24')).toBe('192.168.1.100-192.168.1.249 255.255.255.0');
  expect(pool('192.168.1.1/16')).toBe('192.168.0.100-192.168.0.249 255.255.0.0');
  expect(pool('192.168.1.101/24')).toBe('192.168.1.102-192.168.1.249 255.255.255.0');
  expect(pool('10.0.0.1/30')).toBe('10.0.0.2-10.0.0.2 255.255.255.252');
  expect(pool('10.0.0.2/30')).toBe('10.0.0.1-10.0.0.1 255.255.255.252');
  expect(pool('10.0.0.126/25')).toBe('10.0.0.1-10.0.0.125 255.255.255.128');
  expect(pool('10.0.0.1/31')).toBeNull();
  expect(pool('10.0.0.1/32')).toBeNull();
});

test('a pool lies in the network, beside the gateway and within its limit', () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.integer({ min: 8, max: 30 }), (host, length) => {
      const own = parseIpv4Prefix(`${host}/${length}`);
      const server = dhcpPool(`${host}/${length}`);
      if (server === null) return;
      const [first, last] = [parseIpv4(server.first) ?? 0, parseIpv4(server.last) ?? 0];
      expect(contains(own, first) && contains(own, last)).toBe(true);
      expect(first <= last && last - first < limits.poolSize).toBe(true);
      expect(own.address >= first && own.address <= last).toBe(false);
    }),
  );
});

test('a range that is wished for is taken as it is', () => {
  expect(dhcpPool('10.0.0.1/24', ['10.0.0.1', '10.0.0.9'])).toEqual({
    ...{ netmask: '255.255.255.0', first: '10.0.0.1', last: '10.0.0.9', size: 9 },
  });
});

test('IPv4 addresses: text and number are inverse, and other text is none', () => {
  fc.assert(fc.property(fc.ipV4(), (address) => formatIpv4(parseIpv4(address) ?? -1) === address));
  for (const text of ['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.-4', 'a.b.c.d', ' 1.2.3.4']) {
    expect(parseIpv4(text)).toBeNull();
  }
  for (const text of ['1.2.3.4', '1.2.3.4/33', '1.2.3.4/-1', '1.2.3.4/8/8', '::1/64']) {
    expect(() => parseIpv4Prefix(text)).toThrowError(expect.objectContaining({ code: 'bad-address' }));
  }
});
