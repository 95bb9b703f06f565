import { describe, expect, test } from 'vitest';
import { toHex } from '../../../firmware/bytes/bytes.ts';
import { Secret } from '../../../firmware/bytes/secret.ts';
import { espSuites } from '../../../firmware/hip/suites.ts';
import { type EspEffect, KernelDataPath } from '../../../firmware/netd/overlay/data-path.ts';
import { readPeers } from '../../../firmware/netd/overlay/peer.ts';

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
const inbound: EspEffect = {
  type: 'install-inbound',
  association: { spi: 0x1111, suite, keys, from: locator },
};
const outbound: EspEffect = {
  type: 'install-outbound',
  association: { spi: 0x2222, suite, keys, to: locator },
};
const removal: EspEffect = { type: 'remove-esp', localSpi: 0x1111, peerSpi: 0x2222, locator };

type Call = { readonly command: string; readonly args: readonly string[]; readonly input: string };

function dataPath(answer: { status: number; stderr: string } = { status: 0, stderr: '' }) {
  const calls: Call[] = [];
  let address: string | null = '192.0.2.1';
  let { status } = answer;
  const path = new KernelDataPath(
    {
      run: async (command, args, options) => {
        calls.push({ command, args, input: options?.input ?? '' });
        return { ...answer, status, stdout: '' };
      },
      sourceAddress: async () => address,
    },
    '2001:22::a',
    10500,
  );
  const move = (to: string | null) => {
    address = to;
  };
  const fail = (to: number) => {
    status = to;
  };
  return { path, calls, move, fail };
}

describe('the kernel as data path', () => {
  test('keys go to standard input and nowhere else', async () => {
    const { path, calls } = dataPath();
    await path.open(1500);
    await path.setPeers([peer], 1500);
    await path.apply(peer, [inbound, outbound]);
    await path.apply(peer, [removal]);
    await path.close();
    for (const { command, args } of calls) {
      expect(['/sbin/ip', '/usr/sbin/nft']).toContain(command);
      expect(['-batch -', '-f -']).toContain(args.join(' '));
    }
    expect(calls.filter(({ input }) => input.includes(toHex(key))).length).toBe(1);
  });

  test('a failing command’s message holds no key', async () => {
    const stderr = `Error: argument "0x${toHex(key)}" is wrong: "ALGO-KEYMAT" value is invalid\nCommand failed -:1\n`;
    const { path } = dataPath({ status: 1, stderr });
    const failure = await path.apply(peer, [inbound]).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'command-failed', isRetryable: true });
    expect(String(failure)).toContain('argument "[secret]" is wrong');
    expect(String(failure)).not.toContain(toHex(key));
  });

  test('without a route there is nothing to install', async () => {
    const { path, calls, move } = dataPath();
    move(null);
    await expect(path.apply(peer, [inbound, outbound])).rejects.toMatchObject({ code: 'no-route' });
    expect(calls).toEqual([]);
  });

  test('a pair is removed under the address that it was installed with, before its successor comes', async () => {
    const { path, calls, move } = dataPath();
    await path.apply(peer, [inbound, outbound]);
    move('198.51.100.1');
    expect(path.localAddress(0x1111)).toBe('192.0.2.1');
    await path.apply(peer, [removal, inbound]);
    expect(path.localAddress(0x1111)).toBe('198.51.100.1');
    const [, gone, come] = calls;
    expect(gone?.input).toContain('dst 192.0.2.1 proto esp spi 0x1111');
    expect(come?.input).toContain('src 192.0.2.2 dst 198.51.100.1 proto esp spi 0x1111');
  });

  test('what is not there to be removed does not keep the rest from going', async () => {
    const { path, calls, fail } = dataPath();
    await path.apply(peer, [inbound, outbound]);
    fail(2);
    await path.apply(peer, [removal]);
    const [, whole, ...lines] = calls.map(({ input }) => input);
    expect(lines.join('')).toBe(whole);
    expect(lines.length).toBe(4);
  });

  test('what was never installed is not removed', async () => {
    const { path, calls } = dataPath();
    await path.apply(peer, [removal]);
    expect(calls).toEqual([]);
  });

  test('routes of peers that went are taken away; sources change before routes', async () => {
    const { path, calls } = dataPath();
    await path.setPeers([peer], 1500);
    await path.setPeers([], 1500);
    expect(calls.map(({ command, input }) => [command, input.split(' ').slice(0, 3).join(' ')])).toEqual([
      ['/usr/sbin/nft', expect.stringMatching(/^add table/)],
      ['/sbin/ip', 'route replace 10.0.0.0/8'],
      ['/usr/sbin/nft', expect.stringMatching(/^add table/)],
      ['/sbin/ip', 'route delete 10.0.0.0/8'],
    ]);
  });
});
