import { describe, expect, test } from 'vitest';
import { settingsDifference } from '../../../../firmware/store/settings-diff.ts';
import { defaultSettings, type Settings } from '../../../../firmware/store/settings-schema.ts';
import {
  consequencesOf,
  describeChanges,
  valueWords,
} from '../../../../firmware/webui/client/settings/change-words.ts';
import { texts } from '../../../../firmware/webui/client/texts.ts';

const { network } = defaultSettings;
const withNetwork = (changed: Partial<Settings['network']>) => ({
  ...defaultSettings,
  network: { ...network, ...changed },
});
const changesTo = (after: unknown, before: unknown = defaultSettings) =>
  settingsDifference(before, after).changes;
const lines = (after: unknown, before?: unknown) =>
  describeChanges(changesTo(after, before)).map(
    ({ what, before: was, after: is }) => `${what}: ${was ?? '–'} → ${is ?? '–'}`,
  );

describe('changes in words', () => {
  test.each<[string, unknown, string[]]>([
    [
      'the address of the LAN',
      withNetwork({ lan: { ...network.lan, address: '192.168.5.1/24' } }),
      ['LAN: address: 192.168.1.1/24 → 192.168.5.1/24'],
    ],
    ['the name', { ...defaultSettings, hostname: 'gate' }, ['Name of the box: hithe → gate']],
    ['a port in another group', withNetwork({ ports: { port2: 'underlay' } }), ['Port port2: – → underlay']],
    [
      'a port with an MTU',
      withNetwork({ ports: { port2: { role: 'lan', mtu: 1400 } } }),
      ['Port port2: – → LAN, MTU 1400'],
    ],
    [
      'a static uplink',
      withNetwork({
        underlay: {
          ...network.underlay,
          ipv4: { address: '203.0.113.5/24', gateway: '203.0.113.1', dns: [] },
        },
      }),
      ['Underlay: IPv4: by DHCP → 203.0.113.5/24, gateway 203.0.113.1, name servers none'],
    ],
    [
      'a network',
      withNetwork({ networks: { cameras: { vlan: 20, address: '10.0.20.1/24', dhcpServer: true } } }),
      ['Network cameras: – → VLAN 20, 10.0.20.1/24, gives out addresses (DHCP) on'],
    ],
    [
      'ranges and switches',
      withNetwork({
        lan: {
          ...network.lan,
          dhcpServer: false,
          dhcpRange: ['192.168.1.50', '192.168.1.99'],
          segmentation: 'ports',
        },
      }),
      [
        'LAN: gives out addresses (DHCP): on → off',
        'LAN: range of addresses: – → 192.168.1.50 – 192.168.1.99',
        'LAN: between ports: – → kept apart',
      ],
    ],
  ])('%s', (_, after, expected) => expect(lines(after)).toEqual(expected));

  test('elements that have names are told by them, others by their place', () => {
    const peer = {
      name: 'plant 2',
      uri: 'hip://plant.example/2001:20::1',
      protectedPrefixes: ['10.1.0.0/16'],
    };
    const withPeer = { ...defaultSettings, overlay: { ...defaultSettings.overlay, peers: [peer] } };
    expect(lines(withPeer)).toEqual([
      'Peer plant 2: – → plant 2, hip://plant.example/2001:20::1, networks behind it 10.1.0.0/16',
    ]);
    const moved = { ...peer, uri: 'hip://new.example/2001:20::1' };
    expect(lines({ ...withPeer, overlay: { ...withPeer.overlay, peers: [moved] } }, withPeer)).toEqual([
      'Peer plant 2: address and HIT: hip://plant.example/2001:20::1 → hip://new.example/2001:20::1',
    ]);
    const routes = [{ destination: '10.9.0.0/16', gateway: '192.168.1.9' }];
    const further = [...routes, { destination: '10.8.0.0/16', gateway: '192.168.1.8' }];
    expect(lines(withNetwork({ routes: further }), withNetwork({ routes }))).toEqual([
      'Route 2: – → to 10.8.0.0/16, gateway 192.168.1.8',
    ]);
  });

  test('what was cut short, or has no words here, stands as the box writes it', () => {
    const change = { path: 'later.setting["x y"]', before: '{"a":"aaa…', after: '3' };
    expect(describeChanges([change])).toEqual([
      { kind: 'changed', what: 'later, setting, x y', before: '{"a":"aaa…', after: '3' },
    ]);
    expect(describeChanges([{ path: '', before: '1', after: null }])).toEqual([
      { kind: 'removed', what: texts.settings.everything, before: '1', after: null },
    ]);
    expect(valueWords({})).toBe(texts.settings.asBefore);
  });
});

describe('what a person should know before', () => {
  const { consequence } = texts.settings;
  const told = (after: Settings, host = '192.168.1.1') => consequencesOf(changesTo(after), host);

  test('that this page moves, or that only others do', () => {
    const after = withNetwork({ lan: { ...network.lan, address: '192.168.5.1/24' } });
    expect(told(after)).toEqual([consequence.pageMoves('https://192.168.5.1')]);
    expect(told(after, 'hithe.local')).toEqual([consequence.renew]);
  });

  test('that a port becomes an uplink, or changes its network', () => {
    expect(told(withNetwork({ ports: { port2: 'underlay', port3: { role: 'unused' } } }))).toEqual([
      consequence.toUnderlay('port2'),
      consequence.moved('port3'),
    ]);
  });

  test('that something becomes less safe', () => {
    const { lan } = network;
    expect(told(withNetwork({ lan: { ...lan, internet: true, dhcpServer: false } }))).toEqual([
      consequence.noDhcp,
      consequence.internet,
    ]);
    expect(told(withNetwork({ dns: { forward: true } }))).toEqual([consequence.forward]);
    expect(told(withNetwork({ dns: { forward: false } }))).toEqual([]);
  });

  test('nothing of what has none', () => expect(told({ ...defaultSettings, hostname: 'gate' })).toEqual([]));
});
