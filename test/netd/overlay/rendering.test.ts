import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../firmware/bytes/secret.ts';
import type { EspSuiteName } from '../../../firmware/hip/suites.ts';
import { espSuites } from '../../../firmware/hip/suites.ts';
import { renderAntiSpoofing } from '../../../firmware/netd/overlay/anti-spoofing.ts';
import { limits } from '../../../firmware/netd/overlay/limits.ts';
import { firstMark, type Peer, readPeers } from '../../../firmware/netd/overlay/peer.ts';
import {
  overlayMtu,
  renderDevice,
  renderPeerRoutes,
  renderRouteRemoval,
  renderTeardown,
} from '../../../firmware/netd/overlay/routes.ts';
import {
  type EspEnds,
  renderBasePolicies,
  renderInbound,
  renderOutbound,
  renderRemoval,
} from '../../../firmware/netd/overlay/xfrm.ts';

const localHit = '2001:22:1::a';
const golden = (name: string) =>
  readFileSync(new URL(`../../golden/netd/overlay/${name}`, import.meta.url), 'utf8');

const ipv4: EspEnds = {
  ...{ localHit, peerHit: '2001:22:1::b', mark: 0x10001 },
  local: { address: '192.0.2.1', port: 10500 },
  peer: { address: '192.0.2.2', port: 4711 },
};
const ipv6: EspEnds = {
  ...ipv4,
  local: { address: '2001:db8::1', port: 10500 },
  peer: { address: '2001:db8::2', port: 10500 },
};

function security(name: EspSuiteName) {
  const suite = espSuites.find((candidate) => candidate.name === name);
  if (suite === undefined) throw new Error(name);
  const key = (length: number, from: number) =>
    new Secret(Uint8Array.from({ length }, (_, index) => from + index));
  const keys = {
    encryption: key(suite.encryptionKeyLength, 0x10),
    authentication: key(suite.authenticationKeyLength, 0xa0),
  };
  return { spi: 0x1a2b3c4d, suite, keys };
}

const peers = readPeers(
  [
    { name: 'b', uri: 'hip://192.0.2.2/2001:22:1::b', protectedPrefixes: ['192.168.20.0/24', 'fd20::/64'] },
    { name: 'c', uri: 'hip://gw-c.example/2001:22:1::c', protectedPrefixes: ['10.0.0.0/8'] },
    { name: 'conductor', uri: 'hip://192.0.2.4/2001:22:1::d', protectedPrefixes: [] },
  ],
  (hit) => firstMark + (hit.codePointAt(hit.length - 1) ?? 0) - 97,
);

describe('lines for ip -batch', () => {
  test.each([
    ['esp-aes-gcm-ipv4.txt', 'aes-gcm-16', ipv4],
    ['esp-aes-gcm-ipv6.txt', 'aes-gcm-16', ipv6],
    ['esp-aes-128-cbc-ipv4.txt', 'aes-128-cbc-hmac-sha-256', ipv4],
    ['esp-aes-256-cbc-ipv6.txt', 'aes-256-cbc-hmac-sha-256', ipv6],
  ] as const)('%s: a pair and its removal', (file, suite, ends) => {
    const association = security(suite);
    const text = [
      renderInbound({ ...association, from: ends.peer }, ends),
      renderOutbound({ ...association, spi: 0x01020304, to: ends.peer }, ends),
      renderRemoval({ localSpi: 0x1a2b3c4d, peerSpi: 0x01020304 }, ends),
      renderRemoval({ localSpi: 0x1a2b3c4d }, ends),
    ].join('\n');
    expect(text).toBe(golden(file));
  });

  test('a locator without a port: the same over IP protocol 50', () => {
    const raw = { ...ipv6, local: { ...ipv6.local, port: null }, peer: { ...ipv6.peer, port: null } };
    const association = security('aes-gcm-16');
    const lines = (ends: EspEnds) =>
      renderInbound({ ...association, from: ends.peer }, ends) +
      renderOutbound({ ...association, to: ends.peer }, ends);
    expect(lines(raw)).toBe(lines(ipv6).replaceAll(' encap espinudp 10500 10500 0.0.0.0', ''));
  });

  test('base.txt: what holds as long as the overlay runs', () => {
    expect(renderBasePolicies() + renderDevice(localHit, 1500) + renderTeardown(localHit)).toBe(
      golden('base.txt'),
    );
  });

  test('routes.txt: a route per protected prefix, never in place of a nearer one', () => {
    expect(renderPeerRoutes(localHit, peers) + renderRouteRemoval(['10.0.0.0/8'])).toBe(golden('routes.txt'));
  });
});

describe('nftables', () => {
  test('anti-spoofing.nft: each mark with its sources', () => {
    expect(renderAntiSpoofing(peers, 1406)).toBe(golden('anti-spoofing.nft'));
  });

  test('anti-spoofing-empty.nft: without peers nothing comes out of the tunnel', () => {
    expect(renderAntiSpoofing([], 1406)).toBe(golden('anti-spoofing-empty.nft'));
  });
});

describe('the overlay’s MTU', () => {
  /** Octets on the wire of a packet of `length` (RFC 4303 §2): UDP, header, IV, packet, trailer padded to `block`, ICV. */
  const esp = (length: number, iv: number, block: number) =>
    8 + 8 + iv + Math.ceil((length + 2) / block) * block + 16;
  const worst = (length: number, ip: number) => ip + Math.max(esp(length, 16, 16), esp(length, 8, 4));
  /** The kernel’s own sum (esp4_get_mtu, esp6_get_mtu), less the tunnel’s IPv6 header. */
  const kernel = (underlay: number, ip: number, iv: number, block: number) =>
    Math.floor((underlay - 8 - 8 - iv - 16 - ip) / block) * block + ip - 2 - 40;

  test.each([1500, 1492, 1460, 1400, 9000])(
    '%i: the largest packet fits any suite, and the kernel agrees',
    (underlay) => {
      const mtu = overlayMtu(underlay);
      expect(worst(mtu, 40)).toBeLessThanOrEqual(underlay);
      const allowed = [
        kernel(underlay, 20, 16, 16),
        kernel(underlay, 40, 16, 16),
        kernel(underlay, 20, 8, 4),
        kernel(underlay, 40, 8, 4),
      ];
      expect(mtu).toBe(Math.min(...allowed));
    },
  );

  test.each([1383, 1368, 1280, 576])(`%i: never below ${limits.smallestMtu}`, (underlay) => {
    expect(overlayMtu(underlay)).toBe(limits.smallestMtu);
  });
});

describe('peers', () => {
  const markOf = () => firstMark;
  test('a HIT or a prefix that stands twice is the first’s', () => {
    const read = readPeers(
      [
        { name: 'one', uri: 'hip://a/2001:22::1', protectedPrefixes: ['10.0.0.0/8'] },
        { name: 'two', uri: 'hip://b/2001:0022::0001', protectedPrefixes: ['10.1.0.0/16'] },
        { name: 'three', uri: 'hip://c/2001:22::3', protectedPrefixes: ['10.0.0.0/8', '10.2.0.0/16'] },
      ],
      markOf,
    );
    const shown = ({ name, protectedPrefixes }: Peer) => [name, ...protectedPrefixes];
    expect(read.map(shown)).toEqual([
      ['one', '10.0.0.0/8'],
      ['three', '10.2.0.0/16'],
    ]);
  });

  test('networks lose their host bits, and those within another of the same peer', () => {
    const protectedPrefixes = [
      '10.1.2.3/8',
      '10.200.0.0/16',
      '10.0.0.0/8',
      'FD20:0::1/64',
      '192.168.1.77/32',
      '0.0.0.0/0',
    ];
    const all = { name: 'all', uri: 'hip://a/2001:22::1', protectedPrefixes };
    expect(readPeers([all], markOf)[0]?.protectedPrefixes).toEqual(['fd20::/64', '0.0.0.0/0']);
    const most = { ...all, protectedPrefixes: protectedPrefixes.slice(0, -1) };
    expect(readPeers([most], markOf)[0]?.protectedPrefixes).toEqual([
      '10.0.0.0/8',
      'fd20::/64',
      '192.168.1.77/32',
    ]);
  });

  test.each([
    '10.0.0.0',
    '10.0.0.0/33',
    'fd20::/129',
    '10.0.0.256/8',
    '10.0.0/8',
    '10.0.0.0/8/8',
    'x/8',
    '10.0.0.0/',
  ])('%s is not a network', (prefix) => {
    const peer = { name: 'bad', uri: 'hip://a/2001:22::1', protectedPrefixes: [prefix] };
    expect(() => readPeers([peer], markOf)).toThrow(`bad: ${prefix} is not a network`);
  });

  test('one that cannot be read is an error that names it', () => {
    const bad = { name: 'bad', uri: 'hip://a/2001:db8::1', protectedPrefixes: [] };
    expect(() => readPeers([bad], markOf)).toThrow('bad: 2001:db8::1 is not a HIT');
  });
});
