import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatHit } from '../../../firmware/hip/host-identity-tag.ts';
import { ownIdentity } from '../../../firmware/hip/own-identity.ts';
import { renderAdmission } from '../../../firmware/netd/overlay/admission.ts';
import { renderAntiSpoofing } from '../../../firmware/netd/overlay/anti-spoofing.ts';
import { firstMark, readPeers } from '../../../firmware/netd/overlay/peer.ts';
import { renderBasePolicies, renderTrap } from '../../../firmware/netd/overlay/xfrm.ts';
import type { PeerSettings } from '../../../firmware/store/settings-schema.ts';
import { hipCrypto } from '../../../firmware/system/hip-crypto.ts';
import { softwareSigner } from '../../../firmware/system/host-identity-file.ts';
import { type Conversation, eventually, Laboratory, missingForNamespaces } from '../namespace.ts';
import type { DaemonAnswer, DaemonRequest } from './overlay-daemon.ts';

const missing = missingForNamespaces();
const noTshark = missing ?? (existsSync('/usr/bin/tshark') ? null : 'not installed: tshark');

class Gateway {
  readonly pem: string;
  readonly hit: string;
  readonly #laboratory: Laboratory;
  readonly #name: string;
  #daemon: Conversation | undefined;

  constructor(laboratory: Laboratory, name: string) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    this.hit = formatHit(ownIdentity(softwareSigner(privateKey).identity, hipCrypto).hit);
    this.#laboratory = laboratory;
    this.#name = name;
  }

  peer(address: string): PeerSettings {
    return { name: this.#name, uri: `hip://${address}:10500/${this.hit}`, protectedPrefixes: [] };
  }

  async start(peers: PeerSettings[]): Promise<DaemonAnswer> {
    this.#daemon = this.#laboratory.converse(this.#name, '../netd/overlay/overlay-daemon.ts');
    return await this.ask({ do: 'start', pem: this.pem, peers });
  }

  async ask(request: DaemonRequest): Promise<DaemonAnswer> {
    if (this.#daemon === undefined) throw new Error(`${this.#name} is not started`);
    return await this.#daemon.ask<DaemonAnswer>(request);
  }

  look(): Promise<DaemonAnswer> {
    return this.ask({ do: 'look' });
  }

  get log(): string {
    return this.#daemon?.log ?? '';
  }

  /** Ends without a word to anybody, as a power cut does. */
  async crash(): Promise<void> {
    await this.#daemon?.close();
  }
}

const isUp = ({ tunnels }: DaemonAnswer) =>
  tunnels.some(({ state }) => state === 'ESTABLISHED' || state === 'R2-SENT');

/** Waits until both ends carry with each other, and returns what they have installed. */
async function connected(
  a: Gateway,
  b: Gateway,
  patienceMs = 15_000,
): Promise<readonly [DaemonAnswer, DaemonAnswer]> {
  const agree = ([left, right]: readonly DaemonAnswer[]) =>
    left !== undefined &&
    right !== undefined &&
    isUp(left) &&
    isUp(right) &&
    left.outbound.length === 1 &&
    right.outbound.length === 1 &&
    // Keys that were replaced may still receive.
    right.inbound.includes(String(left.outbound)) &&
    left.inbound.includes(String(right.outbound));
  const looks = await eventually(() => Promise.all([a.look(), b.look()]), agree, patienceMs);
  expect(agree(looks), `${JSON.stringify(looks)}\n${a.log}\n${b.log}`).toBe(true);
  return looks;
}

describe.skipIf(missing !== null)(
  `the control plane over real sockets${missing ? ` (skipped: ${missing})` : ''}`,
  () => {
    let laboratory: Laboratory;
    let a: Gateway;
    let b: Gateway;
    let c: Gateway;

    beforeEach(async () => {
      laboratory = new Laboratory();
      await laboratory.namespaces('a', 'b', 'c', 'net');
      for (const [index, name] of ['a', 'b', 'c'].entries()) {
        await laboratory.cable(`${name}:eth0`, `net:to-${name}`);
        await laboratory.ip(name, 'link set eth0 up');
        if (name !== 'b') await laboratory.ip(name, `address add 10.0.0.${index + 1}/24 dev eth0`);
        await laboratory.ip(name, `address add fd00::${index + 1}/64 dev eth0 nodad`);
      }
      await laboratory.ip('net', 'link add bridge type bridge');
      for (const link of ['bridge', 'to-a', 'to-b', 'to-c'])
        await laboratory.ip('net', `link set ${link} up`);
      for (const link of ['to-a', 'to-b', 'to-c'])
        await laboratory.ip('net', `link set ${link} master bridge`);
      [a, b, c] = [new Gateway(laboratory, 'a'), new Gateway(laboratory, 'b'), new Gateway(laboratory, 'c')];
    });
    afterEach(async () => {
      await laboratory[Symbol.asyncDispose]();
    });

    test('two that know each other agree, over IPv6; a stranger gets no answer at all', async () => {
      await a.start([b.peer('[fd00::2]')]);
      await b.start([a.peer('[fd00::1]')]);
      await c.start([a.peer('[fd00::1]')]);
      const [left] = await connected(a, b);
      expect(left.tunnels).toMatchObject([
        { peer: 'b', hit: b.hit, locator: '[fd00::2]:10500', espSuite: 'aes-gcm-16', lastError: null },
      ]);
      expect(left.outbound[0]).toContain('aes-gcm-16');
      // Longer than the first repetition of its I1 takes.
      const stranger = await eventually(
        () => c.look(),
        ({ tunnels }) => tunnels[0]?.state !== 'I1-SENT',
        1500,
      );
      expect(stranger.tunnels).toMatchObject([{ state: 'I1-SENT', espSuite: null, establishedAt: null }]);
      expect((await a.look()).tunnels.length).toBe(1);
    }, 30_000);

    test('an uplink without an address only delays it; a new address moves it under new keys; a crash starts it over', async () => {
      await a.start([b.peer('10.0.0.2')]);
      await b.start([a.peer('10.0.0.1')]);
      expect(isUp(await b.look())).toBe(false);
      await laboratory.ip('b', 'address add 10.0.0.2/24 dev eth0');
      const [first] = await connected(a, b);
      expect(first.tunnels[0]?.locator).toBe('10.0.0.2:10500');

      await laboratory.ip('b', 'address add 10.0.0.22/24 dev eth0');
      await laboratory.ip('b', 'address delete 10.0.0.2/24 dev eth0');
      await laboratory.ip('b', 'address add 10.0.0.22/24 dev eth0').catch(() => {});
      await eventually(
        () => a.look(),
        ({ tunnels }) => tunnels[0]?.locator === '10.0.0.22:10500',
        15_000,
      );
      const [second] = await connected(a, b);
      expect(second.tunnels[0]?.locator).toBe('10.0.0.22:10500');
      expect(second.outbound).not.toEqual(first.outbound);

      await b.crash();
      await b.start([a.peer('10.0.0.1')]);
      const [third] = await connected(a, b);
      expect(third.outbound).not.toEqual(second.outbound);
    }, 60_000);

    test('a peer that is taken from the settings is told and forgotten; one that is added is met', async () => {
      await laboratory.ip('b', 'address add 10.0.0.2/24 dev eth0');
      await a.start([b.peer('10.0.0.2')]);
      await b.start([a.peer('10.0.0.1')]);
      await connected(a, b);
      const without = await a.ask({ do: 'reconfigure', peers: [c.peer('10.0.0.3')] });
      expect(without).toMatchObject({ tunnels: [{ peer: 'c' }], inbound: [], outbound: [] });
      const told = await eventually(
        () => b.look(),
        (look) => !isUp(look),
      );
      expect(told).toMatchObject({ tunnels: [{ espSuite: null }], inbound: [], outbound: [] });
      await c.start([a.peer('10.0.0.1')]);
      await connected(a, c);
      await a.ask({ do: 'stop' });
      const left = await eventually(
        () => c.look(),
        (look) => !isUp(look),
      );
      expect(left.outbound).toEqual([]);
    }, 60_000);

    test.skipIf(noTshark !== null)(
      `RFC 9028 §5.1: what is on the wire${noTshark ? ` (skipped: ${noTshark})` : ''}`,
      async () => {
        await laboratory.ip('b', 'address add 10.0.0.2/24 dev eth0');
        const capture = join(laboratory.folder, 'wire.pcap');
        laboratory.service('net', '/usr/bin/tshark', [
          '-q',
          '-i',
          'bridge',
          '-f',
          'udp port 10500',
          '-w',
          capture,
        ]);
        await eventually(async () => existsSync(capture), Boolean);
        // Offloaded checksums are not on the wire of a veth; the host has to make them.
        for (const name of ['a', 'b']) {
          await laboratory.run(name, '/bin/sh', [
            '-c',
            'command -v ethtool >/dev/null && ethtool -K eth0 tx off',
          ]);
        }
        await a.start([b.peer('10.0.0.2')]);
        await b.start([a.peer('10.0.0.1')]);
        await connected(a, b);
        await a.ask({ do: 'stop' });
        await eventually(
          () => b.look(),
          (look) => !isUp(look),
        );
        const read = () =>
          execFileSync(
            'tshark',
            [
              '-n',
              '-r',
              capture,
              '-T',
              'fields',
              '-E',
              'separator=/t',
              '-e',
              'hip.packet_type',
              '-e',
              'hip.checksum.status',
              '-e',
              '_ws.malformed',
              '-e',
              'udp.payload',
            ],
            {
              stdio: ['ignore', 'pipe', 'ignore'],
            },
          )
            .toString()
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => line.split('\t'));
        const frames = await eventually(
          async () => {
            try {
              return read();
            } catch {
              // The capture is still being written.
              return [];
            }
          },
          (seen) => seen.some(([type]) => type === '19'),
        );
        const types = new Set(frames.map(([type]) => type));
        for (const type of ['1', '2', '3', '4', '18', '19']) expect(types).toContain(type);
        for (const [, status, malformed, payload = ''] of frames) {
          expect([status, malformed, payload.slice(0, 8), payload.slice(16, 20)]).toEqual([
            '1',
            '',
            '00000000',
            '0000',
          ]);
        }
      },
      60_000,
    );

    test('traffic that meets a trap has the association made; both ends wait until then', async () => {
      await laboratory.ip('b', 'address add 10.0.0.2/24 dev eth0');
      await a.start([{ ...b.peer('10.0.0.2'), connect: 'on-demand' }]);
      await b.start([{ ...a.peer('10.0.0.1'), connect: 'on-demand' }]);
      await laboratory.ip('a', `address add ${a.hit}/128 dev lo nodad`);
      await laboratory.ip('a', `route add 2001:20::/28 dev eth0 src ${a.hit}`);
      const trap = renderTrap({ localHit: a.hit, peerHit: b.hit });
      expect(await laboratory.run('a', '/sbin/ip', ['-batch', '-'], trap)).toMatchObject({ status: 0 });
      expect((await a.look()).tunnels).toMatchObject([{ state: 'UNASSOCIATED', connect: 'on-demand' }]);
      // What meets the trap is dropped: nothing answers.
      await laboratory.run('a', '/bin/bash', ['-c', `echo >/dev/udp/${b.hit}/9`]);
      await connected(a, b);
    }, 30_000);

    test('nftables and XFRM take what is rendered, again and again', async () => {
      const peers = readPeers(
        [
          {
            name: 'b',
            uri: b.peer('10.0.0.2').uri,
            protectedPrefixes: ['192.168.20.0/24', '10.0.0.0/8', 'fd20::/64'],
          },
          { name: 'c', uri: c.peer('10.0.0.3').uri, protectedPrefixes: ['192.168.0.0/16'] },
        ],
        (hit) => firstMark + (hit === b.hit ? 0 : 1),
      );
      const nft = async (input: string) => {
        const { status, stderr } = await laboratory.run('a', '/usr/sbin/nft', ['-f', '-'], input);
        expect([status, stderr]).toEqual([0, '']);
      };
      const ruleset = async () =>
        (await laboratory.run('a', '/usr/sbin/nft', ['list', 'table', 'inet', 'hithe_overlay'])).stdout +
        (await laboratory.run('a', '/usr/sbin/nft', ['list', 'table', 'inet', 'hithe_admission'])).stdout;
      const render = (given: typeof peers, before?: typeof peers) =>
        renderAntiSpoofing(given, 1406, before) + renderAdmission(a.hit, given, before);
      let before: typeof peers = [];
      await nft(render(before));
      for (const given of [peers, peers, peers.slice(1), peers.slice(0, 1), [], peers]) {
        await nft(render(given, before));
        const changed = await ruleset();
        await nft(render(given));
        expect(changed).toBe(await ruleset());
        before = given;
      }
      for (let times = 0; times < 2; times++) {
        const { status, stderr } = await laboratory.run(
          'a',
          '/sbin/ip',
          ['-batch', '-'],
          renderBasePolicies() +
            peers.map(({ hit }) => renderTrap({ localHit: a.hit, peerHit: hit })).join(''),
        );
        expect([status, stderr]).toEqual([0, '']);
      }
      const shown = await laboratory.ip('a', 'xfrm policy');
      expect(shown.match(/action block/g)?.length).toBe(6);
      expect(shown.match(/mode beet/g)?.length).toBe(peers.length);
    });
  },
);
