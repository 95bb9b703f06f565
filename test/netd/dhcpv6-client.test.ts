import { expect, test } from 'vitest';
import { addressInDelegated, parseLease6 } from '../../firmware/netd/dhcpv6-client.ts';
import { limits } from '../../firmware/netd/limits.ts';

const bound = (fields: Record<string, string>) =>
  ['event=bound', ...Object.entries(fields).map(([name, value]) => `${name}=${value}`), ''].join('\n');
const nothing = { address: null, prefix: null, dns: [], seconds: 0 };

test.each([
  [
    {
      address: '2001:db8:1:0::1000',
      prefix: '2001:db8:ff00::',
      length: '56',
      dns: '2001:db8:1::53',
      addressSeconds: '7200',
      prefixSeconds: '60',
    },
    { seconds: 60, address: '2001:db8:1::1000/128', prefix: '2001:db8:ff00::/56', dns: ['2001:db8:1::53'] },
  ],
  [
    { prefix: 'fd00:1::', length: '48' },
    { ...nothing, prefix: 'fd00:1::/48' },
  ],
  [
    { prefix: '2001:db8:ff00:1:2::', length: '56' },
    { ...nothing, prefix: '2001:db8:ff00::/56' },
  ],
  [
    { address: '2001:db8::5', prefix: '2001:db8::', length: '65' },
    { ...nothing, address: '2001:db8::5/128' },
  ],
  [
    { address: '2001:db8::5', dns: 'fe80::1 ::1 2001:db8::9 x' },
    { ...nothing, address: '2001:db8::5/128', dns: ['2001:db8::9'] },
  ],
])('a lease %j is read as %j', (fields, lease) => {
  expect(parseLease6(bound(fields))).toEqual({ ok: true, value: lease });
});

test.each([
  [{ address: 'fe80::1' }],
  [{ address: '::1' }],
  [{ address: 'ff02::1' }],
  [{ address: '192.0.2.1' }],
  [{ address: '2001:20::1' }],
  // Host identity tags are proven by ESP and by nobody's word.
  [{ prefix: '2001:20::', length: '28' }],
  [{ prefix: '2000::', length: '8' }],
  [{ prefix: '2001:db8::', length: '7' }],
  [{ prefix: '2001:db8::' }],
  [{}],
])('a lease that gives %j alone is refused', (fields) => {
  expect(parseLease6(bound(fields)).ok).toBe(false);
});

test('a lease that ran out is none; nonsense and too much are refused', () => {
  expect(parseLease6('event=gone\n')).toEqual({ ok: true, value: null });
  expect(parseLease6('event=surprise\n').ok).toBe(false);
  const long = bound({ address: '2001:db8::5' }).padEnd(limits.leaseText, '\n');
  expect(parseLease6(long).ok).toBe(true);
  expect(parseLease6(`${long}\n`).ok).toBe(false);
});

test('networks have the /64s of a delegated prefix by their numbers, as far as it goes', () => {
  expect(addressInDelegated('2001:db8:ff00::/56', 0)).toBe('2001:db8:ff00::1/64');
  expect(addressInDelegated('2001:db8:ff00::/56', 255)).toBe('2001:db8:ff00:ff::1/64');
  expect(addressInDelegated('2001:db8:ff00::/60', 15)).toBe('2001:db8:ff00:f::1/64');
  expect(addressInDelegated('2001:db8:ff00::/60', 16)).toBeNull();
  expect(addressInDelegated('2001:db8:ff00:7::/64', 0)).toBe('2001:db8:ff00:7::1/64');
  expect(addressInDelegated('2001:db8:ff00:7::/64', 1)).toBeNull();
});
