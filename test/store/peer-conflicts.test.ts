import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/store/limits.ts';
import { peerConflicts } from '../../firmware/store/peer-conflicts.ts';
import { mergeLayers } from '../../firmware/store/settings-layers.ts';
import type { PeerSettings, SettingsLayer } from '../../firmware/store/settings-schema.ts';

const peer = (name: string, hit: string, ...protectedPrefixes: string[]): PeerSettings => ({
  name,
  uri: `hip://gw-${name}.example/${hit}`,
  protectedPrefixes,
});
const layer = (overlay: NonNullable<SettingsLayer['overlay']>): SettingsLayer => ({ version: 1, overlay });
const problems = (saved: SettingsLayer) => {
  const merged = mergeLayers({ saved });
  return merged.ok ? [] : merged.problems;
};

describe('peers of one document', () => {
  test('with different names, HITs and networks get along, one network within another too', () => {
    const peers = [
      peer('a', '2001:22::a', '10.0.0.0/8', 'fd20::/64', '10.0.0.1/8'),
      peer('b', '2001:22::b', '10.1.0.0/16', 'fd20::/65', '::/0', '2000::/3'),
    ];
    expect(problems(layer({ peers }))).toEqual([]);
  });

  test.each([
    ['the name', peer('a', '2001:22::b'), 'overlay.peers[1].name', 'the name stands twice: peer 1 has it'],
    [
      'the HIT',
      peer('b', '2001:0022:0:0:0:0:0:000A'),
      'overlay.peers[1].uri',
      'the HIT stands twice: a has it',
    ],
    [
      'a network in another spelling',
      peer('b', '2001:22::b', '10.9.9.9/8'),
      'overlay.peers[1].protectedPrefixes[0]',
      'the network stands twice: a has it',
    ],
    [
      'an IPv6 network in another spelling',
      peer('b', '2001:22::b', '192.0.2.0/24', 'FD20:0::0:77/64'),
      'overlay.peers[1].protectedPrefixes[1]',
      'the network stands twice: a has it',
    ],
    [
      'host identity tags',
      peer('b', '2001:22::b', '2001:2f::/32'),
      'overlay.peers[1].protectedPrefixes[0]',
      'host identity tags (2001:20::/28) cannot be behind a peer',
    ],
  ])('%s: refused with the place', (_, second, path, problem) => {
    const peers = [peer('a', '2001:22::a', '10.0.0.0/8', 'fd20::/64'), second];
    expect(problems(layer({ peers }))).toEqual([{ path, problem }]);
  });

  test('whatever the fields hold, there is an answer', () => {
    const text = fc.oneof(fc.string(), fc.constantFrom('10.0.0.0/8', '::/0', 'x:/', '/', ':/128', '@0#'));
    const peers = fc.array(fc.record({ name: text, uri: text, protectedPrefixes: fc.array(text) }));
    fc.assert(fc.property(peers, (given) => Array.isArray(peerConflicts(given))));
  });
});

describe('when keys are replaced', () => {
  test('one limit may be changed alone', () => {
    const merged = mergeLayers({ saved: layer({ rekey: { seconds: 60 } }) });
    expect(merged).toMatchObject({ value: { overlay: { rekey: { seconds: 60, mebibytes: 65_536 } } } });
  });

  test.each([
    [{ seconds: limits.rekeySeconds[0] }, 0],
    [{ seconds: limits.rekeySeconds[0] - 1 }, 1],
    [{ seconds: limits.rekeySeconds[1] }, 0],
    [{ seconds: limits.rekeySeconds[1] + 1 }, 1],
    [{ mebibytes: 1 }, 0],
    [{ mebibytes: 0 }, 1],
    [{ mebibytes: limits.rekeyMebibytes }, 0],
    [{ mebibytes: limits.rekeyMebibytes + 1 }, 1],
  ])('%j has %i problems', (rekey, count) => {
    expect(problems(layer({ rekey }))).toHaveLength(count);
  });
});

test.each([
  [limits.locatorsPerPeer, 0],
  [limits.locatorsPerPeer + 1, 1],
])('%i further locators have %i problems', (count, expected) => {
  const locators = Array.from({ length: count }, (_, index) => `[fd00::${index}]:10500`);
  expect(problems(layer({ peers: [{ ...peer('a', '2001:22::a'), locators }] }))).toHaveLength(expected);
});
