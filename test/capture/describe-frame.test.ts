import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeFrame } from '../../firmware/capture/describe-frame.ts';
import { limits } from '../../firmware/capture/limits.ts';
import { frameRaw, frameUdp } from '../../firmware/hip/framing.ts';
import { encodePacket } from '../../firmware/hip/packet.ts';
import { addresses, inEthernet, inIp, inUdp, joined } from './capture-file.ts';

const i1 = encodePacket({
  ...{ packet: 'I1', controls: 0, sender: new Uint8Array(16), receiver: new Uint8Array(16) },
  parameters: [{ name: 'DH_GROUP_LIST', groups: [7, 8, 9] }],
});
const raw = (version: 4 | 6) => frameRaw(i1, ...addresses(version));
const esp = Uint8Array.of(0x12, 0x34, 0x56, 0x78, 0, 0, 1, 2, ...new Array<number>(24).fill(9));

const look = (octets: Uint8Array, linkType = 101, ports?: number[]) =>
  describeFrame({ number: 1, time: null, linkType, octets }, ports);
const hip = { kind: 'hip', ok: true, packet: 'I1', length: i1.length };
const ipv4Ends = { source: '192.0.2.1', destination: '192.0.2.2' };

describe('frames of a capture', () => {
  test.each([
    ['Ethernet', 1, inEthernet(inIp(4, 139, raw(4)))],
    [
      'Ethernet with its padding',
      1,
      joined([inEthernet(inIp(4, 139, raw(4))), new Uint8Array(6).fill(0xee)]),
    ],
    ['a VLAN', 1, inEthernet(inIp(4, 139, raw(4)), [0x8100])],
    ['VLANs within VLANs', 1, inEthernet(inIp(4, 139, raw(4)), [0x88a8, 0x8100, 0x9100, 0x8100])],
    ['Linux cooked', 113, joined([new Uint8Array(14), Uint8Array.of(8, 0), inIp(4, 139, raw(4))])],
    ['Linux cooked v2', 276, joined([Uint8Array.of(8, 0), new Uint8Array(18), inIp(4, 139, raw(4))])],
    ['BSD loopback', 0, joined([Uint8Array.of(2, 0, 0, 0), inIp(4, 139, raw(4))])],
    ...[12, 14, 101, 228].map((type) => [`raw IP ${type}`, type, inIp(4, 139, raw(4))] as const),
  ] as const)('%s', (_, linkType, octets) => {
    expect(look(octets, linkType)).toMatchObject({
      ...{ ...hip, ...ipv4Ends, framing: 'raw', sourcePort: null },
      checksum: { verdict: 'good' },
    });
  });

  test('IPv6 with extension headers before HIP', () => {
    const extensions = joined([
      Uint8Array.of(60, 0, 0, 0, 0, 0, 0, 0),
      Uint8Array.of(51, 1, ...new Array<number>(14).fill(0)),
      Uint8Array.of(44, 1, ...new Array<number>(10).fill(0)),
      // An atomic fragment: a whole datagram (RFC 6946).
      Uint8Array.of(139, 0, 0, 0, 0, 0, 0, 7),
    ]);
    expect(look(inIp(6, 139, raw(6), { extensions, firstExtension: 0 }))).toMatchObject({
      ...{ ...hip, source: '2001:db8::1', destination: '2001:db8::2' },
      checksum: { verdict: 'good' },
    });
  });

  test.each([
    [
      'the first of an IPv4 datagram',
      inIp(4, 139, raw(4).slice(0, 16), { flagsAndOffset: 0x2000 }),
      0x1234,
      0,
      true,
    ],
    ['the last', inIp(4, 17, raw(4).slice(16), { flagsAndOffset: 2 }), 0x1234, 16, false],
    [
      'an IPv6 fragment',
      inIp(6, 139, raw(6).slice(16), {
        extensions: Uint8Array.of(139, 0, 0, 17, 0, 0, 0, 9),
        firstExtension: 44,
      }),
      ...[9, 16, true],
    ],
  ] as const)('%s is reported, not decoded', (_, octets, identification, offset, more) => {
    expect(look(octets)).toMatchObject({ kind: 'fragment', fragment: { identification, offset, more } });
  });

  test('over UDP: HIP by its marker on any port, ESP and keepalives on HIP’s', () => {
    const marked = { ...hip, framing: 'udp', checksum: { verdict: 'zero-as-over-udp' } };
    expect(look(inIp(4, 17, inUdp(frameUdp(i1), 4711, 10500)))).toMatchObject({
      ...marked,
      sourcePort: 4711,
    });
    expect(look(inIp(4, 17, inUdp(frameUdp(i1), 1, 2)))).toMatchObject({ ...marked, destinationPort: 2 });
    expect(look(inIp(6, 17, inUdp(frameUdp(raw(6)))))).toMatchObject({
      checksum: { verdict: 'not-zero-over-udp' },
    });
    expect(look(inIp(4, 17, inUdp(esp)))).toMatchObject({
      ...{ kind: 'esp', framing: 'udp', spi: '0x12345678', sequence: 258, length: 32 },
    });
    expect(look(inIp(4, 17, inUdp(esp, 1, 2)))).toBeNull();
    expect(look(inIp(4, 17, inUdp(esp, 1, 2)), 101, [2])).toMatchObject({ kind: 'esp' });
    expect(look(inIp(6, 50, esp))).toMatchObject({ kind: 'esp', framing: 'raw', sequence: 258 });
    expect(look(inIp(4, 17, inUdp(Uint8Array.of(0xff))))).toMatchObject({ kind: 'keepalive' });
  });

  test('a HIP packet that does not decode has its error and the verdict on its checksum', () => {
    const unknown = i1.slice();
    unknown[2] = 99;
    expect(look(inIp(4, 139, frameRaw(unknown, ...addresses(4))))).toMatchObject({
      ...{ kind: 'hip', ok: false, checksum: { verdict: 'good' } },
      error: { path: 'HIP.Packet Type', offset: 2, problem: '99 is not known' },
    });
    expect(look(inIp(4, 139, raw(4).slice(0, 44)))).toMatchObject({
      ...{ ok: false, checksum: { verdict: 'bad' } },
      error: { path: 'HIP.Header Length', offset: 1 },
    });
    expect(look(inIp(4, 139, Uint8Array.of(59, 4)))).toMatchObject({ ok: false, checksum: null });
    expect(look(inIp(4, 17, inUdp(new Uint8Array(4))))).toMatchObject({ kind: 'hip', ok: false });
  });

  test('what is cut below HIP is damaged, what is something else is nothing', () => {
    expect(look(inIp(4, 139, raw(4)).slice(0, 19))).toMatchObject({
      ...{ kind: 'damaged', ok: false },
      error: { path: 'IPv4.Destination Address', offset: 16 },
    });
    expect(look(new Uint8Array(60).fill(0x45), 147)).toMatchObject({
      error: { path: 'frame', problem: 'link type 147 is not known' },
    });
    expect(look(inIp(4, 17, Uint8Array.of(0, 1, 0, 2, 0, 7, 0, 0)))).toMatchObject({
      error: { path: 'UDP.Length' },
    });
    const tooDeep = inEthernet(inIp(4, 139, raw(4)), new Array<number>(limits.vlanTags + 1).fill(0x8100));
    expect(look(tooDeep, 1)).toMatchObject({ error: { path: 'Ethernet.VLAN' } });
    expect(look(joined([new Uint8Array(12), Uint8Array.of(8, 6), new Uint8Array(28)]), 1)).toBeNull();
    expect(look(inIp(4, 6, new Uint8Array(20)))).toBeNull();
  });

  test('never throws', async () => {
    const start = fc.constantFrom(
      inEthernet(inIp(4, 139, raw(4))),
      inEthernet(inIp(6, 17, inUdp(frameUdp(i1)))),
      inIp(6, 139, raw(6), { extensions: Uint8Array.of(139, 0, 0, 1, 0, 0, 0, 9), firstExtension: 44 }),
      inIp(4, 17, inUdp(esp)),
    );
    const changes = fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 5 });
    await fc.assert(
      fc.property(
        start,
        changes,
        fc.nat(140),
        fc.constantFrom(0, 1, 101, 113, 276, 9999),
        (from, list, length, type) => {
          const octets = from.slice(0, length);
          for (const [at, value] of list) if (at < octets.length) octets[at] = value;
          expect(() => JSON.stringify(look(octets, type))).not.toThrow();
        },
      ),
      { numRuns: 2000 },
    );
    await fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(300), (octets, type) => {
        expect(() => look(octets, type)).not.toThrow();
      }),
    );
  });
});
