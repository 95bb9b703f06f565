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
    const imported = importUciNetwork(router, 'port1');
    expect(imported).toEqual({
      ok: true,
      network: {
        lan: { address: '10.7.0.1/16', ipv6: '2001:db8::1/64' },
        underlay: {
          ipv4: { address: '203.0.113.2/29', gateway: '203.0.113.1', dns: ['9.9.9.9'] },
          ...{ ipv6: 'auto', dhcpv6: true },
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

  describe('the VLAN of the uplink', () => {
    const wan = (device: string) =>
      `config interface 'wan'\n option device '${device}'\n option proto 'dhcp'\n`;
    const device = "config device\n option name 'fibre'\n option type '8021q'\n option vid '7'\n";
    const ofSwitch = "config switch_vlan\n option vlan '2'\n option ports '0t 4'\n";
    const other = 'is not taken over; ports keep their roles';
    test.each([
      [wan('eth1.7'), { port1: { vlan: 7 } }, []],
      [`${wan('fibre')}${device}`, { port1: { vlan: 7 } }, []],
      [
        `${device}${wan('fibre').replace("'dhcp'", "static\n option ipaddr '192.0.2.2/24'")}`,
        { port1: { vlan: 7 } },
        [],
      ],
      [`${wan('eth1')}${device}`, undefined, [`device (no name): ${other}`]],
      [wan('eth1.4095'), undefined, []],
      [
        `${wan('eth1.7')}config device\n option name 'eth1.7'\n option type '8021ad'\n option vid '7'\n`,
        undefined,
        [`device (no name): ${other}`],
      ],
      [
        `${wan('eth0.2')}${ofSwitch}`,
        undefined,
        [
          'interface wan: the VLAN 2 may be one of its switch alone; see network.underlay.uplinks',
          `switch_vlan (no name): ${other}`,
        ],
      ],
    ])('%j', (text, uplinks, notes) => {
      const imported = importUciNetwork(text, 'port1');
      if (!imported.ok) throw new Error(imported.reason);
      expect([imported.network.underlay?.uplinks, imported.notes]).toEqual([uplinks, notes]);
      expect(mergeLayers({ saved: { version: 1, network: imported.network } })).toMatchObject({ ok: true });
    });

    test('is told of where the box has several uplinks', () => {
      expect(importUciNetwork(wan('eth1.7'), null)).toMatchObject({
        network: { underlay: { ipv4: 'dhcp' } },
        notes: [expect.stringContaining('the VLAN 7 is not taken over')],
      });
    });

    test('a network is in the VLAN of a device with another name, too', () => {
      const text = `${device}config interface cctv\n option device fibre\n option proto static\n option ipaddr 10.1.0.1/24\n`;
      expect(importUciNetwork(text, null)).toMatchObject({
        network: { networks: { cctv: { vlan: 7 } } },
        notes: [],
      });
    });
  });

  test('DHCPv6 that asks for nothing is router advertisements alone', () => {
    const text =
      'config interface wan6\n option proto dhcpv6\n option reqaddress none\n option reqprefix no\n';
    expect(importUciNetwork(text, null)).toMatchObject({ network: { underlay: { ipv6: 'auto' } } });
    expect(JSON.stringify(importUciNetwork(text, null))).not.toContain('dhcpv6');
  });

  test.each([
    ["config interface 'lan", 'line 1 is no UCI: "config interface \'lan"'],
    ['option a b', 'line 1 is no UCI: "option a b"'],
    ['\nconfig\n', 'line 2 is no UCI: "config"'],
    ['{"version":1}', 'line 1 is no UCI'],
    ['#'.repeat(limits.uciLength + 1), 'more than'],
  ])('%j is none', (text, reason) => {
    expect(importUciNetwork(text.slice(0, limits.uciLength + 1), null)).toMatchObject({
      ok: false,
      reason: expect.stringContaining(reason),
    });
  });

  test('a netmask with holes is none', () => {
    const text =
      'config interface lan\n option proto static\n option ipaddr 10.0.0.1\n option netmask 255.0.255.0\n';
    expect(importUciNetwork(text, null)).toMatchObject({
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
        expect(typeof importUciNetwork(words.join(' '), null).ok).toBe('boolean');
      }),
    );
  });
});
