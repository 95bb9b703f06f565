import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { concatBytes } from '../../firmware/bytes/bytes.ts';
import { parseIpv6 } from '../../firmware/bytes/ipv6-text.ts';
import { Writer } from '../../firmware/bytes/writer.ts';
import { frameRaw } from '../../firmware/hip/framing.ts';
import { encodePacket } from '../../firmware/hip/packet.ts';
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

/** What tshark reads from a capture: a line a frame, a field a column, several values of one field beside each other. */
function tsharkFields(capture: Uint8Array, fields: readonly string[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'hithe-hip-'));
  try {
    const file = join(folder, 'raw.pcap');
    writeFileSync(file, capture);
    const options = ['-n', '-r', file, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
    const output = execFileSync('tshark', options, { stdio: ['ignore', 'pipe', 'ignore'] });
    const lines = output.toString().split('\n');
    return lines.filter((line) => line !== '').map((line) => line.split('\t'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const skipped = missing ? ` (skipped: ${missing})` : '';

test.skipIf(missing !== null)(
  `RFC 7401 §5.1: tshark finds every checksum good and every packet whole${skipped}`,
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
    const fields = ['hip.packet_type', 'hip.checksum.status', '_ws.malformed', 'hip.tlv_esp_info_new_spi'];
    const frames = tsharkFields(pcap([...framed, broken]), fields).map((line) => line.map(Number));
    const types = [1, 2, 3, 4, 18, 19];
    expect(frames.map(([type, status]) => [type, status])).toEqual([
      ...[...types, ...types].map((type) => [type, 1]),
      // The pseudo-header is part of it: under other addresses the same packet is bad.
      [1, 0],
    ]);
    expect(frames.every(([, , malformed]) => malformed === 0)).toBe(true);
    const i2 = parsed(packets[2] ?? new Uint8Array()).parameters.find(({ name }) => name === 'ESP_INFO');
    expect(frames[2]?.[3]).toBe(i2 !== undefined && 'newSpi' in i2 ? i2.newSpi : undefined);
  },
);

test.skipIf(missing !== null)(
  `RFC 8003, 8004, 8046 and 9028: tshark reads from the extensions' parameters what was written${skipped}`,
  () => {
    const address = concatBytes(new Uint8Array(10), Uint8Array.of(0xff, 0xff, 192, 0, 2, 9));
    const hit = (last: number) => parseIpv6(`2001:22::${last}`) ?? new Uint8Array();
    const relay = (port: number) => ({ port, protocol: 17, address });
    const update = encodePacket({
      ...{ packet: 'UPDATE', controls: 0, sender: hit(1), receiver: hit(2) },
      parameters: [
        { name: 'ESP_INFO', keymatIndex: 200, oldSpi: 17, newSpi: 34 },
        {
          name: 'LOCATOR_SET',
          locators: [
            { kind: 'esp', trafficType: 0, preferred: true, lifetime: 60, spi: 34, address },
            {
              ...{ kind: 'transport', trafficType: 2, preferred: false, lifetime: 61, port: 10500 },
              ...{ protocol: 17, candidateKind: 1, priority: 77, spi: 51, address },
            },
            { kind: 'address', trafficType: 1, preferred: false, lifetime: 62, address },
          ],
        },
        { name: 'SEQ', updateId: 5 },
        { name: 'ACK', updateIds: [3, 4] },
        { name: 'NAT_TRAVERSAL_MODE', modes: [1, 3] },
        { name: 'TRANSACTION_PACING', value: 500 },
        {
          name: 'CERT',
          ...{ group: 1, count: 2, id: 3, certificateType: 4, certificate: Uint8Array.of(1, 2, 3) },
        },
        { name: 'NOTIFICATION', messageType: 42, data: new Uint8Array() },
        { name: 'REG_INFO', minLifetime: 64, maxLifetime: 191, types: [1, 2] },
        { name: 'REG_REQUEST', lifetime: 100, types: [1] },
        { name: 'REG_RESPONSE', lifetime: 101, types: [2] },
        { name: 'REG_FAILED', failure: 2, types: [3] },
        { name: 'REG_FROM', ...relay(10500) },
        { name: 'MAPPED_ADDRESS', ...relay(1) },
        { name: 'CANDIDATE_PRIORITY', value: 4 },
        { name: 'HIP_MAC', mac: new Uint8Array(48) },
        { name: 'RELAY_FROM', ...relay(10501) },
        { name: 'RELAY_TO', ...relay(10502) },
        { name: 'FROM', address },
        { name: 'RVS_HMAC', mac: new Uint8Array(48).fill(1) },
        { name: 'VIA_RVS', addresses: [address, address] },
        { name: 'RELAY_HMAC', mac: new Uint8Array(48).fill(2) },
      ],
    });
    const [locator, text] = ['hip.tlv.locator', '::ffff:192.0.2.9'];
    const expected: Readonly<Record<string, string>> = {
      'hip.checksum.status': '1',
      '_ws.malformed': '',
      'hip.type':
        '65,193,385,449,608,610,768,832,930,932,934,936,950,4660,4700,61505,63998,64002,65498,65500,65502,65520',
      'hip.tlv_esp_info_key_index': '0x00c8',
      'hip.tlv_esp_info_old_spi': '0x00000011',
      [`${locator}_traffic_type`]: '0,2,1',
      [`${locator}_type`]: '1,2,0',
      [`${locator}_len`]: '5,7,4',
      [`${locator}_reserved`]: '0x01,0x00,0x00',
      [`${locator}_lifetime`]: '60,61,62',
      [`${locator}_port`]: '10500',
      [`${locator}_transport_protocol`]: '17',
      [`${locator}_kind`]: '0x01',
      [`${locator}_priority`]: '0x0000004d',
      [`${locator}_spi`]: '0x00000022,0x00000033',
      // Each address is the name of its locator's branch, too.
      [`${locator}_address`]: Array.from({ length: 6 }, () => text).join(','),
      'hip.tlv_seq_update_id': '0x00000005',
      'hip.tlv_ack_updid': '0x00000003,0x00000004',
      'hip.tlv.nat_traversal_mode_id': '0x0001,0x0003',
      'hip.tlv_transaction_minta': '500',
      'hip.tlv.cert_group': '1',
      'hip.tlv.cert_count': '2',
      'hip.tlv.cert_id': '3',
      'hip.tlv.cert_type': '4',
      'hip.tlv.certificate': '010203',
      'hip.tlv.notification_type': '42',
      'hip.tlv.reg_ltmin': '64',
      'hip.tlv.reg_ltmax': '191',
      'hip.tlv.reg_lt': '100,101',
      'hip.tlv.reg_type': '1,2,1,2,3',
      'hip.tlv.reg_failtype': '2',
      'hip.tlv.reg_from_port': '10500',
      'hip.tlv_reg_from_protocol': '17',
      'hip.tlv_reg_from_address': text,
      'hip.tlv.relay_from_port': '10501',
      'hip.tlv_relay_from_address': text,
      'hip.tlv.relay_to_port': '10502',
      'hip.tlv_relay_to_address': text,
      'hip.tlv_from_address': text,
      'hip.tlv_rvs_address': `${text},${text}`,
      'hip.tlv.hmac': ['00', '01', '02'].map((octet) => octet.repeat(48)).join(','),
    };
    const capture = pcap([inIp(ipv4, frameRaw(update, ...ipv4))]);
    const [frame] = tsharkFields(capture, Object.keys(expected));
    const read = Object.keys(expected).map((field, index) => [field, frame?.[index]]);
    expect(Object.fromEntries(read)).toEqual(expected);
  },
);
