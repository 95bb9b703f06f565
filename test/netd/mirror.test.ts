import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { desiredNetwork } from '../../firmware/netd/desired.ts';
import { mirrorOf, mirrorStatus } from '../../firmware/netd/mirror.ts';
import { describeOther } from '../../firmware/netd/plan-text.ts';
import { assignPorts } from '../../firmware/netd/ports.ts';
import { uplinkPorts } from '../../firmware/netd/segments.ts';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';

const base: NetworkSettings = {
  ...defaultSettings.network,
  ports: { port5: { role: 'unused', mtu: 2000 }, port6: 'unused' },
  underlay: { ...defaultSettings.network.underlay, uplinks: { port1: { vlan: 7 } } },
  networks: {
    guest: { vlan: 10, address: '10.10.0.1/24', dhcpServer: true },
    press: { ports: ['port4'], address: '10.20.0.1/24', dhcpServer: true },
    later: { ports: ['port9'], address: '10.30.0.1/24', dhcpServer: true },
  },
};

/** port1 is the underlay, port2 to port4 the LAN's, port5 and port6 unused. */
function portsOf(settings: NetworkSettings, count = 6) {
  const nics = Array.from({ length: count }, (_, index) => ({
    ...{ kernelName: `eth${index}`, devicePath: null, devicePort: 0, mac: null, driver: 'igc' },
  }));
  return uplinkPorts(settings, assignPorts(nics, { order: 'kernel-name', named: [] }, settings.ports));
}

function mirroring(...from: string[]): NetworkSettings {
  return { ...base, mirror: { from, to: 'port5' } };
}

const rules = (settings: NetworkSettings) =>
  (mirrorOf(settings, portsOf(settings))?.ruleset ?? '').split('\n').filter((line) => line.includes('dup'));

function desire(settings: NetworkSettings, firewallInForce = true) {
  const ports = portsOf(settings);
  return desiredNetwork({ settings, ports, leases: new Map(), claimed: true, firewallInForce, cpus: 2 });
}

test('the LAN, a VLAN and the underlay are the recorded ruleset', () => {
  const settings = mirroring('lan', 'guest', 'underlay');
  expect(mirrorOf(settings, portsOf(settings))?.ruleset).toBe(
    readFileSync(new URL('../golden/netd/mirror.nft', import.meta.url), 'utf8'),
  );
});

test.each<[string[], string[]]>([
  [['port2'], ['"eth1" } dup']],
  // A NIC is copied as a whole, its VLANs with it.
  [['port1'], ['"eth0" } dup']],
  [['press'], ['"eth3" } ether type != 8021q dup']],
  // Nothing is copied twice for being named twice.
  [
    ['lan', 'port2', 'port2'],
    ['"eth2" } ether type != 8021q dup', '"eth1" } dup'],
  ],
  [['later'], []],
  [['port9', 'management'], []],
])('%j', (from, expected) => {
  expect(rules(mirroring(...from)).sort()).toEqual(
    ['iifname', 'oifname']
      .flatMap((side) => expected.map((each) => `\t\t${side} { ${each} to "eth4"`))
      .sort(),
  );
});

test('the analyser’s port comes up with its MTU and without addresses, in no bridge; other unused ports stay down', () => {
  const link = (network: ReturnType<typeof desire>, name: string) =>
    network.links.find((each) => each.name === name);
  const network = desire(mirroring('lan'));
  expect(link(network, 'eth4')).toMatchObject({ up: true, mtu: 2000, master: null, addresses: [] });
  expect(link(network, 'eth5')).toMatchObject({ up: false });
  expect(network.kernelValues).toContainEqual({
    ...{ path: '/proc/sys/net/ipv6/conf/eth4/disable_ipv6', value: '1', link: 'eth4' },
  });
  expect(link(desire(mirroring('lan'), false), 'eth4')).toMatchObject({ up: false });
  expect(link(desire(base), 'eth4')).toMatchObject({ up: false, mtu: null });
});

test('the base ruleset is the same with and without, and a plan shows the rules', () => {
  const [before, after] = [desire(base), desire(mirroring('port2'))];
  expect(after.firewall).toBe(before.firewall);
  expect(describeOther(before, after)).toContain('rule added: iifname { "eth1" } dup to "eth4"');
  expect(describeOther(after, before)).toContain('rule removed: iifname { "eth1" } dup to "eth4"');
});

test('what leads nowhere is said', () => {
  const settings = mirroring('lan', 'later', 'port9');
  expect(mirrorStatus(base, portsOf(base))).toBeNull();
  expect(mirrorStatus(settings, portsOf(settings))).toEqual({
    ...{ to: 'port5', from: ['port2', 'port3'], problem: 'later has no port, port9 has no port' },
  });
  expect(mirrorStatus(settings, portsOf(settings, 4))?.problem).toContain('port5 is not there');
  expect(mirrorOf(settings, portsOf(settings, 4))).toBeNull();
});
