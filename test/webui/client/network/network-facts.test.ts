import { describe, expect, test } from 'vitest';
import {
  groupOfPort,
  groupsOf,
  type Interface,
  networkAnswer,
  portsOnFace,
  speedWords,
  type Uplink,
  uplinkReasons,
} from '../../../../firmware/webui/client/pages/network/network-facts.ts';
import { texts } from '../../../../firmware/webui/client/texts.ts';
import { normalStatus } from '../../status-fixtures.ts';

const { network } = normalStatus(0);
const [template] = network.interfaces;
if (template === undefined) throw new Error('an interface');
const port = (name: string, fields: Partial<Interface> = {}): Interface => ({
  ...template,
  ...{ name, kernelName: `eth${name.slice(4)}`, role: 'lan', addresses: [], uplink: null },
  ...fields,
});
const good: Uplink = { works: true, score: 100, place: 1, look: null, secondsToChange: null, modem: null };
const text = texts.network;

test('ports stand in the order of their numbers, and nothing else among them', () => {
  const names = ['port10', 'br-lan', 'port2', 'hip0', 'port1'].map((name) => port(name));
  expect(portsOnFace(names).map(({ name }) => name)).toEqual(['port1', 'port2', 'port10']);
});

describe('port groups', () => {
  const interfaces = [
    port('port1', { role: 'underlay', addresses: ['203.0.113.17/24', 'fe80::1/64'] }),
    ...['port2', 'port3', 'port4'].map((name) => port(name)),
    port('port5', { role: 'unused' }),
    port('br-lan', { kernelName: 'br-lan', addresses: ['192.168.1.1/24', 'fe80::2/64'] }),
    port('br-cameras', { kernelName: 'br-cameras', addresses: ['10.0.20.1/24'] }),
  ];
  const networks = {
    cameras: { address: '10.0.20.1/24', dhcpServer: true, ports: ['port3'] },
    voice: { address: '10.0.30.1/24', dhcpServer: true, vlan: 30 },
    guests: { address: '10.0.40.1/24', dhcpServer: true, vlan: 40, ports: ['port4'] },
  };
  const described = (settings: { networks?: typeof networks } | null) =>
    groupsOf(interfaces, settings).map(({ name, ports, addresses }) => [
      name,
      ports.map((each) => each.name).join(' '),
      addresses.join(' '),
    ]);

  test('without settings, by what the status says', () =>
    expect(described(null)).toEqual([
      ['underlay', 'port1', '203.0.113.17/24'],
      ['lan', 'port2 port3 port4', '192.168.1.1/24'],
      ['management', '', ''],
      ['unused', 'port5', ''],
    ]));

  test('networks have ports of their own, or stand on the LAN’s with a tag', () => {
    expect(described({ networks }).slice(1, 5)).toEqual([
      ['lan', 'port2 port4', '192.168.1.1/24'],
      ['network:cameras', 'port3', '10.0.20.1/24'],
      ['network:voice', 'port2 port3 port4', ''],
      ['network:guests', 'port4', ''],
    ]);
    const groups = groupsOf(interfaces, { networks });
    expect(['port3', 'port4', 'port9'].map((name) => groupOfPort(groups, name)?.name)).toEqual([
      'network:cameras',
      'lan',
      undefined,
    ]);
  });
});

describe('how the network is, in one sentence', () => {
  const uplink = (name: string, fields: Partial<Uplink> = {}, more: Partial<Interface> = {}) =>
    port(name, { role: 'underlay', addresses: ['203.0.113.17/24'], uplink: { ...good, ...fields }, ...more });
  const answer = (...interfaces: Interface[]) => {
    const { mark, sentence } = networkAnswer({ network: { state: 'applied', detail: null, interfaces } });
    return [mark, sentence];
  };
  test.each<[string, (string | null)[], readonly Interface[]]>([
    ['no ports', ['attention', text.none], []],
    ['no uplink', ['down', text.answer.noUplink], [port('port1')]],
    ['no cable', ['down', texts.summary.noLink(['port1'])], [uplink('port1', {}, { link: 'down' })]],
    [
      'no address',
      ['degraded', texts.summary.noAddress],
      [uplink('port1', {}, { addresses: ['fe80::1/64'] })],
    ],
    ['one', ['up', 'port1 carries the tunnels.'], [uplink('port1')]],
    [
      'two, by their place',
      ['up', 'port2 carries the tunnels; port1 stands by.'],
      [uplink('port1', { place: 2 }), uplink('port2')],
    ],
    [
      'one of two fails',
      ['degraded', 'port2 carries the tunnels; port1 does not work.'],
      [uplink('port1', { place: 2, works: false }), uplink('port2')],
    ],
    ['all fail', ['down', text.answer.noneWorks], [uplink('port1', { works: false })]],
  ])('%s', (_, expected, interfaces) => expect(answer(...interfaces)).toEqual(expected));

  test('what could not be applied comes first, with what the box says of it', () =>
    expect(networkAnswer({ network: { state: 'failed', detail: 'ip: no', interfaces: [] } })).toEqual({
      ...{ mark: 'down', sentence: texts.summary.networkFailed, advice: 'ip: no' },
    }));
});

describe('why an uplink has its score', () => {
  const look = {
    ...{ gateway: true, names: false },
    ...{ destinations: { asked: 2, answered: 1 }, peers: { asked: 1, answered: 0 } },
  };
  const reasons = (given: Uplink['look'], link: Interface['link'] = 'up') =>
    uplinkReasons({ link, uplink: { ...good, look: given } }).map(({ mark, words }) => `${mark}: ${words}`);

  test('what weighs most comes first', () =>
    expect(reasons(look)).toEqual([
      'down: 0 of 1 peer answer',
      'degraded: 1 of 2 addresses beyond answer',
      'up: gateway answers',
      'down: name server does not answer',
    ]));

  test('nobody asked, not looked, no link', () => {
    const nobody = { asked: 0, answered: 0 };
    expect(reasons({ gateway: null, names: null, destinations: nobody, peers: nobody })).toEqual([
      `off: ${text.uplink.nobodyAsked}`,
    ]);
    expect(reasons(null)).toEqual([`off: ${text.uplink.notLooked}`]);
    expect(reasons(look, 'down')).toEqual([`down: ${text.uplink.noLink}`]);
  });
});

test('speeds as people say them', () => {
  const words = [10, 100, 1000, 2500, 10_000].map((megabits) => speedWords({ megabits, duplex: 'full' }));
  expect(words).toEqual(['10 Mbit/s', '100 Mbit/s', '1 Gbit/s', '2.5 Gbit/s', '10 Gbit/s']);
  expect(speedWords({ megabits: 100, duplex: 'half' })).toBe('100 Mbit/s, half duplex');
  expect(speedWords(null)).toBeNull();
});
