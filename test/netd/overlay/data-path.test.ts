import { describe, expect, test } from 'vitest';
import { toHex } from '../../../firmware/bytes/bytes.ts';
import { Secret } from '../../../firmware/bytes/secret.ts';
import { espSuites } from '../../../firmware/hip/suites.ts';
import { type EspEffect, KernelDataPath } from '../../../firmware/netd/overlay/data-path.ts';
import { limits } from '../../../firmware/netd/overlay/limits.ts';
import { narrowBelow } from '../../../firmware/netd/overlay/narrow-way.ts';
import { readPeers } from '../../../firmware/netd/overlay/peer.ts';
import { overlayMtu } from '../../../firmware/netd/overlay/routes.ts';

const key = Uint8Array.from({ length: 20 }, (_, index) => index + 0x40);
const [suite] = espSuites;
if (suite === undefined) throw new Error('no suite');
const locator = { address: '192.0.2.2', port: 10500 };
const [peer] = readPeers(
  [{ name: 'b', uri: 'hip://192.0.2.2/2001:22::b', protectedPrefixes: ['10.0.0.0/8'] }],
  () => 7,
);
if (peer === undefined) throw new Error('no peer');

const keys = { encryption: new Secret(key), authentication: new Secret(new Uint8Array()) };
const inbound = (spi = 0x1111, from = locator): EspEffect => ({
  type: 'install-inbound',
  association: { spi, suite, keys, from },
});
const outbound = (spi = 0x2222, replaces?: number): EspEffect => ({
  type: 'install-outbound',
  association: { spi, suite, keys, to: locator },
  ...(replaces === undefined ? {} : { replaces }),
});
const removal: EspEffect = { type: 'remove-esp', localSpi: 0x1111, peerSpi: 0x2222, locator };
const settings = { underlayMtu: 1500, rekey: { seconds: 3600, mebibytes: 1024 } };

type Call = { readonly command: string; readonly args: readonly string[]; readonly input: string };

/** A kernel that keeps what it is told, and counts `sequence` on every outbound security association. */
function dataPath(answer: { status: number; stderr: string } = { status: 0, stderr: '' }) {
  const calls: Call[] = [];
  let address: string | null = '192.0.2.1';
  let { status } = answer;
  let sequences: readonly bigint[] = [];
  const path = new KernelDataPath(
    {
      run: async (command, args, options) => {
        calls.push({ command, args, input: options?.input ?? '' });
        const isListing = args.includes('list');
        const [sequence = 0n, ...rest] = sequences;
        if (isListing) sequences = rest;
        return { ...answer, status, stdout: isListing ? listed(0x2222, sequence) : '' };
      },
      sourceAddress: async () => address,
    },
    '2001:22::a',
    10500,
    Promise.resolve(),
  );
  return {
    path,
    calls,
    move: (to: string | null) => {
      address = to;
    },
    fail: (to: number) => {
      status = to;
    },
    count: (...numbers: readonly bigint[]) => {
      sequences = numbers;
    },
    batches: () => calls.flatMap(({ input }) => (input === '' ? [] : [input])),
  };
}

/** One line of ip's listing. */
function listed(spi: number, sequence: bigint): string {
  const [high, low] = [sequence >> 32n, sequence & 0xffff_ffffn];
  return [
    'src 192.0.2.1 dst 192.0.2.2',
    `\tproto esp spi 0x${spi.toString(16).padStart(8, '0')}(${spi}) reqid 7(0x00000007) mode beet`,
    `\t seq-hi 0x0, seq 0x0, oseq-hi 0x${high.toString(16)}, oseq 0x${low.toString(16)}`,
    '\tlifetime current:',
    '\t  100(bytes), 3(packets)',
    '\tstats:',
    '\t  replay-window 0 replay 0 failed 0',
    '\n',
  ].join('\\');
}

describe('the kernel as data path', () => {
  test('keys go to standard input and nowhere else', async () => {
    const { path, calls } = dataPath();
    await path.open(settings);
    await path.setPeers([peer], settings);
    await path.apply(peer, [inbound(), outbound()]);
    await path.apply(peer, [removal]);
    await path.close();
    for (const { command, args } of calls) {
      expect(['/sbin/ip', '/usr/sbin/nft']).toContain(command);
      expect(['-batch -', '-4 -batch -', '-6 -batch -', '-f -']).toContain(args.join(' '));
    }
    expect(calls.filter(({ input }) => input.includes(toHex(key))).length).toBe(2);
  });

  test('a failing command’s message holds no key', async () => {
    const stderr = `Error: argument "0x${toHex(key)}" is wrong: "ALGO-KEYMAT" value is invalid\nCommand failed -:1\n`;
    const { path } = dataPath({ status: 1, stderr });
    const failure = await path.apply(peer, [inbound()]).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'command-failed', isRetryable: true });
    expect(String(failure)).toContain('argument "[secret]" is wrong');
    expect(String(failure)).not.toContain(toHex(key));
  });

  test('without a route there is nothing to install', async () => {
    const { path, calls, move } = dataPath();
    move(null);
    await expect(path.apply(peer, [inbound(), outbound()])).rejects.toMatchObject({ code: 'no-route' });
    expect(calls).toEqual([]);
  });

  test('a pair is removed under the address that it was installed with, before its successor comes', async () => {
    const { path, calls, move } = dataPath();
    await path.apply(peer, [inbound(), outbound()]);
    move('198.51.100.1');
    expect(path.localAddress(0x1111)).toBe('192.0.2.1');
    await path.apply(peer, [removal, inbound()]);
    expect(path.localAddress(0x1111)).toBe('198.51.100.1');
    const [, , gone, come] = calls;
    expect(gone?.input).toContain('dst 192.0.2.1 proto esp spi 0x1111');
    expect(come?.input).toContain('src 192.0.2.2 dst 198.51.100.1 proto esp spi 0x1111');
  });

  test('what is not there to be removed does not keep the rest from going', async () => {
    const { path, fail, batches } = dataPath();
    await path.apply(peer, [inbound(), outbound()]);
    fail(2);
    await path.apply(peer, [removal]);
    const tried = batches()
      .slice(2)
      .map((lines) => lines.split('\n')[0]);
    expect(tried).toEqual([
      'xfrm policy delete src 2001:22::a dst 2001:22::b dir out',
      'xfrm state delete src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x2222',
      'xfrm policy delete src 2001:22::b dst 2001:22::a dir in',
      'xfrm state delete src 192.0.2.2 dst 192.0.2.1 proto esp spi 0x1111',
    ]);
  });

  test('RFC 7402 §6.10: of a rekey the new inbound comes first, then the new outbound, and only then the old one goes', async () => {
    const { path, batches } = dataPath();
    await path.apply(peer, [inbound(), outbound()]);
    await path.apply(peer, [inbound(0x3333)]);
    await path.apply(peer, [outbound(0x4444, 0x2222)]);
    await path.apply(peer, [{ type: 'remove-inbound', spi: 0x1111 }]);
    const [, , newIn, newOut, oldOut, oldIn] = batches();
    expect(newIn).toContain('xfrm state add src 192.0.2.2 dst 192.0.2.1 proto esp spi 0x3333');
    expect(newOut).toContain('xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x4444');
    expect(oldOut).toBe('xfrm state delete src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x2222\n');
    expect(oldIn).toBe('xfrm state delete src 192.0.2.2 dst 192.0.2.1 proto esp spi 0x1111\n');
    expect(path.localAddress(0x1111)).toBeUndefined();
    expect(path.localAddress(0x3333)).toBe('192.0.2.1');
  });

  const moveTo = (address: string, port: number): EspEffect => ({
    type: 'move-outbound',
    ...{ spi: 0x2222, localSpi: 0x1111, to: { address, port } },
  });

  test.each<[string, readonly EspEffect[]]>([
    ['a closed association’s', [removal, outbound()]],
    ['the way before a move', [moveTo('198.51.100.2', 4711)]],
  ])('a new way is not taken for as narrow as %s', async (_, effects) => {
    const { path, batches } = dataPath();
    await path.setPeers([peer], settings);
    await path.apply(peer, [inbound(), outbound()]);
    await path.fitPaths(new Map([[peer.mark, narrowBelow - 1]]));
    expect(batches().at(-1)).toContain(' output-mark 0x80000000 ');
    const before = batches().length;
    await path.apply(peer, effects);
    const added = batches()
      .slice(before)
      .filter((lines) => lines.includes('xfrm state add'));
    expect(added).toHaveLength(1);
    expect(added[0]).not.toContain('output-mark 0x80000000');
  });

  test('RFC 4303 §3.3.3: a move to another address goes on far behind the last sequence number', async () => {
    const { path, batches, count } = dataPath();
    await path.apply(peer, [inbound(), outbound()]);
    count(0x1_ffff_ffffn, 0x1_ffff_ffffn + limits.sequenceMargin - 1n);
    await path.apply(peer, [moveTo('198.51.100.2', 4711)]);
    const [, , moved, gone] = batches();
    expect(moved).toContain('xfrm state add src 192.0.2.1 dst 198.51.100.2 proto esp spi 0x2222');
    expect(moved).toContain(' encap espinudp 10500 4711 0.0.0.0 ');
    expect(moved).toContain(` replay-oseq ${0xfffff} replay-oseq-hi 2 `);
    expect(moved).toContain('tmpl src 192.0.2.1 dst 198.51.100.2 ');
    expect(gone).toBe('xfrm state delete src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x2222\n');
    // Removal follows it.
    await path.apply(peer, [removal]);
    expect(batches().at(-1)).toContain('state delete src 192.0.2.1 dst 198.51.100.2 proto esp spi 0x2222');
  });

  test('a move that the old one has overtaken meanwhile is an error: the keys may have met a number twice', async () => {
    const { path, count } = dataPath();
    await path.apply(peer, [inbound(), outbound()]);
    count(5n, 5n + limits.sequenceMargin);
    await expect(path.apply(peer, [moveTo('198.51.100.2', 4711)])).rejects.toMatchObject({
      code: 'sequence',
    });
  });

  test('another port alone is changed in place, both ways, and counting goes on', async () => {
    const { path, batches } = dataPath();
    await path.apply(peer, [inbound(), outbound()]);
    await path.apply(peer, [moveTo('192.0.2.2', 4711)]);
    const changed = batches().at(-1) ?? '';
    expect(changed.match(/^xfrm state update /gm)).toHaveLength(2);
    expect(changed).toContain('encap espinudp 10500 4711');
    expect(changed).toContain('encap espinudp 4711 10500');
    expect(changed).not.toContain('replay-oseq');
    expect(batches()).toHaveLength(3);
  });

  test('a move from another address of our own: the old one goes first, since the kernel takes both for the same', async () => {
    const { path, batches, move, count } = dataPath();
    await path.apply(peer, [inbound(), outbound()]);
    move('203.0.113.1');
    count(9n);
    await path.apply(peer, [moveTo('192.0.2.2', 10500)]);
    const lines = (batches().at(-1) ?? '').split('\n');
    expect(lines[0]).toBe('xfrm state delete src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x2222');
    expect(lines[1]).toContain('xfrm state add src 203.0.113.1 dst 192.0.2.2 proto esp spi 0x2222');
    expect(lines[1]).toContain(`replay-oseq ${9n + limits.sequenceMargin} `);
  });

  test('what the kernel gave up is not removed again', async () => {
    const { path, batches } = dataPath();
    await path.apply(peer, [inbound(), outbound()]);
    path.forget(peer, 0x1111);
    path.forget(peer, 0x2222);
    await path.apply(peer, [removal]);
    expect(batches()).toHaveLength(2);
  });

  test('traps: traffic asks for peers without an association, and for nobody else', async () => {
    const { path, batches } = dataPath();
    const trap = 'dir out priority 1000 tmpl src 2001:22::a dst 2001:22::b ';
    await path.setPeers([peer], settings);
    expect(batches().at(-1)).toContain(trap);
    await path.apply(peer, [inbound(), outbound()]);
    await path.setPeers([peer], settings);
    expect(batches().at(-1)).not.toContain(trap);
    await path.apply(peer, [removal]);
    expect(batches().at(-1)).toContain(trap);
    await path.setPeers([], settings);
    expect(batches().at(-1)).toContain('xfrm policy delete src 2001:22::a dst 2001:22::b dir out');
  });

  test('a route that stands is left alone; one that moves to another peer, or followed a failure, is made', async () => {
    const { path, batches, fail } = dataPath();
    await path.setPeers([peer], settings);
    await path.setPeers([peer], settings);
    expect(batches().filter((text) => text.includes('route replace'))).toHaveLength(1);
    await path.setPeers([{ ...peer, hit: '2001:22::c', mark: 8 }], settings);
    expect(batches().at(-1)).toContain('route replace 10.0.0.0/8 encap ip6 src 2001:22::a dst 2001:22::c ');
    fail(1);
    await expect(path.setPeers([peer], settings)).rejects.toMatchObject({ code: 'command-failed' });
    fail(0);
    await path.setPeers([peer], settings);
    expect(batches().at(-1)).toContain('route replace 10.0.0.0/8 encap ip6 src 2001:22::a dst 2001:22::b ');
  });

  test('another MTU of the underlay reaches the device', async () => {
    const { path, batches } = dataPath();
    await path.open(settings);
    await path.setPeers([peer], settings);
    expect(batches().at(-1)).not.toContain('mtu');
    await path.setPeers([peer], { ...settings, underlayMtu: 1400 });
    expect(batches().at(-1)).toContain(`link set hip0 mtu ${overlayMtu(1400)}`);
  });

  test('what was never installed is not removed', async () => {
    const { path, calls } = dataPath();
    await path.apply(peer, [removal]);
    expect(calls).toEqual([]);
  });

  test('routes of peers that went are taken away; sources change before routes', async () => {
    const { path, calls } = dataPath();
    await path.setPeers([peer], settings);
    await path.setPeers([], settings);
    expect(calls.map(({ command, input }) => [command, input])).toEqual([
      ['/usr/sbin/nft', expect.stringMatching(/^add table/)],
      ['/sbin/ip', expect.stringMatching(/^xfrm policy update .*\nroute replace 10.0.0.0\/8 /)],
      [
        '/usr/sbin/nft',
        expect.stringMatching(
          /delete element inet hithe_overlay peer_sources_ipv4 \{ 0x7 \. 10\.0\.0\.0\/8 \}/,
        ),
      ],
      [
        '/sbin/ip',
        expect.stringMatching(/^route delete 10.0.0.0\/8 .*\nxfrm state count\nxfrm policy delete /),
      ],
    ]);
  });
});
