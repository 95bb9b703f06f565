import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, toHex } from '../../firmware/bytes/bytes.ts';
import { parseIpv6 } from '../../firmware/bytes/ipv6-text.ts';
import { describePacket, formatDescription, packetOctets } from '../../firmware/hip/describe.ts';
import { frameRaw, frameUdp } from '../../firmware/hip/framing.ts';
import { encodePacket } from '../../firmware/hip/packet.ts';

const octets = (text: string) => parseIpv6(text) ?? new Uint8Array();
const [source, destination] = [Uint8Array.of(192, 0, 2, 1), Uint8Array.of(192, 0, 2, 2)];
const i1 = encodePacket({
  ...{ packet: 'I1', controls: 0, sender: octets('2001:20::1'), receiver: octets('2001:20::2') },
  parameters: [{ name: 'DH_GROUP_LIST', groups: [3, 4, 8] }],
});

function inIpv4(protocol: number, payload: Uint8Array): Uint8Array {
  const header = new Uint8Array(20);
  header.set([0x45, 0, 0, 20 + payload.length, 0, 0, 0, 0, 64, protocol]);
  header.set(source, 12);
  header.set(destination, 16);
  return concatBytes(header, payload, Uint8Array.of(0xee, 0xee));
}

function inIpv6(payload: Uint8Array): Uint8Array {
  const header = new Uint8Array(8);
  header.set([0x60, 0, 0, 0, 0, payload.length, 139, 64]);
  return concatBytes(header, octets('2001:db8::1'), octets('2001:db8::2'), payload);
}

const verdict = (input: Uint8Array) => {
  const description = describePacket(input);
  return description.ok
    ? `${description.value.checksum.value} ${description.value.checksum.verdict}`
    : description.error.problem;
};

describe('hip decode', () => {
  test('the checksum’s verdict depends on how the packet travels', () => {
    expect(verdict(inIpv4(139, frameRaw(i1, source, destination)))).toBe('0xf1ce good');
    expect(verdict(inIpv6(frameRaw(i1, octets('2001:db8::1'), octets('2001:db8::2'))))).toBe('0x1a5e good');
    expect(verdict(inIpv4(139, i1))).toBe('0x0000 bad');
    expect(verdict(inIpv4(17, concatBytes(new Uint8Array(8), frameUdp(i1))))).toBe('0x0000 zero-as-over-udp');
    expect(verdict(frameUdp(i1))).toBe('0x0000 zero-as-over-udp');
    expect(verdict(frameUdp(frameRaw(i1, source, destination)))).toBe('0xf1ce not-zero-over-udp');
    expect(verdict(frameRaw(i1, source, destination))).toBe('0xf1ce unknown-without-addresses');
  });

  test('for a person', () => {
    const description = describePacket(inIpv4(139, frameRaw(i1, source, destination)));
    expect(description.ok && formatDescription(description.value)).toBe(
      `I1  48 octets  protocol 139  192.0.2.1 → 192.0.2.2
  sender    2001:20::1
  receiver  2001:20::2
  checksum  0xf1ce good
    511 DH_GROUP_LIST  RFC 7401 §5.2.6
          groups: 3, 4, 8
          meaning: 1536-bit MODP, 3072-bit MODP, NIST P-384
`,
    );
  });

  test('unknown critical parameters, notifications and large numbers are shown', () => {
    const packet = encodePacket({
      ...{ packet: 'NOTIFY', controls: 0, sender: new Uint8Array(16), receiver: new Uint8Array(16) },
      parameters: [
        { name: 'R1_COUNTER', reserved: 0, counter: 2n ** 60n },
        { name: 'NOTIFICATION', messageType: 16385, data: new Uint8Array() },
        { name: 'unknown', type: 4001, contents: Uint8Array.of(0xab) },
      ],
    });
    const description = describePacket(packet);
    expect(description.ok && description.value.parameters).toEqual([
      {
        ...{ type: 129, name: 'R1_COUNTER', critical: true, section: 'RFC 7401 §5.2.3', offset: 40 },
        fields: { reserved: 0, counter: '1152921504606846976' },
      },
      {
        ...{ type: 832, name: 'NOTIFICATION', critical: false, section: 'RFC 7401 §5.2.19', offset: 56 },
        fields: { messageType: 16385, data: '', meaning: 'NAT_KEEPALIVE' },
      },
      { type: 4001, name: 'unknown', critical: true, section: null, offset: 64, fields: { contents: 'ab' } },
    ]);
    expect(JSON.stringify(description)).toContain('1152921504606846976');
  });

  test('addresses, nested fields and the meaning of numbers are readable', () => {
    const mapped = concatBytes(new Uint8Array(10), Uint8Array.of(0xff, 0xff, 192, 0, 2, 1));
    const packet = encodePacket({
      ...{ packet: 'UPDATE', controls: 0, sender: new Uint8Array(16), receiver: new Uint8Array(16) },
      parameters: [
        {
          name: 'LOCATOR_SET',
          locators: [
            { kind: 'esp', trafficType: 0, preferred: true, lifetime: 60, spi: 258, address: mapped },
          ],
        },
        { name: 'REG_RESPONSE', lifetime: 144, types: [1, 9] },
        { name: 'RELAY_FROM', port: 10500, protocol: 17, address: octets('2001:db8::1') },
        { name: 'VIA_RVS', addresses: [mapped, octets('2001:db8::2')] },
      ],
    });
    const description = describePacket(packet);
    const lines = description.ok ? formatDescription(description.value) : '';
    expect(lines.split('\n').slice(4, -1)).toEqual([
      '    193 LOCATOR_SET  RFC 8046 §4',
      '          locators: { trafficType 0, preferred true, lifetime 60, kind esp, spi 258, address 192.0.2.1 }',
      '    934 REG_RESPONSE (not critical)  RFC 8003 §4.4',
      '          lifetime: 144',
      '          types: 1, 9',
      '          meaning: RENDEZVOUS, unknown for 1020 s',
      '  63998 RELAY_FROM (not critical)  RFC 9028 §5.6',
      '          port: 10500',
      '          protocol: 17',
      '          address: 2001:db8::1',
      '  65502 VIA_RVS (not critical)  RFC 8004 §4.2.3',
      '          addresses: 192.0.2.1, 2001:db8::2',
    ]);
  });

  test('takes hexadecimal with white space, as text or as a file, and octets as they are', () => {
    const spaced = toHex(i1)
      .replaceAll(/(..)/g, '$1 ')
      .replaceAll(/(.{48})/g, '$1\n');
    expect(packetOctets(spaced)).toEqual(i1);
    expect(packetOctets(new TextEncoder().encode(spaced))).toEqual(i1);
    expect(packetOctets(i1)).toBe(i1);
    expect(packetOctets('zz')).toEqual(new Uint8Array());
  });

  test('never throws', async () => {
    await fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0, 0x45, 0x60, 59), (input, first) => {
        const octetsGiven = concatBytes(Uint8Array.of(first), input);
        const description = describePacket(octetsGiven);
        if (description.ok) expect(formatDescription(description.value)).toContain('checksum');
        packetOctets(octetsGiven);
      }),
    );
  });
});
