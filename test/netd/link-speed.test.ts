import { expect, test } from 'vitest';
import { linkSpeed } from '../../firmware/netd/link-speed.ts';

const read = (speed: string | null, duplex: string | null) =>
  linkSpeed({ readKernelValue: (path) => (path === '/sys/class/net/eth0/speed' ? speed : duplex) }, 'eth0');

test.each([
  ['1000', 'full', { megabits: 1000, duplex: 'full' }],
  ['10', 'half', { megabits: 10, duplex: 'half' }],
  ['2500', 'unknown', { megabits: 2500, duplex: null }],
  ['100', null, { megabits: 100, duplex: null }],
])('the kernel says %s, %s', (speed, duplex, expected) => expect(read(speed, duplex)).toEqual(expected));

test.each([[null], ['-1'], ['0'], [''], ['4294967295'], ['1e3']])('%s is no speed', (speed) =>
  expect(read(speed, 'full')).toBeNull(),
);
