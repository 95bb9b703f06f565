import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toHex } from '../../../firmware/bytes/bytes.ts';
import { parseIpv6 } from '../../../firmware/bytes/ipv6-text.ts';
import { describeFrame } from '../../../firmware/capture/describe-frame.ts';
import { packetTypes } from '../../../firmware/hip/packet.ts';
import { items } from '../../capture/capture-file.ts';
import { eventually, Laboratory, missingForNamespaces } from '../namespace.ts';

const missing = missingForNamespaces() ?? (existsSync('/usr/bin/tshark') ? null : 'not installed: tshark');
const main = fileURLToPath(new URL('../../../firmware/main.ts', import.meta.url));

describe.skipIf(missing !== null)(
  `hip probe and hip respond on a wire${missing ? ` (skipped: ${missing})` : ''}`,
  () => {
    let laboratory: Laboratory;
    let hit = '';
    let capture = '';

    beforeAll(async () => {
      laboratory = new Laboratory();
      await laboratory.namespaces('a', 'b');
      await laboratory.cable('a:eth0', 'b:eth0');
      for (const [space, host] of [
        ['a', 1],
        ['b', 2],
      ] as const) {
        await laboratory.ip(space, `address add 10.0.0.${host}/24 dev eth0`);
        await laboratory.ip(space, `address add fd00::${host}/64 dev eth0 nodad`);
        await laboratory.ip(space, 'link set eth0 up');
        // Offloaded UDP checksums are not on the wire of a veth.
        await laboratory.run(space, '/bin/sh', [
          '-c',
          'command -v ethtool >/dev/null && ethtool -K eth0 tx off',
        ]);
      }
      capture = join(laboratory.folder, 'wire.pcapng');
      laboratory.service('b', '/usr/bin/tshark', ['-q', '-i', 'eth0', '-w', capture]);
      await eventually(async () => existsSync(capture), Boolean);
      const responder = laboratory.converse('b', '../../firmware/main.ts', [
        'hip',
        'respond',
        '--raw',
        '--json',
      ]);
      hit = (await responder.next<{ hit: string }>()).hit;
    });

    afterAll(async () => {
      await laboratory?.[Symbol.asyncDispose]();
    });

    test.each([
      ['10.0.0.2', []],
      ['[fd00::2]', []],
      ['10.0.0.2', ['--raw']],
      ['[fd00::2]', ['--raw']],
    ])('%s %j is reached and closed', async (address, options) => {
      const args = [main, 'hip', 'probe', `hip://${address}/${hit}`, '--json', ...options];
      const { status, stdout } = await laboratory.run('a', process.execPath, args);
      const [probe] = (
        JSON.parse(stdout) as { probes: { reached: boolean; closed: boolean; locator: string }[] }
      ).probes;
      const place = options.length === 0 ? `${address}:10500` : address.replaceAll(/[[\]]/g, '');
      expect([status, probe]).toMatchObject([0, { reached: true, closed: true, locator: place }]);
    });

    test('hip decode says of every packet what tshark says', async () => {
      const fields = [
        'frame.number',
        'hip.packet_type',
        'hip.checksum.status',
        '_ws.malformed',
        'hip.hit_sndr',
      ];
      const read = () => {
        // tshark still writes: what is read must be one state of the file.
        const copy = join(laboratory.folder, 'copy.pcapng');
        copyFileSync(capture, copy);
        try {
          const args = [
            '-n',
            '-r',
            copy,
            '-Y',
            'hip',
            '-T',
            'fields',
            ...fields.flatMap((field) => ['-e', field]),
          ];
          return {
            copy,
            text: execFileSync('tshark', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString(),
          };
        } catch {
          return { copy, text: '' };
        }
      };
      const exchanges = 4;
      const { copy, text } = await eventually(
        async () => read(),
        (seen) => seen.text.split('\n').filter((line) => line.split('\t')[1] === '19').length === exchanges,
      );
      const theirs = text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split('\t'))
        .map(([number, type, status, malformed, sender = '']) => ({
          number: Number(number),
          type: Number(type),
          isGood: status === '1' && malformed === '',
          sender: sender.replaceAll(/[^0-9a-f]/g, ''),
        }));
      const found = (await items(readFileSync(copy), 1000)) ?? [];
      const ours = found
        .flatMap((item) => (item.type === 'frame' ? [describeFrame(item.frame)] : []))
        .flatMap((packet) => (packet?.kind === 'hip' && packet.ok ? [packet] : []));
      expect(
        ours.map(({ number, packet, checksum, framing, sender }) => ({
          ...{ number, type: packetTypes[packet], sender: toHex(parseIpv6(sender) ?? new Uint8Array()) },
          isGood: checksum.verdict === (framing === 'udp' ? 'zero-as-over-udp' : 'good'),
        })),
      ).toEqual(theirs);
      expect(ours.length).toBe(exchanges * 6);
      expect(new Set(ours.map(({ framing, source }) => `${framing} ${source.includes(':')}`)).size).toBe(
        exchanges,
      );
    });
  },
);
