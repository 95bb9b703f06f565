import { expect, test } from 'vitest';
import { type DesiredInput, type DesiredNetwork, desiredNetwork } from '../../firmware/netd/desired.ts';
import type { Lease } from '../../firmware/netd/lease.ts';
import { limits } from '../../firmware/netd/limits.ts';
import { assignPorts } from '../../firmware/netd/ports.ts';
import { uplinkPorts } from '../../firmware/netd/segments.ts';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';

const settings = defaultSettings.network;

function desire(
  count: number,
  roles: NetworkSettings['ports'] = {},
  change: Partial<DesiredInput> = {},
): DesiredNetwork {
  const nics = Array.from({ length: count }, (_, index) => ({
    kernelName: `eth${index}`,
    devicePath: null,
    devicePort: 0,
    mac: `02:00:00:00:00:0${index}`,
    driver: 'igc',
  }));
  const ports = assignPorts(nics, { order: 'kernel-name', named: [] }, roles);
  return desiredNetwork({
    settings,
    ports,
    leases: new Map(),
    claimed: true,
    firewallInForce: true,
    cpus: 2,
    ...change,
  });
}

const lease = (address: string, router: string): Lease => ({
  address,
  routes: [{ destination: 'default', gateway: router }],
  dns: [router, '9.9.9.9'],
  mtu: null,
});

const links = (network: DesiredNetwork) =>
  network.links.map(({ name, up, master, addresses }) =>
    [name, up ? 'up' : 'down', master, ...addresses].join(' '),
  );

function kernelValue(network: DesiredNetwork, path: string): string | undefined {
  return network.kernelValues.findLast((value) => value.path.endsWith(path))?.value;
}

test('three ports: the LAN group first, then the underlay', () => {
  const network = desire(3);
  expect(links(network)).toEqual([
    'br-lan up  192.168.1.1/24',
    'eth1 up br-lan',
    'eth2 up br-lan',
    'eth0 up ',
  ]);
  expect(network.links[0]?.mac).toBe('02:00:00:00:00:01');
  expect(network.dhcpClients).toEqual(['eth0']);
  expect(network.lanServices).toMatchObject({
    networks: [{ link: 'br-lan', pool: { first: '192.168.1.100' }, prefix: null }],
    forward: null,
  });
  expect(network.routes).toEqual([]);
});

test('one port alone is underlay: no bridge, no server, the page on it until it is claimed', () => {
  const [claimed, unclaimed] = [true, false].map((value) => desire(1, {}, { claimed: value }));
  expect(links(desire(1))).toEqual(['eth0 up ']);
  expect(claimed?.lanServices).toBeNull();
  expect(claimed?.firewall).not.toContain('443');
  expect(unclaimed?.firewall).toContain('tcp dport 443 accept');
});

test('with a LAN or a management port the underlay never has the page', () => {
  for (const roles of [{}, { port2: 'management' }] as const) {
    expect(desire(2, roles, { claimed: false }).firewall).not.toContain('page until claimed');
  }
  expect(desire(2, { port2: 'unused' }, { claimed: false }).firewall).toContain('page until claimed');
});

test('a lease is a layer: address, route and name servers follow from it; the first port’s default route wins', () => {
  const leases = new Map([
    ['eth0', lease('10.0.0.5/24', '10.0.0.1')],
    ['eth1', lease('10.1.0.5/24', '10.1.0.1')],
    ['eth7', lease('10.7.0.5/24', '10.7.0.1')],
  ]);
  const network = desire(2, { port2: 'underlay' }, { leases });
  expect(links(network)).toEqual(['eth0 up  10.0.0.5/24', 'eth1 up  10.1.0.5/24']);
  expect(network.routes.map(({ gateway, link, metric, onLink }) => [gateway, link, metric, onLink])).toEqual([
    ['10.0.0.1', 'eth0', 100, false],
    ['10.1.0.1', 'eth1', 101, false],
  ]);
  expect(network.nameServers).toEqual(['10.0.0.1', '9.9.9.9', '10.1.0.1']);
  const cloud = desire(1, {}, { leases: new Map([['eth0', lease('10.128.0.5/32', '10.128.0.1')]]) });
  expect(cloud.routes[0]?.onLink).toBe(true);
});

test('a static underlay has no client, and its address on the first port only', () => {
  const fixed: NetworkSettings = {
    ...settings,
    underlay: { ipv4: { address: '10.0.0.2/24', gateway: '10.0.0.1', dns: ['10.0.0.53'] }, ipv6: 'off' },
  };
  const leases = new Map([['eth0', lease('10.9.0.5/24', '10.9.0.1')]]);
  const network = desire(2, { port2: 'underlay' }, { settings: fixed, leases });
  expect(links(network)).toEqual(['eth0 up  10.0.0.2/24', 'eth1 up ']);
  expect(network.routes.map(({ destination, gateway, link }) => [destination, gateway, link])).toEqual([
    ['default', '10.0.0.1', 'eth0'],
  ]);
  expect(network.dhcpClients).toEqual([]);
  expect(network.nameServers).toEqual(['10.0.0.53']);
  // No addresses; but IPv6 itself stays on, or what ESP carries between HITs would be dropped at this link.
  expect(kernelValue(network, 'ipv6/conf/eth0/addr_gen_mode')).toBe('1');
  expect(kernelValue(network, 'ipv6/conf/eth0/disable_ipv6')).toBe('0');
  expect(network.links.map(({ ipv6 }) => ipv6)).toEqual(['none', 'none']);
});

test('IPv6 on the underlay is the kernel’s, also while forwarding; LAN ports have no addresses of their own', () => {
  const network = desire(2);
  expect(kernelValue(network, 'ipv6/conf/eth0/accept_ra')).toBe('2');
  expect(kernelValue(network, 'ipv6/conf/eth0/addr_gen_mode')).toBe('0');
  expect(kernelValue(network, 'ipv6/conf/eth1/disable_ipv6')).toBe('1');
  expect(kernelValue(network, 'ipv6/conf/br-lan/accept_ra')).toBe('0');
  expect(kernelValue(network, 'ipv4/ip_forward')).toBe('1');
  expect(kernelValue(network, 'ipv4/route/min_pmtu')).toBe(String(limits.leastKnownMtu));
});

test('without a ruleset in force the underlay stays down and nothing is forwarded; the LAN comes up', () => {
  const leases = new Map([['eth0', lease('10.0.0.5/24', '10.0.0.1')]]);
  const network = desire(2, {}, { firewallInForce: false, leases });
  expect(links(network)).toEqual(['br-lan up  192.168.1.1/24', 'eth1 up br-lan', 'eth0 down  10.0.0.5/24']);
  expect(network.routes).toEqual([]);
  expect(network.dhcpClients).toEqual([]);
  expect(kernelValue(network, 'ipv4/ip_forward')).toBe('0');
  expect(kernelValue(network, 'ipv6/conf/all/forwarding')).toBe('0');
});

test('packets are steered to the underlay’s half of the CPUs or to the other; one alone has nobody to steer to', () => {
  const masks = (ports: number, cpus: number) => Object.fromEntries(desire(ports, {}, { cpus }).steering);
  expect(masks(2, 1)).toEqual({ eth0: '0', eth1: '0' });
  expect(masks(2, 2)).toEqual({ eth0: '2', eth1: '1' });
  expect(masks(2, 5)).toEqual({ eth0: '1c', eth1: '3' });
  expect(masks(2, 64)).toEqual({ eth0: 'ffffffff00000000', eth1: 'ffffffff' });
  expect(masks(1, 4)).toEqual({ eth0: 'f' });
});

const networks: NetworkSettings = {
  ...settings,
  lan: { ...settings.lan, ipv6: '2001:DB8:0:1::1/64', outside: '10.77.1.0/24' },
  networks: {
    guest: { vlan: 10, address: '10.10.0.1/24', dhcpServer: true, internet: true },
    machines: { vlan: 20, address: '10.20.0.1/24', dhcpServer: false, ports: ['port3'] },
  },
  routes: [
    { destination: '10.99.0.0/16', gateway: '10.20.0.254' },
    { destination: '10.98.0.0/16', gateway: '172.16.0.1' },
  ],
  dns: { forward: true },
};

test('networks: a bridge each, with VLANs of the LAN’s ports or of those that it names', () => {
  const network = desire(3, {}, { settings: networks });
  expect(links(network)).toEqual([
    'br-lan up  192.168.1.1/24 2001:db8:0:1::1/64',
    'eth1 up br-lan',
    'eth2 up br-lan',
    'br-guest up  10.10.0.1/24',
    'port2.10 up br-guest',
    'port3.10 up br-guest',
    'br-machines up  10.20.0.1/24',
    'port3.20 up br-machines',
    'eth0 up ',
  ]);
  expect(network.links.find(({ name }) => name === 'port3.20')?.tagged).toEqual({ parent: 'eth2', id: 20 });
  expect(network.routes).toEqual([
    { destination: '10.99.0.0/16', gateway: '10.20.0.254', onLink: false, link: 'br-machines', metric: 0 },
  ]);
  expect(network.lanServices?.networks.map(({ link, pool }) => [link, pool?.first ?? null])).toEqual([
    ['br-lan', '192.168.1.100'],
    ['br-guest', '10.10.0.100'],
    ['br-machines', null],
  ]);
  expect(network.lanServices?.forward).toEqual({ servers: [] });
  expect(kernelValue(network, 'ipv6/conf/port3.20/disable_ipv6')).toBe('1');
});

test('a port’s MTU is the administrator’s before the lease’s; an uplink has its own address', () => {
  const own: NetworkSettings = {
    ...settings,
    ports: { port1: { mtu: 1400 }, port2: { role: 'underlay' } },
    underlay: {
      ...settings.underlay,
      uplinks: { port2: { ipv4: { address: '10.1.0.2/24', gateway: '10.1.0.1', dns: ['10.1.0.53'] } } },
    },
  };
  const leases = new Map([['eth0', { ...lease('10.0.0.5/24', '10.0.0.1'), mtu: 1300 }]]);
  const network = desire(2, own.ports, { settings: own, leases });
  expect(network.links.map(({ name, mtu }) => [name, mtu])).toEqual([
    ['eth0', 1400],
    ['eth1', null],
  ]);
  expect(network.routes.map(({ gateway, metric }) => [gateway, metric])).toEqual([
    ['10.0.0.1', 100],
    ['10.1.0.1', 101],
  ]);
  expect(network.dhcpClients).toEqual(['eth0']);
  expect(network.nameServers).toEqual(['10.0.0.1', '9.9.9.9', '10.1.0.53']);
});

test('no port at all is a state like any other', () => {
  const network = desire(0);
  expect(links(network)).toEqual([]);
  expect(network.firewall).toContain('policy drop');
});

test('routers that announce themselves are ranked as the uplinks are, before the kernel’s own routes to them', () => {
  const announced = ['eth0', 'eth1', 'eth1'].map((link, index) => ({
    ...{ destination: 'default', gateway: `fe80::${index + 1}`, onLink: false, link, metric: 1024 },
  }));
  const roles = { port1: 'underlay', port2: 'underlay' } as const;
  const ranked = (change: Partial<DesiredInput>) =>
    desire(2, roles, { announced, uplinkOrder: ['eth1', 'eth0'], ...change }).routes.map(
      ({ gateway, metric }) => `${gateway} ${metric}`,
    );
  expect(ranked({})).toEqual(['fe80::2 100', 'fe80::1 101']);
  expect(ranked({ uplinkOrder: ['eth0', 'eth1'] })).toEqual(['fe80::1 100', 'fe80::2 101']);
  expect(ranked({ firewallInForce: false })).toEqual([]);
});

test('name servers of the uplink that is preferred are asked first', () => {
  const leases = new Map([
    ['eth0', lease('10.0.0.2/24', '10.0.0.1')],
    ['eth1', lease('10.1.0.2/24', '10.1.0.1')],
  ]);
  const network = desire(
    2,
    { port1: 'underlay', port2: 'underlay' },
    { leases, uplinkOrder: ['eth1', 'eth0'] },
  );
  expect(network.nameServers).toEqual(['10.1.0.1', '9.9.9.9', '10.0.0.1']);
  expect(network.nameServersOf.get('eth0')).toEqual(['10.0.0.1', '9.9.9.9']);
});

test('a modem’s address is a lease that no DHCP client asks for', () => {
  const modem = { device: 'ttyUSB2', apn: 'internet' };
  const uplinks = { port2: { ipv4: 'modem', modem } } as const;
  const network = desire(
    2,
    { port2: 'underlay' },
    {
      settings: { ...settings, underlay: { ...settings.underlay, uplinks } },
      leases: new Map([['eth1', lease('10.64.1.2/30', '10.64.1.1')]]),
    },
  );
  expect(network.dhcpClients).toEqual(['eth0']);
  expect(network.links.find(({ name }) => name === 'eth1')?.addresses).toEqual(['10.64.1.2/30']);
  expect(network.routes).toEqual([
    { destination: 'default', gateway: '10.64.1.1', onLink: false, link: 'eth1', metric: 101 },
  ]);
});

test('an uplink in a VLAN: all that is the uplink’s is the VLAN’s, and the NIC under it has nothing', () => {
  const uplinks = { port1: { vlan: 7 } };
  const tagged = {
    ...settings,
    ports: { port1: { mtu: 1400 } },
    underlay: { ...settings.underlay, uplinks },
  };
  const nics = ['eth0', 'eth1'].map((kernelName) => ({
    ...{ kernelName, devicePath: null, devicePort: 0, mac: null, driver: null },
  }));
  const ports = uplinkPorts(tagged, assignPorts(nics, { order: 'kernel-name', named: [] }, tagged.ports));
  const leases = new Map([['port1.7', lease('10.0.0.5/24', '10.0.0.1')]]);
  const network = desire(2, {}, { settings: tagged, ports, leases });
  expect(network.links.slice(-2)).toMatchObject([
    { name: 'eth0', kind: 'port', up: true, mtu: 1400, addresses: [], ipv6: 'none' },
    { name: 'port1.7', kind: 'vlan', tagged: { parent: 'eth0', id: 7 }, addresses: ['10.0.0.5/24'] },
  ]);
  expect(network.routes).toMatchObject([{ destination: 'default', link: 'port1.7' }]);
  expect(network.dhcpClients).toEqual(['port1.7']);
  expect([...network.steering.keys()]).toEqual(['eth0', 'eth1']);
  expect(kernelValue(network, 'ipv6/conf/eth0/disable_ipv6')).toBe('1');
  expect(kernelValue(network, 'ipv6/conf/port1.7/accept_ra')).toBe('2');
  expect(network.firewall).toContain('"port1.7" : jump input_underlay');
  expect(network.firewall).not.toContain('"eth0"');
});

test('what DHCPv6 gives: an address on the uplink, and a /64 of the preferred uplink’s prefix for each network', () => {
  const given = (prefix: string, address: string | null = null) => {
    return { address, prefix, dns: ['2001:db8::53'], seconds: 60 };
  };
  const leases6 = new Map([
    ['eth0', given('2001:db8:ff00::/62', '2001:db8::1000/128')],
    ['eth1', given('2001:db8:ee00::/56')],
  ]);
  const both: NetworkSettings = {
    ...settings,
    underlay: { ...settings.underlay, dhcpv6: true },
    lan: { ...settings.lan, ipv6: 'fd00::1/64', delegated: 2 },
    networks: { guest: { vlan: 10, address: '10.10.0.1/24', dhcpServer: false, delegated: 4 } },
  };
  const bridges = (change: Partial<DesiredInput>) => {
    const network = desire(3, { port2: 'underlay' }, { settings: both, leases6, ...change });
    return links(network).filter((text) => text.startsWith('br-'));
  };
  // A /62 has no fifth network.
  expect(bridges({})).toEqual([
    'br-lan up  192.168.1.1/24 fd00::1/64 2001:db8:ff00:2::1/64',
    'br-guest up  10.10.0.1/24',
  ]);
  expect(bridges({ uplinkOrder: ['eth1', 'eth0'] })).toEqual([
    'br-lan up  192.168.1.1/24 fd00::1/64 2001:db8:ee00:2::1/64',
    'br-guest up  10.10.0.1/24 2001:db8:ee00:4::1/64',
  ]);
  const network = desire(3, { port2: 'underlay' }, { settings: both, leases6 });
  expect(links(network)).toContain('eth0 up  2001:db8::1000/128');
  expect(network.nameServers).toEqual(['2001:db8::53']);
  expect(network.dhcpv6Clients).toEqual(['eth0', 'eth1']);
  const closed = desire(3, {}, { settings: both, leases6, firewallInForce: false });
  expect(closed.dhcpv6Clients).toEqual([]);
});
