import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/store/limits.ts';
import { mergeLayers } from '../../firmware/store/settings-layers.ts';
import { importUciNetwork } from '../../firmware/store/uci-network.ts';

/** As a router with a guest network has it. */
const router = `
config interface 'loopback'
	option device 'lo'
	option proto 'static'
	option ipaddr '127.0.0.1'
	option netmask '255.0.0.0'

config globals 'globals'
	option ula_prefix 'fd12:3456:789a::/48'

config device
	option name 'br-lan'
	option type 'bridge'
	list ports 'lan1'
	list ports 'lan2'

config interface 'lan'	# the workshop
	option device "br-lan"
	option proto static
	option ipaddr '10.7.0.1'
	option netmask '255.255.0.0'
	option ip6addr '2001:db8::1/64'

config interface 'wan'
	option device 'wan'
	option proto 'static'
	list ipaddr '203.0.113.2/29'
	option gateway '203.0.113.1'
	list dns '9.9.9.9'

config interface 'wan6'
	option device 'wan'
	option proto 'dhcpv6'

config interface 'guest'
	option device 'br-lan.30'
	option proto 'static'
	option ipaddr '192.168.30.1'
	option netmask '255.255.255.0'

config interface 'dsl'
	option proto 'pppoe'

config route
	option interface 'lan'
	option target '10.99.0.0'
	option netmask '255.255.0.0'
	option gateway '10.7.0.254'
`;

describe('importUciNetwork', () => {
  test('takes addresses, VLANs and routes over, and says what it does not', () => {
    const imported = importUciNetwork(router);
    expect(imported).toEqual({
      ok: true,
      network: {
        lan: { address: '10.7.0.1/16', ipv6: '2001:db8::1/64' },
        underlay: {
          ipv4: { address: '203.0.113.2/29', gateway: '203.0.113.1', dns: ['9.9.9.9'] },
          ipv6: 'auto',
        },
        networks: { guest: { address: '192.168.30.1/24', vlan: 30, dhcpServer: false } },
        routes: [{ destination: '10.99.0.0/16', gateway: '10.7.0.254' }],
      },
      notes: [
        'globals globals: is not taken over; ports keep their roles',
        'device (no name): is not taken over; ports keep their roles',
        'interface dsl: the protocol pppoe is not known here',
      ],
    });
    if (!imported.ok) return;
    expect(mergeLayers({ saved: { version: 1, network: imported.network } })).toMatchObject({ ok: true });
  });

  test.each([
    ["config interface 'lan", 'line 1 is no UCI: "config interface \'lan"'],
    ['option a b', 'line 1 is no UCI: "option a b"'],
    ['\nconfig\n', 'line 2 is no UCI: "config"'],
    ['{"version":1}', 'line 1 is no UCI'],
    ['#'.repeat(limits.uciLength + 1), 'more than'],
  ])('%j is none', (text, reason) => {
    expect(importUciNetwork(text.slice(0, limits.uciLength + 1))).toMatchObject({
      ok: false,
      reason: expect.stringContaining(reason),
    });
  });

  test('a netmask with holes is none', () => {
    const text =
      'config interface lan\n option proto static\n option ipaddr 10.0.0.1\n option netmask 255.0.255.0\n';
    expect(importUciNetwork(text)).toMatchObject({
      network: {},
      notes: ['interface lan: has no IPv4 address with a netmask'],
    });
  });

  test('any text has an answer', () => {
    const word = fc.constantFrom(
      'config',
      'option',
      'list',
      'interface',
      "'lan'",
      '"',
      "'",
      '#',
      '\n',
      ' ',
      'proto',
      'static',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string({ maxLength: 5 })), { maxLength: 40 }), (words) => {
        expect(typeof importUciNetwork(words.join(' ')).ok).toBe('boolean');
      }),
    );
  });
});
