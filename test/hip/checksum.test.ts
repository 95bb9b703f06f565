import { describe, expect, test } from 'vitest';
import { fromHex } from '../../firmware/bytes/bytes.ts';
import { parseIpv6 } from '../../firmware/bytes/ipv6-text.ts';
import { hipProtocol, internetChecksum } from '../../firmware/hip/checksum.ts';
import { frameRaw, frameUdp, rawChecksumIsGood, unframeUdp } from '../../firmware/hip/framing.ts';
import { parseHit } from '../../firmware/hip/host-identity-tag.ts';
import { encodePacket } from '../../firmware/hip/packet.ts';

const octets = (text: string) => parseIpv6(text) ?? new Uint8Array();
const sender = octets('2001:20::1');
const receiver = octets('2001:20::2');

/** The I1 of RFC 7401 appendix C, written by our codec. */
const i1 = encodePacket({
  packet: 'I1',
  controls: 0,
  sender,
  receiver,
  parameters: [{ name: 'DH_GROUP_LIST', groups: [3, 4, 8] }],
});

describe('RFC 7401 appendix C', () => {
  test('the I1 is laid out as given', () => {
    expect(i1).toEqual(
      fromHex(
        '3b05012100000000' +
          '20010020000000000000000000000001' +
          '20010020000000000000000000000002' +
          '01ff000303040800',
      ),
    );
  });

  test('C.1: over IPv6 its checksum is 0x1a5e', () => {
    const framed = frameRaw(i1, octets('2001:db8::1'), octets('2001:db8::2'));
    expect([framed[4], framed[5]]).toEqual([0x1a, 0x5e]);
    expect(rawChecksumIsGood(framed, octets('2001:db8::1'), octets('2001:db8::2'))).toBe(true);
  });

  test('C.2: over IPv4 its checksum is 0xf1ce', () => {
    const framed = frameRaw(i1, Uint8Array.of(192, 0, 2, 1), Uint8Array.of(192, 0, 2, 2));
    expect([framed[4], framed[5]]).toEqual([0xf1, 0xce]);
  });

  test('C.3: a TCP segment between the HITs has 0x6faa', () => {
    const segment =
      fromHex('ffdc0016' + '00000001' + '00000000' + '5002ffff' + '00000000') ?? new Uint8Array();
    expect(internetChecksum(sender, receiver, 6, segment)).toBe(0x6faa);
  });

  test('one flipped bit is noticed', () => {
    const framed = frameRaw(i1, sender, receiver);
    for (const index of [0, 3, 10, 47]) {
      const altered = framed.slice();
      altered[index] = (altered[index] ?? 0) ^ 1;
      expect(rawChecksumIsGood(altered, sender, receiver)).toBe(false);
    }
    expect(internetChecksum(sender, receiver, hipProtocol, framed)).toBe(0);
  });

  test('an odd length counts its last octet as the high one', () => {
    expect(internetChecksum(new Uint8Array(4), new Uint8Array(4), 0, Uint8Array.of(0x12))).toBe(
      ~(0x1200 + 1) & 0xffff,
    );
  });
});

describe('RFC 9028 §5.1: framing over UDP', () => {
  test('32 zero bits come first and come off again', () => {
    expect(frameUdp(i1).subarray(0, 4)).toEqual(new Uint8Array(4));
    expect(unframeUdp(frameUdp(i1))).toEqual(i1);
  });

  test('ESP, keepalives, short and checksummed packets are not HIP', () => {
    expect(unframeUdp(Uint8Array.of(0xff))).toBeUndefined();
    expect(unframeUdp(new Uint8Array(43))).toBeUndefined();
    expect(unframeUdp(i1)).toBeUndefined();
    expect(unframeUdp(frameUdp(frameRaw(i1, sender, receiver)))).toBeUndefined();
    const esp = frameUdp(i1);
    esp[3] = 1;
    expect(unframeUdp(esp)).toBeUndefined();
  });
});

describe('HITs as text', () => {
  test.each([
    ['2001:20::1', true],
    ['2001:2f:ffff:ffff:ffff:ffff:ffff:ffff', true],
    ['2001:30::1', false],
    ['2001:1f::1', false],
    ['2001:0010::1', false],
    ['2002:20::1', false],
    ['2001:20::1::', false],
    ['2001:20:0:0:0:0:0:0:1', false],
    ['2001:20::12345', false],
    ['', false],
  ])('%s is a HIT: %s', (text, isHit) => {
    expect(parseHit(text) !== undefined).toBe(isHit);
  });
});
