import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { lanServicesFor, renderLanServices } from '../../firmware/netd/lan-services.ts';
import { assignPorts } from '../../firmware/netd/ports.ts';
import { segmentsOf } from '../../firmware/netd/segments.ts';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';

const nic = (kernelName: string) => ({
  ...{ kernelName, devicePath: null, devicePort: 0, mac: null, driver: null },
});
const ports = assignPorts([nic('eth0'), nic('eth1')], { order: 'kernel-name', named: [] }, {});

function configuration(change: Partial<NetworkSettings>): string {
  const settings: NetworkSettings = { ...defaultSettings.network, ...change };
  const services = lanServicesFor(segmentsOf(settings, ports), settings.dns, ['10.0.0.53']);
  return services === null ? '' : renderLanServices(services, '/run/hithe/dhcp');
}

const golden = (name: string) => readFileSync(new URL(`../golden/netd/${name}`, import.meta.url), 'utf8');

test('what an untouched box serves its LAN: addresses, and names of the hosts alone', () => {
  expect(configuration({})).toBe(golden('dnsmasq-lan.conf'));
});

test('a delegated prefix is announced as whatever the bridge has of it, and goes as dnsmasq sees it go', () => {
  const delegated = configuration({ lan: { ...defaultSettings.network.lan, delegated: 3 } });
  expect(delegated.split('\n')).toContain('enable-ra');
  expect(delegated).toContain('\ndhcp-range=set:lan,::,constructor:br-lan,ra-stateless,64,3600\n');
});

test('hosts that are given addresses are told to ask the gateway for the time where it tells it', () => {
  const lan = { ...defaultSettings.network.lan, ntpServer: true };
  expect(configuration({ lan }).split('\n')).toContain('dhcp-option=tag:lan,option:ntp-server,0.0.0.0');
  expect(configuration({ lan: { ...lan, dhcpServer: false } })).not.toContain('ntp');
});

test('hosts that make their IPv6 addresses themselves are told it too, whether the prefix is fixed or delegated', () => {
  const lan = { ...defaultSettings.network.lan, dhcpServer: false };
  const told = (change: object) =>
    configuration({ lan: { ...lan, ...change } })
      .split('\n')
      .filter((line) => line.startsWith('dhcp-option='));
  const options = [
    'dhcp-option=tag:br-lan,option6:ntp-server,[::]',
    'dhcp-option=tag:br-lan,option6:sntp-server,[::]',
  ];
  expect(told({ ntpServer: true, ipv6: 'fd00:1::1/64' })).toEqual(options);
  expect(told({ ntpServer: true, delegated: 3 })).toEqual(options);
  expect(told({ ntpServer: true })).toEqual([]);
  expect(told({ ipv6: 'fd00:1::1/64' })).toEqual([]);
});

test('networks, reservations, an announced prefix, names of the world', () => {
  const text = configuration({
    lan: {
      ...{ address: '192.168.1.1/24', dhcpServer: true, ipv6: '2001:db8::1/64' },
      reservations: [
        { mac: '02:00:00:00:00:01', address: '192.168.1.50', name: 'press' },
        { mac: '02:00:00:00:00:02', address: '192.168.1.51' },
      ],
    },
    networks: {
      guest: { vlan: 10, address: '10.10.0.1/24', dhcpServer: true, dhcpRange: ['10.10.0.5', '10.10.0.6'] },
      machines: { vlan: 20, address: '10.20.0.1/24', dhcpServer: false },
    },
    dns: { forward: true },
  });
  expect(text).toBe(golden('dnsmasq-networks.conf'));
  expect(configuration({ dns: { forward: true, servers: ['9.9.9.9'] } })).toContain('\nserver=9.9.9.9\n');
});
