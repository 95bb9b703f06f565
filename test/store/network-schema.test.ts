import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/store/limits.ts';
import { mergeLayers, parseSettingsLayer } from '../../firmware/store/settings-layers.ts';

function problems(network: object): string[] {
  const parsed = parseSettingsLayer(JSON.stringify({ version: 1, network }));
  const merged = parsed.ok ? mergeLayers({ saved: parsed.value }) : parsed;
  return merged.ok ? [] : merged.problems.map(({ path, problem }) => `${path}: ${problem}`);
}
const modem = { device: 'ttyUSB2', apn: 'iot.example-1' };
const numbered = (count: number, value: unknown) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`port${index}`, value]));
const guest = { vlan: 10, address: '10.10.0.1/24', dhcpServer: true };

describe('networks', () => {
  test('everything that a network may say, at once', () => {
    expect(
      problems({
        ports: {
          port1: { mtu: limits.mtu[0] },
          port2: { role: 'lan', mtu: limits.mtu[1] },
          port3: 'lan',
          port5: 'unused',
        },
        underlay: {
          dhcpv6: true,
          uplinks: { port1: { ipv4: 'dhcp', priority: 1, vlan: 7 }, port4: { ipv4: 'modem', modem } },
          probes: ['9.9.9.9', '2620:fe::fe'],
        },
        lan: {
          outside: '10.77.1.0/24',
          ipv6: '2001:db8::1/64',
          delegated: limits.delegatedNumber,
          dhcpRange: ['192.168.1.10', '192.168.1.20'],
          reservations: [{ mac: '02:00:00:00:00:01', address: '192.168.1.50', name: 'press' }],
        },
        networks: { guest, machines: { ports: ['port3'], address: '10.20.0.1/24', dhcpServer: false } },
        routes: [{ destination: '0.0.0.0/0', gateway: '192.168.1.9' }],
        ntp: { servers: ['192.0.2.123', '2001:db8::123', 'ntp.example', 'time.example'] },
        dns: { forward: true, servers: ['9.9.9.9', '2620:fe::fe'] },
        mirror: { from: ['lan', 'guest', 'underlay', 'port3'], to: 'port5' },
      }),
    ).toEqual([]);
  });

  test.each<[object, string]>([
    [{ underlay: { ipv6: 'off', dhcpv6: true } }, 'underlay.dhcpv6: the underlay has no IPv6'],
    [{ underlay: { uplinks: { port1: { vlan: 4095 } } } }, 'underlay.uplinks.port1.vlan'],
    [{ lan: { ntpServer: true } }, 'lan.ntpServer: nobody tells the box the time'],
    [{ lan: { delegated: 0 } }, 'lan.delegated: nobody asks for a prefix'],
    [{ underlay: { dhcpv6: true }, lan: { delegated: limits.delegatedNumber + 1 } }, 'lan.delegated'],
    [
      {
        underlay: { dhcpv6: true },
        lan: { delegated: 1 },
        networks: { guest: { ...guest, delegated: 1 } },
      },
      'networks.guest.delegated: is the number of lan',
    ],
    [
      { networks: { guest: { ...guest, address: '192.168.0.1/16' } } },
      'networks.guest.address: guest and lan',
    ],
    [
      { networks: { guest, two: { ...guest, address: '10.11.0.1/24' } } },
      'networks.two.vlan: the VLAN is that of guest',
    ],
    [
      { networks: { guest: { address: '10.10.0.1/24', dhcpServer: true } } },
      'networks.guest: has to have a VLAN, or ports of its own',
    ],
    [
      {
        networks: {
          a: { ports: ['port3'], address: '10.1.0.1/24', dhcpServer: true },
          b: { ports: ['port3'], address: '10.2.0.1/24', dhcpServer: true },
        },
      },
      'networks.b.ports: port3 is a port of a',
    ],
    [{ networks: { lan: guest } }, 'networks.lan: is no such name: is taken by the box'],
    [{ networks: { guest: { ...guest, vlan: 4095 } } }, 'networks.guest.vlan: '],
    [{ lan: { outside: '10.0.0.0/16' } }, 'lan.outside: must be as large as the network itself'],
    [{ lan: { ipv6: '2001:db8::1/48' } }, 'lan.ipv6: hosts make addresses only in a /64'],
    [{ lan: { dhcpRange: ['192.168.1.9', '192.168.1.8'] } }, 'lan.dhcpRange: ends before it begins'],
    [{ lan: { dhcpRange: ['192.168.2.1', '192.168.2.8'] } }, 'lan.dhcpRange[0]: is not in the network'],
    [
      { lan: { reservations: [{ mac: '02:00:00:00:00:01', address: '10.0.0.1' }] } },
      'lan.reservations[0].address: is not in the network',
    ],
    [
      { lan: { reservations: [{ mac: '02:00:00:00:00:01\nx', address: '192.168.1.5' }] } },
      'lan.reservations[0].mac: must read',
    ],
    [
      { underlay: { uplinks: { port1: { ipv4: 'modem' } } } },
      'underlay.uplinks.port1.ipv4: there is no modem to tell it',
    ],
    [
      { underlay: { uplinks: { port1: { modem }, port2: { modem } } } },
      'underlay.uplinks.port2.modem.device: is the modem of port1',
    ],
    ...['a".b', 'a\r', 'a..b', '', 'a'.repeat(limits.apnLength + 1)].map((apn): [object, string] => [
      { underlay: { uplinks: { port1: { modem: { ...modem, apn } } } } },
      'underlay.uplinks.port1.modem.apn: ',
    ]),
    ...['123', '123456789', '12a4', '1234\r', '(hidden)'].map((pin): [object, string] => [
      { underlay: { uplinks: { port1: { modem: { ...modem, pin } } } } },
      'underlay.uplinks.port1.modem.pin: must be four to eight digits',
    ]),
    [
      { underlay: { uplinks: { port1: { modem: { ...modem, device: '../sda' } } } } },
      'underlay.uplinks.port1.modem.device: must read',
    ],
    [{ ports: numbered(limits.ports + 1, 'lan') }, `ports: at most ${limits.ports} ports`],
    [
      { underlay: { uplinks: numbered(limits.ports + 1, { vlan: 7 }) } },
      `underlay.uplinks: at most ${limits.ports} ports`,
    ],
    [{ ntp: { servers: Array(limits.timeServers + 1).fill('192.0.2.1') } }, 'ntp.servers: '],
    [{ ntp: { servers: ['-a b'] } }, 'ntp.servers[0]: '],
    [{ ports: { port1: { mtu: limits.mtu[0] - 1 } } }, 'ports.port1.mtu: '],
    [{ ports: { port1: { mtu: limits.mtu[1] + 1 } } }, 'ports.port1.mtu: '],
    ...[{}, { port4: 'lan' }, { port4: { mtu: 1500 } }].map((ports): [object, string] => [
      { ports, mirror: { from: ['lan'], to: 'port4' } },
      'mirror.to: an analyser needs a port of its own: set network.ports.port4 to unused',
    ]),
    [
      { ports: { port4: 'unused' }, mirror: { from: ['lan', 'port4'], to: 'port4' } },
      'mirror.from[1]: port4 is unused: nothing passes it',
    ],
    [{ ports: { port4: 'unused' }, mirror: { from: [], to: 'port4' } }, 'mirror.from: '],
    [{ routes: [{ destination: '2001:db8::/32', gateway: '10.0.0.1' }] }, 'routes[0].destination: '],
  ])('%j', (network, expected) => {
    expect(problems(network)).toContainEqual(expect.stringContaining(`network.${expected}`));
  });

  test('as many as there may be, and not one more', () => {
    const many = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => [
          `n${index}`,
          { vlan: index + 1, address: `10.${index}.0.1/24`, dhcpServer: false },
        ]),
      );
    expect(problems({ networks: many(limits.networks) })).toEqual([]);
    expect(problems({ networks: many(limits.networks + 1) })).not.toEqual([]);
  });
});
