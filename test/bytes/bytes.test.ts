import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareBytes, concatBytes, equalBytes, fromHex, toHex } from '../../firmware/bytes/bytes.ts';
import { decode } from '../../firmware/bytes/decode.ts';
import { formatIpv6, parseIpv6 } from '../../firmware/bytes/ipv6-text.ts';
import { Reader } from '../../firmware/bytes/reader.ts';
import { Writer } from '../../firmware/bytes/writer.ts';

const field = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.integer({ min: 0, max: 0xff }) }),
  fc.record({ kind: fc.constant('u16' as const), value: fc.integer({ min: 0, max: 0xffff }) }),
  fc.record({ kind: fc.constant('u32' as const), value: fc.integer({ min: 0, max: 0xffff_ffff }) }),
  fc.record({
    kind: fc.constant('u64' as const),
    value: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  }),
  fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 600 }) }),
);

describe('Reader and Writer', () => {
  test('read back any sequence of fields, however often the buffer grows', async () => {
    await fc.assert(
      fc.property(fc.array(field, { maxLength: 40 }), (fields) => {
        const writer = new Writer(1);
        for (const { kind, value } of fields) {
          if (kind === 'u64') writer.u64(value);
          else if (kind === 'bytes') writer.bytes(value);
          else writer[kind](value);
        }
        const reader = new Reader(writer.finish());
        for (const { kind, value } of fields) {
          const read = kind === 'bytes' ? reader.bytes(value.length, 'field') : reader[kind]('field');
          expect(read).toEqual(value);
        }
        reader.end();
      }),
    );
  });

  test('are big-endian and honour the offset of a view', () => {
    const bytes = Uint8Array.of(0xff, 0x01, 0x02, 0x03, 0x04, 0xff).subarray(1, 5);
    expect(new Reader(bytes).u32('n')).toBe(0x01020304);
    expect(new Writer().u16(0x0102).patch16(0, 0x0a0b).finish()).toEqual(Uint8Array.of(0x0a, 0x0b));
  });

  test('a failure names the path and the offset in the outermost input', () => {
    const result = decode(() => {
      const reader = new Reader(Uint8Array.of(0, 2, 9), 'outer');
      const inner = reader.sub(reader.u16('length') - 1, 'inner');
      inner.u8('first');
      return inner.u16('second');
    });
    expect(result).toEqual({
      ok: false,
      error: { path: 'outer.inner.second', offset: 3, problem: 'needs 2 octets, 0 are left' },
    });
  });

  test('what is left over is a failure, and a defect is not hidden', () => {
    expect(decode(() => new Reader(Uint8Array.of(1)).end()).ok).toBe(false);
    expect(() =>
      decode(() => {
        throw new TypeError('defect');
      }),
    ).toThrow(TypeError);
  });

  test.each([
    ['u8', 256],
    ['u16', -1],
    ['u16', 0x10000],
    ['u32', 1.5],
    ['u32', 2 ** 32],
  ] as const)('%s refuses %d', (kind, value) => {
    expect(() => new Writer()[kind](value)).toThrow(RangeError);
  });

  test('u64 refuses 2^64 and patch16 refuses what is not written', () => {
    expect(() => new Writer().u64(1n << 64n)).toThrow(RangeError);
    expect(() => new Writer().u8(1).patch16(0, 1)).toThrow(RangeError);
  });
});

describe('hexadecimal and comparison', () => {
  test('hexadecimal reads back', async () => {
    await fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes);
      }),
    );
    expect(toHex(Uint8Array.of(0, 0xab))).toBe('00ab');
  });

  test.each(['0', 'zz', '0x00', ' 00'])('refuses %j', (text) => expect(fromHex(text)).toBeUndefined());

  test('compareBytes orders like the hexadecimal text, equalBytes agrees with it', async () => {
    await fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (left, right) => {
        const byText = toHex(left) < toHex(right) ? -1 : toHex(left) > toHex(right) ? 1 : 0;
        expect(Math.sign(compareBytes(left, right))).toBe(byText);
        expect(equalBytes(left, right)).toBe(byText === 0);
      }),
    );
  });

  test('concatBytes joins in order', () => {
    expect(concatBytes(Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3))).toEqual(
      Uint8Array.of(1, 2, 3),
    );
  });
});

describe('IPv6 addresses as text', () => {
  const group = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff }));

  test('are written as the URL standard writes them, and read back', async () => {
    await fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const writer = new Writer(16);
        for (const value of groups) writer.u16(value);
        const octets = writer.finish();
        const text = formatIpv6(octets);
        const long = groups.map((value) => value.toString(16).padStart(4, '0')).join(':');
        expect(`[${text}]`).toBe(new URL(`http://[${long}]`).hostname);
        expect(parseIpv6(text)).toEqual(octets);
      }),
      { numRuns: 2_000 },
    );
  });
});
