import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../firmware/bytes/secret.ts';
import { espSuites } from '../../../firmware/hip/suites.ts';
import { limits as networkLimits } from '../../../firmware/netd/limits.ts';
import { type EspEffect, KernelDataPath } from '../../../firmware/netd/overlay/data-path.ts';
import { limits } from '../../../firmware/netd/overlay/limits.ts';
import { narrowBelow } from '../../../firmware/netd/overlay/narrow-way.ts';
import {
  parseToldMtus,
  pathMtuRemoval,
  renderFragments,
  renderSegments,
} from '../../../firmware/netd/overlay/path-mtu.ts';
import { readPeers } from '../../../firmware/netd/overlay/peer.ts';
import { segmentMtu } from '../../../firmware/netd/overlay/routes.ts';

const golden = (name: string) =>
  readFileSync(new URL(`../../golden/netd/overlay/${name}`, import.meta.url), 'utf8');
const peers = readPeers(
  [
    { name: 'b', uri: 'hip://192.0.2.2/2001:22::b', protectedPrefixes: ['10.0.0.0/8', 'fd20::/64'] },
    { name: 'c', uri: 'hip://192.0.2.3/2001:22::c', protectedPrefixes: ['10.1.0.0/16'] },
    { name: 'd', uri: 'hip://192.0.2.4/2001:22::d', protectedPrefixes: ['fd30::/64'] },
  ],
  (hit) => Number.parseInt(hit.slice(-1), 16),
);

describe('nftables', () => {
  test('fragments.nft: only ESP between what all take and what the kernel learns', () => {
    expect(renderFragments()).toBe(golden('fragments.nft'));
  });

  test('segments.nft: peers of one width together, each in both directions', () => {
    const ways = peers.map((peer, index) => ({ peer, pathMtu: index === 2 ? 1280 : 1400 }));
    expect(renderSegments(ways)).toBe(golden('segments.nft'));
  });
});

test('RFC 8200 §5: an IPv6 packet of 1280 octets fits the smallest path that the kernel learns, in any ESP suite', () => {
  // RFC 4303 §2 over IPv4 and UDP; the kernel's own sum takes 20 octets more, see segmentMtu.
  const esp = (iv: number, block: number) => 20 + 8 + 8 + iv + Math.ceil((1280 + 2) / block) * block + 16;
  expect(Math.max(esp(16, 16), esp(8, 4))).toBeLessThanOrEqual(networkLimits.leastKnownMtu);
  expect(segmentMtu(networkLimits.leastKnownMtu) + 20).toBeGreaterThanOrEqual(limits.smallestMtu);
});

test('nft list set: the smallest that was told of an address', () => {
  const text = `table inet hithe_fragments {
	set told_mtus {
		typeof @th,192,32 . icmp mtu
		size 4096
		flags dynamic,timeout
		timeout 10m
		elements = { 0xa630202 . 1280 expires 9m48s432ms, 0xc0000202 . 1300 expires 9s,
			     0xa630202 . 1380 expires 1m }
	}
}`;
  expect(parseToldMtus(text)).toEqual(
    new Map([
      ['10.99.2.2', 1280],
      ['192.0.2.2', 1300],
    ]),
  );
  expect(parseToldMtus('')).toEqual(new Map());
});

describe('the kernel as data path', () => {
  const settings = { underlayMtu: 1500, rekey: { seconds: 3600, mebibytes: 1024 } };
  function dataPath() {
    const inputs: string[] = [];
    const path = new KernelDataPath(
      {
        run: async (_, args, options) => {
          inputs.push(options?.input ?? '');
          const told = 'elements = { 0xc0000202 . 1280 expires 9m, 0xc0000203 . 1380 expires 9m }';
          const learned = '192.0.2.2 dev eth0\n    cache mtu lock 1384\n192.0.2.4 dev eth0\n    cache \n';
          return { status: 0, stderr: '', stdout: args.includes('list') ? told : learned };
        },
        sourceAddress: async () => '192.0.2.1',
      },
      '2001:22::a',
      10500,
      Promise.resolve(),
    );
    return { path, inputs, last: () => inputs.at(-1) ?? '', count: () => inputs.length };
  }

  test('the path MTU is what routers said, what the kernel learned, or the link’s', async () => {
    const { path } = dataPath();
    await path.open(settings);
    expect(await path.pathMtus(['192.0.2.2', '192.0.2.3', '192.0.2.4'])).toEqual(
      new Map([
        ['192.0.2.2', 1280],
        ['192.0.2.3', 1380],
        ['192.0.2.4', 1500],
      ]),
    );
  });

  test('segments follow the paths, and nothing is told to the kernel while they stay', async () => {
    const { path, last, count } = dataPath();
    await path.open(settings);
    await path.setPeers(peers, settings);
    await path.fitPaths(new Map([[0xb, 1500]]));
    const before = count();
    await path.fitPaths(new Map([[0xb, 1499]]));
    expect(last()).toContain(`ip daddr @ip_${segmentMtu(1499)} tcp option maxseg size set`);
    expect(last()).not.toContain('fd30::/64');
    await path.fitPaths(new Map([[0xb, 1499]]));
    expect(count()).toBe(before + 1);
    await path.fitPaths(new Map());
    expect(last()).not.toContain('maxseg');
    await path.close();
    expect(last()).toContain(pathMtuRemoval);
  });

  test('a way that becomes narrow or wide again changes the outbound half, once; a new one is made for it', async () => {
    const [peer] = peers;
    const [suite] = espSuites;
    if (peer === undefined || suite === undefined) throw new Error('no peer or suite');
    const { path, inputs } = dataPath();
    const updates = () => inputs.filter((input) => input.startsWith('xfrm state update'));
    const keys = { encryption: new Secret(new Uint8Array(20)), authentication: new Secret(new Uint8Array()) };
    const to = { address: '2001:db8::2', port: 10500 };
    const outbound = (spi: number): EspEffect => ({
      type: 'install-outbound',
      association: { spi, suite, keys, to },
    });
    await path.open(settings);
    await path.setPeers(peers, settings);
    await path.apply(peer, [outbound(1)]);
    await path.fitPaths(new Map([[peer.mark, narrowBelow]]));
    expect(updates()).toEqual([]);
    await path.fitPaths(new Map([[peer.mark, narrowBelow - 1]]));
    await path.fitPaths(new Map([[peer.mark, 1280]]));
    expect(updates()).toEqual([expect.stringContaining(' output-mark 0x80000000 mask 0x80000000 sel ')]);
    await path.apply(peer, [outbound(2)]);
    expect(inputs.at(-1)).toMatch(
      /^xfrm state add .* spi 0x2 .* output-mark 0x80000000 mask 0x80000000 sel /,
    );
    await path.fitPaths(new Map());
    expect(updates().slice(1)).toEqual([
      expect.stringMatching(/ spi 0x2 .* output-mark 0x1 mask 0x80000000 sel /),
    ]);
  });
});
