import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { concatBytes } from '../../firmware/bytes/bytes.ts';
import { Writer } from '../../firmware/bytes/writer.ts';
import { frameRaw } from '../../firmware/hip/framing.ts';
import { parseIpv6 } from '../../firmware/hip/ipv6-text.ts';
import { exchange, parsed, twoHosts } from './two-hosts.ts';

const missing = existsSync('/usr/bin/tshark') ? null : 'not installed: tshark';

type Addresses = readonly [source: Uint8Array, destination: Uint8Array];
const ipv4: Addresses = [Uint8Array.of(192, 0, 2, 1), Uint8Array.of(192, 0, 2, 2)];
const ipv6: Addresses = [
  parseIpv6('2001:db8::1') ?? new Uint8Array(),
  parseIpv6('2001:db8::2') ?? new Uint8Array(),
];

/** A classic pcap file of raw IP datagrams (link type 101). */
function pcap(datagrams: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer().u32(0xa1b2c3d4).u16(2).u16(4).u32(0).u32(0).u32(65_535).u32(101);
  for (const datagram of datagrams)
    writer.u32(0).u32(0).u32(datagram.length).u32(datagram.length).bytes(datagram);
  return writer.finish();
}

function inIp([source, destination]: Addresses, hip: Uint8Array): Uint8Array {
  const writer = new Writer();
  if (source.length === 4)
    writer
      .u8(0x45)
      .u8(0)
      .u16(20 + hip.length)
      .u32(0)
      .u8(64)
      .u8(139)
      .u16(0);
  else writer.u32(0x6000_0000).u16(hip.length).u8(139).u8(64);
  return concatBytes(writer.finish(), source, destination, hip);
}

test.skipIf(missing !== null)(
  `RFC 7401 §5.1: tshark finds every checksum good and every packet whole${missing ? ` (skipped: ${missing})` : ''}`,
  async () => {
    const [initiator, responder] = await twoHosts();
    const packets = Object.values(await exchange(initiator, responder));
    const [close = new Uint8Array()] = await initiator.packets({ type: 'close' });
    const [closeAck = new Uint8Array()] = await responder.receive(close, initiator);
    packets.push(close, closeAck);

    const framed = [ipv4, ipv6].flatMap((addresses) =>
      packets.map((packet) => inIp(addresses, frameRaw(packet, ...addresses))),
    );
    const broken = inIp(ipv4, frameRaw(packets[0] ?? new Uint8Array(), ...ipv6));
    const folder = mkdtempSync(join(tmpdir(), 'hithe-hip-'));
    try {
      const file = join(folder, 'raw.pcap');
      writeFileSync(file, pcap([...framed, broken]));
      const fields = ['hip.packet_type', 'hip.checksum.status', '_ws.malformed', 'hip.tlv_esp_info_new_spi'];
      const output = execFileSync(
        'tshark',
        ['-n', '-r', file, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])],
        {
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      );
      const frames = output
        .toString()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split('\t').map(Number));
      const types = [1, 2, 3, 4, 18, 19];
      expect(frames.map(([type, status]) => [type, status])).toEqual([
        ...[...types, ...types].map((type) => [type, 1]),
        // The pseudo-header is part of it: under other addresses the same packet is bad.
        [1, 0],
      ]);
      expect(frames.every(([, , malformed]) => malformed === 0)).toBe(true);
      const i2 = parsed(packets[2] ?? new Uint8Array()).parameters.find(({ name }) => name === 'ESP_INFO');
      expect(frames[2]?.[3]).toBe(i2 !== undefined && 'newSpi' in i2 ? i2.newSpi : undefined);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
