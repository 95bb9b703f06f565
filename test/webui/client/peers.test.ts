import { describe, expect, test } from 'vitest';
import {
  defaultSettings,
  type PeerSettings,
  type SettingsLayer,
} from '../../../firmware/store/settings-schema.ts';
import { ownAddresses, ownUri } from '../../../firmware/webui/client/pages/overlay/own-identity.tsx';
import {
  compareHit,
  draftOfPeer,
  emptyPeer,
  peerOfDraft,
  peersOf,
  placeOfPeer,
  sortTunnels,
  tunnelMatches,
  withoutPeer,
  withPeer,
} from '../../../firmware/webui/client/pages/overlay/peers.ts';
import { degradedStatus, normalStatus } from '../status-fixtures.ts';

const { tunnels } = normalStatus(0);
const names = (list: readonly { readonly peer: string }[]) => list.map(({ peer }) => peer);

describe('the list of tunnels', () => {
  test('has what needs somebody first, and else goes by name', () => {
    const sorted = sortTunnels(degradedStatus(0).tunnels, 'state');
    expect(sorted[0]?.state).not.toBe('ESTABLISHED');
    expect(names(sortTunnels(tunnels, 'name'))).toEqual(names(tunnels).toSorted());
    const numbered = [10, 9, 1].map(
      (count) => ({ ...tunnels[0], peer: `gw-${count}` }) as (typeof tunnels)[0],
    );
    expect(names(sortTunnels(numbered, 'state'))).toEqual(['gw-1', 'gw-9', 'gw-10']);
  });

  test('has most traffic and longest round trip first, unknown ones last', () => {
    const [one, other, third] = tunnels;
    if (one === undefined || other === undefined || third === undefined) throw new Error('three are needed');
    const busy = { ...other, traffic: { ...other.traffic, sentBytes: 1e15 } };
    expect(names(sortTunnels([one, busy], 'traffic'))[0]).toBe(busy.peer);
    const timed = [
      { ...one, roundTripMs: null },
      { ...other, roundTripMs: 5 },
      { ...third, roundTripMs: 80 },
    ];
    expect(names(sortTunnels(timed, 'roundTrip'))).toEqual([third.peer, other.peer, one.peer]);
  });

  test.each(['WIE', '2001:22:77aa', '10.2.', '2001:0022:77aa', ' wien '])('finds wien by %j', (wanted) => {
    const wien = tunnels.find(({ peer }) => peer === 'wien');
    if (wien === undefined) throw new Error('wien is needed');
    expect(tunnelMatches({ ...wien, protectedPrefixes: ['10.2.0.0/16'] }, wanted)).toBe(true);
    expect(tunnelMatches(wien, 'zagreb')).toBe(false);
  });
});

describe('two HITs', () => {
  const hit = '2001:22:77aa:190:4c2e:e01:b8d3:1299';

  test.each([hit, hit.toUpperCase(), `hip://wien.example:10500/${hit}`, ` ${hit}\n`])(
    '%j is the same',
    (pasted) => {
      expect(compareHit(hit, pasted)).toEqual([]);
    },
  );

  test('differ by groups', () => {
    expect(compareHit(hit, '2001:22:77aa:191:4c2e:e01:b8d3:1298')).toEqual([3, 7]);
    expect(compareHit(hit, '2001:22::1')).toEqual([2, 3, 4, 5, 6, 7]);
  });

  test.each(['', 'wien', '2001:22', 'hip://wien', '2001:22:77aa:190:4c2e:e01:b8d3:zzzz'])(
    '%j is no HIT',
    (pasted) => expect(compareHit(hit, pasted)).toBeNull(),
  );
});

describe('a change of the list of peers', () => {
  const peer = (name: string, more: Partial<PeerSettings> = {}): PeerSettings => ({
    ...{ name, uri: `hip://${name}.example:10500/2001:22::1`, protectedPrefixes: ['10.2.0.0/16'] },
    ...more,
  });
  const inForce = { ...defaultSettings, overlay: { ...defaultSettings.overlay, peers: [peer('disc')] } };
  const saved: SettingsLayer = { version: 1, overlay: { peers: [peer('a'), peer('b')] } };

  test('begins with the saved list, or with that in force where none is saved', () => {
    expect(peersOf({ saved, inForce }).map(({ name }) => name)).toEqual(['a', 'b']);
    expect(peersOf({ saved: { version: 1 }, inForce }).map(({ name }) => name)).toEqual(['disc']);
    expect(withPeer({ saved: { version: 1 }, inForce }, peer('c'), null)).toEqual({
      version: 1,
      overlay: { peers: [peer('disc'), peer('c')] },
    });
  });

  test('is named by the box by its place in the list that it was made of', () => {
    expect(placeOfPeer({ saved, inForce }, null)).toBe(2);
    expect(placeOfPeer({ saved: { version: 1 }, inForce }, null)).toBe(1);
    expect(placeOfPeer({ saved, inForce }, 'b')).toBe(1);
  });

  test('keeps each in its place', () => {
    const renamed = peer('z');
    expect(withPeer({ saved, inForce }, renamed, 'a').overlay?.peers).toEqual([renamed, peer('b')]);
    expect(withoutPeer({ saved, inForce }, 'a').overlay?.peers).toEqual([peer('b')]);
  });

  test('keeps what the form does not have', () => {
    const before = peer('a', { framing: 'raw', connect: 'on-demand', locators: ['b.example'] });
    const draft = draftOfPeer(before);
    expect(peerOfDraft(draft, before)).toEqual(before);
    expect(peerOfDraft({ ...draft, connect: 'always' }, before)).toEqual(
      peer('a', { framing: 'raw', locators: ['b.example'] }),
    );
    expect(
      peerOfDraft({ ...emptyPeer, networks: '10.2.0.0/16, 10.3.0.0/16\n\nfd00::/64 ' }, undefined),
    ).toEqual({
      ...{ name: '', uri: '' },
      protectedPrefixes: ['10.2.0.0/16', '10.3.0.0/16', 'fd00::/64'],
    });
  });
});

test('peers are told addresses of the uplinks that they could reach', () => {
  const [uplink] = normalStatus(0).network.interfaces.filter(({ role }) => role === 'underlay');
  if (uplink === undefined) throw new Error('an uplink is needed');
  const interfaces = [
    { ...uplink, addresses: ['203.0.113.7/24', 'fe80::1/64', '169.254.3.4/16', '2001:db8::7/64'] },
    { ...uplink, role: 'lan' as const, addresses: ['192.168.1.1/24'] },
  ];
  expect(ownAddresses({ interfaces })).toEqual(['203.0.113.7', '2001:db8::7']);
  expect(ownUri('203.0.113.7', '2001:22::1')).toBe('hip://203.0.113.7:10500/2001:22::1');
  expect(ownUri('2001:db8::7', '2001:22::1')).toBe('hip://[2001:db8::7]:10500/2001:22::1');
});
