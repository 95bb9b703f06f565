import { describe, expect, test } from 'vitest';
import { mergeLayers } from '../../../../firmware/store/settings-layers.ts';
import { defaultSettings, type SettingsLayer } from '../../../../firmware/store/settings-schema.ts';
import {
  ipv4Draft,
  ipv4Settings,
  lanDraft,
  lanSettings,
  listOf,
  movePort,
  numberOf,
  portMtu,
  putChanged,
} from '../../../../firmware/webui/client/pages/network/network-edit.ts';

const edited = (network: NonNullable<SettingsLayer['network']> = {}) => {
  const saved: SettingsLayer = { version: 1, network };
  const merged = mergeLayers({ saved });
  if (!merged.ok) throw new Error(JSON.stringify(merged.problems));
  return { saved, inForce: merged.value };
};
/** What the box would say to it. */
const problemsOf = (saved: SettingsLayer) => {
  const merged = mergeLayers({ saved });
  return merged.ok ? [] : merged.problems.map(({ path }) => path);
};

describe('a port that is moved', () => {
  const cameras = { address: '10.0.20.1/24', dhcpServer: true, ports: ['port3', 'port4'] };
  const tagged = { address: '10.0.30.1/24', dhcpServer: true, vlan: 30, ports: ['port2', 'port3'] };

  test('gets another group, and keeps the MTU that it has of its own', () => {
    expect(movePort(edited(), 'port2', 'underlay').network).toEqual({ ports: { port2: 'underlay' } });
    const withMtu = edited({ ports: { port2: { role: 'lan', mtu: 1400 } } });
    expect(movePort(withMtu, 'port2', 'unused').network).toEqual({
      ports: { port2: { role: 'unused', mtu: 1400 } },
    });
  });

  test('goes into a network that has ports of its own, and out of the one it was in', () => {
    const settings = edited({ networks: { cameras } });
    expect(movePort(settings, 'port2', 'network:cameras').network).toEqual({
      ports: { port2: 'lan' },
      networks: { cameras: { ...cameras, ports: ['port3', 'port4', 'port2'] } },
    });
    for (const to of ['lan', 'underlay'] as const) {
      const moved = movePort(settings, 'port3', to);
      expect(moved.network?.networks?.['cameras']?.ports).toEqual(['port4']);
      expect(problemsOf(moved)).toEqual([]);
    }
  });

  test('stays with the VLANs tagged on it for as long as it is in the LAN', () => {
    const settings = edited({ networks: { tagged } });
    expect(movePort(settings, 'port3', 'lan').network?.networks?.['tagged']?.ports).toEqual(tagged.ports);
    expect(movePort(settings, 'port3', 'management').network?.networks?.['tagged']?.ports).toEqual(['port2']);
  });

  test('that was the last of a network: the box says so, and where', () => {
    const last = edited({ networks: { cameras: { ...cameras, ports: ['port3'] } } });
    expect(problemsOf(movePort(last, 'port3', 'lan'))).toEqual(['network.networks.cameras.ports']);
  });
});

test('the MTU of a port stands beside its group, where one is set', () => {
  expect(portMtu(edited(), 'port2', '1400').network).toEqual({ ports: { port2: { mtu: 1400 } } });
  const set = edited({ ports: { port2: 'underlay' } });
  expect(portMtu(set, 'port2', ' 9000 ').network).toEqual({
    ports: { port2: { role: 'underlay', mtu: 9000 } },
  });
  expect(portMtu(edited({ ports: { port2: { role: 'lan', mtu: 1400 } } }), 'port2', '').network).toEqual({
    ports: { port2: 'lan' },
  });
  expect(problemsOf(portMtu(set, 'port2', 'large'))).toEqual(['network.ports.port2.mtu']);
});

describe('the form of a LAN', () => {
  const full = {
    ...{ address: '192.168.5.1/24', dhcpServer: true, ipv6: 'fd00:5::1/64', outside: '10.5.0.0/24' },
    dhcpRange: ['192.168.5.50', '192.168.5.99'] as [string, string],
    reservations: [{ mac: '02:00:00:00:00:01', address: '192.168.5.10', name: 'press' }],
    ...{ internet: true, segmentation: 'ports' as const },
  };

  test('what it was filled with comes out of it', () => {
    expect(lanSettings(lanDraft(full))).toEqual(full);
    const network = { ...full, vlan: 20, ports: ['port2'] };
    expect(lanSettings(lanDraft(network))).toEqual(network);
  });

  test('only what was changed is put into the settings', () => {
    const settings = edited({ lan: { internet: true } });
    const draft = { ...lanDraft(settings.inForce.network.lan), address: ' 192.168.5.1/24 ', internet: false };
    expect(putChanged(settings, ['network', 'lan'], lanSettings(draft)).network).toEqual({
      lan: { address: '192.168.5.1/24' },
    });
    const { lan } = defaultSettings.network;
    expect(
      putChanged(settings, ['network', 'lan'], lanSettings(lanDraft({ ...lan, internet: true }))),
    ).toEqual(settings.saved);
  });

  test('what is no setting goes to the box, which says where it is wrong', () => {
    const draft = {
      ...lanDraft(full),
      ...{ address: '192.168.5.1', first: '192.168.6.1', vlan: 'many' },
      reservations: [{ mac: 'none', address: '', name: '' }],
    };
    const wanted = putChanged(edited(), ['network', 'networks', 'x'], lanSettings(draft));
    expect(problemsOf(wanted)).toEqual(
      expect.arrayContaining([
        'network.networks.x.address',
        'network.networks.x.reservations[0].mac',
        'network.networks.x.reservations[0].address',
        'network.networks.x.vlan',
      ]),
    );
  });
});

test('IPv4 of an uplink: by name, or whole', () => {
  for (const settings of ['dhcp', 'modem', undefined] as const)
    expect(ipv4Settings(ipv4Draft(settings))).toBe(settings);
  const fixed = { address: '203.0.113.5/24', gateway: '203.0.113.1', dns: ['192.0.2.1', '192.0.2.2'] };
  expect(ipv4Settings(ipv4Draft(fixed))).toEqual(fixed);
  expect(ipv4Settings({ ...ipv4Draft(fixed), gateway: ' ', dns: '' })).toEqual({
    address: fixed.address,
    dns: [],
  });
});

test('lists and numbers as they are typed', () => {
  expect(listOf(' 192.0.2.1,192.0.2.2  2001:db8::1 ,')).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::1']);
  expect(listOf('')).toEqual([]);
  expect([numberOf(' 20 '), numberOf(''), numberOf('2x'), numberOf('-1')]).toEqual([
    20,
    undefined,
    '2x',
    '-1',
  ]);
});
