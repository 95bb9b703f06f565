import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex } from '../../firmware/bytes/bytes.ts';
import { Reader } from '../../firmware/bytes/reader.ts';
import { Writer } from '../../firmware/bytes/writer.ts';
import { limits } from '../../firmware/hip/limits.ts';
import {
  appendParameters,
  decodePacket,
  encodePacket,
  type PacketName,
  packetTypes,
} from '../../firmware/hip/packet.ts';
import type { Parameter } from '../../firmware/hip/parameter-fields.ts';
import { parameterLength, readParameter, writeParameter } from '../../firmware/hip/parameters.ts';
import { anyParameter, parameterList } from './parameters-arbitrary.ts';

const hit = (last: number) => Uint8Array.of(0x20, 0x01, 0, 0x22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last);
const packetName = fc.constantFrom(...(Object.keys(packetTypes) as PacketName[]));

function packetWith(parameters: readonly Parameter[], packet: PacketName = 'NOTIFY'): Uint8Array {
  return encodePacket({ packet, controls: 0, sender: hit(1), receiver: hit(2), parameters });
}

function written(parameter: Parameter): Uint8Array {
  const writer = new Writer();
  writeParameter(writer, parameter);
  return writer.finish();
}

/** A packet around octets that need not be parameters. */
function packetAround(parameters: Uint8Array): Uint8Array {
  const packet = concatBytes(packetWith([]), parameters);
  packet[1] = packet.length / 8 - 1;
  return packet;
}

function problem(octets: Uint8Array): string {
  const result = decodePacket(octets);
  return result.ok ? 'none' : `${result.error.path} @${result.error.offset}: ${result.error.problem}`;
}

describe('RFC 7401 §5.1: header', () => {
  test('what is written is read back', async () => {
    await fc.assert(
      fc.property(
        packetName,
        fc.integer({ min: 0, max: 0xffff }),
        parameterList,
        (packet, controls, parameters) => {
          const contents = { packet, controls, sender: hit(1), receiver: hit(2), parameters };
          const octets = encodePacket(contents);
          const result = decodePacket(octets);
          expect(result.ok && { ...result.value, offsets: undefined }).toEqual({
            ...contents,
            checksum: 0,
            octets,
            offsets: undefined,
          });
          // The offsets are where the parameters are.
          if (!result.ok) return;
          for (const [index, offset] of result.value.offsets.entries()) {
            const parameter = readParameter(new Reader(octets.subarray(offset)));
            expect(parameter).toEqual(parameters[index]);
          }
        },
      ),
    );
  });

  test('no octets make decoding throw, and what decodes is written back with the same meaning', async () => {
    const nearMisses = fc
      .tuple(parameterList, packetName, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }))
      .map(([parameters, packet, changes]) => {
        const octets = packetWith(parameters, packet);
        for (const [offset, value] of changes) octets[offset % octets.length] = value;
        return octets;
      });
    await fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), nearMisses), (input) => {
        const result = decodePacket(input);
        if (!result.ok) {
          expect(result.error.offset).toBeLessThanOrEqual(input.length);
          return;
        }
        const again = decodePacket(encodePacket(result.value));
        const meaning = ({ packet, controls, parameters }: typeof result.value) => ({
          packet,
          controls,
          parameters,
        });
        expect(again.ok && meaning(again.value)).toEqual(meaning(result.value));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    [
      'is cut',
      (octets: Uint8Array) => octets.subarray(0, 39),
      'HIP.Header Length @1: names 40 octets, 39 came',
    ],
    [
      'has too small a length',
      (octets: Uint8Array) => octets.fill(3, 1, 2),
      'HIP.Header Length @1: is less than the two HITs need',
    ],
    ['is HIPv1', (octets: Uint8Array) => octets.fill(0x11, 3, 4), 'HIP.Version @3: 1 is not 2'],
    [
      'has an unknown type',
      (octets: Uint8Array) => octets.fill(5, 2, 3),
      'HIP.Packet Type @2: 5 is not known',
    ],
  ])('a packet that %s is refused', (_, change, expected) => {
    expect(problem(change(packetWith([])))).toBe(expected);
  });

  test('reserved and SHIM6 bits and octets after the end are ignored', () => {
    const octets = concatBytes(packetWith([], 'I1'), Uint8Array.of(1, 2, 3));
    octets[2] = 0x81;
    octets[3] = 0x2e;
    const result = decodePacket(octets);
    expect(result.ok && [result.value.packet, result.value.octets.length]).toEqual(['I1', 40]);
  });

  test(`a packet has at most ${limits.packetLength} octets`, () => {
    const filled = (length: number) =>
      packetWith([{ name: 'ECHO_REQUEST_SIGNED', data: new Uint8Array(length) }]);
    expect(filled(limits.packetLength - 40 - 4).length).toBe(limits.packetLength);
    expect(() => filled(limits.packetLength - 40 - 3)).toThrow(RangeError);
  });
});

describe('RFC 7401 §5.2.1: parameters', () => {
  test('the whole length is 11 + L − (L + 3) mod 8, always the next multiple of 8', () => {
    for (let length = 0; length < 100; length++) {
      expect(parameterLength(length)).toBe(Math.ceil((length + 4) / 8) * 8);
      const octets = written({ name: 'ECHO_REQUEST_SIGNED', data: new Uint8Array(length).fill(0xff) });
      expect(octets.length).toBe(parameterLength(length));
      expect(octets.subarray(4 + length).every((octet) => octet === 0)).toBe(true);
    }
  });

  test('every parameter reads back by itself', async () => {
    await fc.assert(
      fc.property(anyParameter, (parameter) => {
        expect(readParameter(new Reader(written(parameter)))).toEqual(parameter);
      }),
    );
  });

  test('padding is not checked', () => {
    const octets = packetWith([
      { name: 'SEQ', updateId: 7 },
      { name: 'DH_GROUP_LIST', groups: [7] },
    ]);
    octets[octets.length - 1] = 0xff;
    expect(problem(octets)).toBe('none');
  });

  const seq = written({ name: 'SEQ', updateId: 1 });
  const dh = written({ name: 'DH_GROUP_LIST', groups: [7] });
  test.each([
    ['out of order', concatBytes(dh, seq), 'HIP.NOTIFY.SEQ @48: follows type 511'],
    ['twice', concatBytes(seq, seq), 'HIP.NOTIFY.SEQ @48: stands twice'],
    [
      'critical and unknown',
      fromHex('03e9000400000000') ?? seq,
      'HIP.NOTIFY.parameter 1001 @40: is critical and not known',
    ],
    ['cut', fromHex('0101000800000000') ?? seq, 'HIP.NOTIFY.PUZZLE @44: needs 8 octets, 4 are left'],
    [
      'too long for its kind',
      fromHex('0181000800000000' + '0000000000000000') ?? seq,
      'HIP.NOTIFY.SEQ.end @48: 4 octets too many',
    ],
    [
      'a locator of the wrong length',
      fromHex('00c1000c' + '00010101' + '00000001' + '00000001') ?? seq,
      'HIP.NOTIFY.LOCATOR_SET.Locator.Address @56: needs 16 octets, 0 are left',
    ],
    [
      'an ACK of nothing',
      fromHex('01c1000000000000') ?? seq,
      'HIP.NOTIFY.ACK.peer Update ID @44: is not one or more Update IDs',
    ],
  ])('%s: the packet is refused', (_, parameters, expected) => {
    expect(problem(packetAround(parameters))).toBe(expected);
  });

  test('an unknown parameter that is not critical is passed over', () => {
    const result = decodePacket(packetAround(fromHex('03e8000400000000') ?? seq));
    expect(result.ok && result.value.parameters).toEqual([
      { name: 'unknown', type: 1000, contents: new Uint8Array(4) },
    ]);
  });

  test('those that may stand together do', () => {
    const note = (messageType: number): Parameter => ({
      name: 'NOTIFICATION',
      messageType,
      data: new Uint8Array(),
    });
    expect(problem(packetWith([note(1), note(2)]))).toBe('none');
  });

  test('a list of more than six suites counts its first six, and may not be sent', () => {
    const long = fromHex('0243000e' + '0001000200030004000500060007' + '000000000000') ?? seq;
    const result = decodePacket(packetAround(long));
    expect(result.ok && result.value.parameters[0]).toEqual({
      name: 'HIP_CIPHER',
      ciphers: [1, 2, 3, 4, 5, 6],
    });
    expect(() => packetWith([{ name: 'HIP_CIPHER', ciphers: [1, 2, 3, 4, 5, 6, 7] }])).toThrow(RangeError);
    expect(packetWith([{ name: 'HIP_CIPHER', ciphers: [1, 2, 3, 4, 5, 6] }]).length).toBe(56);
  });

  test('parameters out of order cannot be written', () => {
    expect(() =>
      packetWith([
        { name: 'DH_GROUP_LIST', groups: [7] },
        { name: 'SEQ', updateId: 1 },
      ]),
    ).toThrow(RangeError);
    expect(
      appendParameters(packetWith([{ name: 'SEQ', updateId: 1 }]), { name: 'DH_GROUP_LIST', groups: [7] })[1],
    ).toBe(6);
  });
});
