import { expect, test } from 'vitest';
import { desiredNetwork } from '../../../firmware/netd/desired.ts';
import { lanLinks, linksKeptApart } from '../../../firmware/netd/policy/links.ts';
import { assignPorts } from '../../../firmware/netd/ports.ts';
import type { NetworkSettings } from '../../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../../firmware/store/settings-schema.ts';

const { network } = defaultSettings;
const settings: NetworkSettings = {
  ...network,
  ports: { port1: 'lan', port2: 'lan' },
  networks: {
    cell: { vlan: 4, address: '10.4.0.1/24', dhcpServer: true, segmentation: 'ports' },
    guest: { vlan: 5, address: '10.5.0.1/24', dhcpServer: true, segmentation: 'none' },
  },
};

test('ports of the networks that say so are kept apart, by the policy and by the firewall alike', () => {
  expect(linksKeptApart(network)).toEqual([]);
  expect([lanLinks(settings), linksKeptApart(settings)]).toEqual([
    ['br-lan', 'br-cell', 'br-guest'],
    ['br-cell'],
  ]);
  const all = { ...settings, lan: { ...settings.lan, segmentation: 'ports' as const } };
  expect(linksKeptApart(all)).toEqual(['br-lan', 'br-cell']);
  const nics = [0, 1].map((index) => ({
    ...{ kernelName: `eth${index}`, devicePath: null, devicePort: index, mac: null, driver: 'veth' },
  }));
  const firewallOf = (given: NetworkSettings) =>
    desiredNetwork({
      settings: given,
      ports: assignPorts(nics, { order: 'kernel-name', named: [] }, given.ports),
      ...{ leases: new Map(), claimed: true, firewallInForce: true, cpus: 1 },
    }).firewall;
  expect(firewallOf(all)).toContain('meta ibrname != { "br-lan", "br-cell" } accept');
  expect(firewallOf({ ...settings, networks: {} })).not.toContain('ibrname');
});
