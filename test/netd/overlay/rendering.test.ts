import { readFileSync } from 'node:fs';
import fc from 'fast-check';
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
  renderDeviceMtu,
  renderHit,
  renderPeerRoutes,
  renderRouteRemoval,
  renderTeardown,
  segmentMtu,
} from '../../../firmware/netd/overlay/routes.ts';
import {
  type EspEnds,
  renderBasePolicies,
  renderChange,
  renderInbound,
  renderInboundPolicyRemoval,
  renderOutbound,
  renderStateRemoval,
  renderTrap,
  renderTrapRemoval,
} from '../../../firmware/netd/overlay/xfrm.ts';
import { limits as settingsLimits } from '../../../firmware/store/limits.ts';

const localHit = '2001:22:1::a';
const golden = (name: string) =>
  readFileSync(new URL(`../../golden/netd/overlay/${name}`, import.meta.url), 'utf8');

const ipv4: EspEnds = {
  ...{ localHit, peerHit: '2001:22:1::b', mark: 0x10001, narrow: false },
  local: { address: '192.0.2.1', port: 10500 },
  peer: { address: '192.0.2.2', port: 4711 },
};
const ipv6: EspEnds = {
  ...ipv4,
  local: { address: '2001:db8::1', port: 10500 },
  peer: { address: '2001:db8::2', port: 10500 },
};

/** ESP and HIP straight over IP. */
const raw: EspEnds = {
  ...ipv4,
  local: { address: '192.0.2.1', port: null },
  peer: { address: '192.0.2.2', port: null },
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
  const rekey = { seconds: 3600, mebibytes: 65_536 };
  test.each([
    ['esp-aes-gcm-ipv4.txt', 'aes-gcm-16', ipv4],
    ['esp-aes-gcm-ipv6.txt', 'aes-gcm-16', ipv6],
    ['esp-aes-gcm-raw.txt', 'aes-gcm-16', raw],
    ['esp-aes-ccm-ipv4.txt', 'aes-ccm-16', ipv4],
    ['esp-null-ipv4.txt', 'null-hmac-sha-256', ipv4],
    ['esp-aes-128-cbc-ipv4.txt', 'aes-128-cbc-hmac-sha-256', ipv4],
    ['esp-aes-256-cbc-ipv6.txt', 'aes-256-cbc-hmac-sha-256', ipv6],
  ] as const)('%s: a pair, a move of the outbound half, and removals', (file, suite, ends) => {
    const association = security(suite);
    const inbound = { ...association, from: ends.peer };
    const outbound = { ...association, spi: 0x01020304, to: ends.peer };
    const text = [
      renderInbound(inbound, ends, rekey),
      renderOutbound(outbound, ends, rekey),
      renderOutbound(outbound, ends, rekey, 0x5_ffff_fff0n),
      renderTrap(ends),
      renderInboundPolicyRemoval(ends),
      renderStateRemoval(0x01020304, ends.local.address, ends.peer.address),
      renderStateRemoval(0x1a2b3c4d, ends.peer.address, ends.local.address),
      renderTrapRemoval(ends),
    ].join('\n');
    expect(text).toBe(golden(file));
  });

  test('change.txt: another UDP port of the peer', () => {
    const association = security('aes-gcm-16');
    const outbound = { ...association, spi: 0x01020304, to: ipv4.peer };
    const both = renderChange(outbound, { ...association, from: ipv4.peer }, ipv4, rekey);
    expect(both).toBe(golden('change.txt'));
    expect(both.startsWith(renderChange(outbound, undefined, ipv4, rekey))).toBe(true);
  });

  test('a narrow way: from the start, from some time on, and no more', () => {
    const outbound = { ...security('aes-gcm-16'), spi: 0x01020304, to: ipv6.peer };
    const narrow = { ...ipv6, narrow: true };
    const marked = ' output-mark 0x80000000 mask 0x80000000 sel ';
    expect(renderOutbound(outbound, narrow, rekey)).toContain(marked);
    expect(renderChange(outbound, undefined, narrow, rekey)).toContain(marked);
    // ip leaves a mark of 0 out, and the kernel the mark as it was: so another bit, which the mask takes away.
    expect(renderChange(outbound, undefined, ipv6, rekey)).toContain(' output-mark 0x1 mask 0x80000000 sel ');
    expect(renderOutbound(outbound, ipv6, rekey)).not.toContain('output-mark');
  });

  test('limits: what asks for new keys is below what stops the old ones, whatever the settings', () => {
    const seconds = fc.integer({ min: settingsLimits.rekeySeconds[0], max: settingsLimits.rekeySeconds[1] });
    const mebibytes = fc.integer({ min: 1, max: settingsLimits.rekeyMebibytes });
    fc.assert(
      fc.property(seconds, mebibytes, (time, size) => {
        const association = { ...security('aes-gcm-16'), from: ipv4.peer };
        const text = renderInbound(association, ipv4, { seconds: time, mebibytes: size });
        for (const kind of ['time', 'byte', 'packet']) {
          const [, soft, hard] =
            new RegExp(`limit ${kind}-soft (\\d+) limit ${kind}-hard (\\d+)`).exec(text) ?? [];
          expect(Number(soft)).toBeLessThan(Number(hard));
          expect(Number.isSafeInteger(Number(hard))).toBe(true);
        }
        // The machine's own time comes first.
        expect(Number(/time-soft (\d+)/.exec(text)?.[1])).toBeGreaterThan(time);
      }),
    );
  });

  test('base.txt: what holds as long as the overlay runs', () => {
    const text = [
      renderBasePolicies() + renderDevice() + renderHit(localHit, 1500),
      renderDeviceMtu(localHit, 1400),
      renderTeardown(),
    ].join('\n');
    expect(text).toBe(golden('base.txt'));
  });

  test('over a narrow link of its own the box takes what becomes fragments outside', () => {
    const text = renderDeviceMtu(localHit, 1280);
    expect(text).toContain('link set hip0 mtu 1280\n');
    // 1280 octets of a host and the header of the tunnel.
    expect(Number(/^route replace .* mtu (\d+)/m.exec(text)?.[1])).toBeGreaterThanOrEqual(1280 + 40);
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

  test.each([1383, 1368, 1280, 576])(
    `%i: never below ${limits.smallestMtu}, but TCP is held to less`,
    (underlay) => {
      expect(overlayMtu(underlay)).toBe(limits.smallestMtu);
      expect(worst(segmentMtu(underlay), 40)).toBeLessThanOrEqual(underlay);
    },
  );
});

describe('peers', () => {
  const markOf = () => firstMark;
  test('places: the URI’s first, then the further ones, without ports where HIP is straight over IP', () => {
    const settings = {
      name: 'a',
      uri: 'hip://gw-a.example/2001:22::a',
      locators: ['192.0.2.1:4711', '[2001:db8:0::1]'],
      protectedPrefixes: [],
    };
    const udp = [
      { host: 'gw-a.example', port: 10500 },
      { host: '192.0.2.1', port: 4711 },
      { host: '2001:db8::1', port: 10500 },
    ];
    expect(readPeers([settings], markOf)).toMatchObject([{ onDemand: false, places: udp }]);
    const raw = udp.map(({ host }) => ({ host, port: null }));
    const told = { ...settings, framing: 'raw', connect: 'on-demand' } as const;
    expect(readPeers([told], markOf)).toMatchObject([{ onDemand: true, places: raw }]);
  });

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
