import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode } from '../../firmware/bytes/decode.ts';
import { Reader } from '../../firmware/bytes/reader.ts';
import { Writer } from '../../firmware/bytes/writer.ts';
import { parseAttest, parseQuote } from '../../firmware/tpm/attest.ts';
import { quote } from '../../firmware/tpm/commands/attestation.ts';
import { startup } from '../../firmware/tpm/commands/machine.ts';
import { pcrExtend } from '../../firmware/tpm/commands/pcr.ts';
import { algorithm, eccCurve, structureTag } from '../../firmware/tpm/constants.ts';
import { type Command, encodeCommand } from '../../firmware/tpm/frame.ts';
import { limits } from '../../firmware/tpm/limits.ts';
import {
  type PcrSelection,
  readPcrSelections,
  samePcrSelections,
  writePcrSelections,
} from '../../firmware/tpm/pcr-selection.ts';
import {
  type PublicArea,
  readPublicArea,
  type Scheme,
  writePublicArea,
} from '../../firmware/tpm/public-area.ts';
import { readSignature, type Signature, writeSignature } from '../../firmware/tpm/signature.ts';

const octets = (maxLength: number) => fc.uint8Array({ maxLength });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

const selection: fc.Arbitrary<PcrSelection> = fc.record({
  hash: u16,
  indexes: fc
    .uniqueArray(fc.integer({ min: 0, max: 31 }))
    .map((indexes) => indexes.sort((left, right) => left - right)),
});
const scheme: fc.Arbitrary<Scheme> = fc.option(
  fc.record({ algorithm: fc.constantFrom(algorithm.ecdsa, algorithm.rsassa, 0x0020), hash: u16 }),
);
const symmetric = fc.option(fc.record({ algorithm: fc.constant(algorithm.aes), keyBits: u16, mode: u16 }));
const publicArea: fc.Arbitrary<PublicArea> = fc.record({
  nameAlgorithm: u16,
  attributes: u32,
  authPolicy: octets(limits.digestSize),
  key: fc.oneof(
    fc.record({
      type: fc.constant('ecc' as const),
      symmetric,
      scheme,
      curve: fc.constantFrom(eccCurve.p256, eccCurve.p384),
      kdf: scheme,
      x: octets(limits.eccSize),
      y: octets(limits.eccSize),
    }),
    fc.record({
      type: fc.constant('rsa' as const),
      symmetric,
      scheme,
      keyBits: u16,
      exponent: u32,
      modulus: octets(limits.rsaSize),
    }),
  ),
});
const signature: fc.Arbitrary<Signature> = fc.oneof(
  fc.record({
    scheme: fc.constant('ecdsa' as const),
    hash: u16,
    r: octets(limits.eccSize),
    s: octets(limits.eccSize),
  }),
  fc.record({
    scheme: fc.constantFrom('rsassa' as const, 'rsapss' as const),
    hash: u16,
    signature: octets(limits.rsaSize),
  }),
);

/** Writes, reads back, and has every shorter prefix fail: no structure ends before its end. */
function roundTrip<Value>(
  value: Value,
  write: (writer: Writer, value: Value) => unknown,
  read: (reader: Reader) => Value,
): void {
  const writer = new Writer();
  write(writer, value);
  const bytes = writer.finish();
  const readBack = (input: Uint8Array) =>
    decode(() => {
      const reader = new Reader(input, 'structure');
      const result = read(reader);
      reader.end();
      return result;
    });
  expect(readBack(bytes)).toEqual({ ok: true, value });
  for (const length of bytes.keys()) expect(readBack(bytes.subarray(0, length)).ok).toBe(false);
}

describe('Part 2 structures: what is written is read back, and no prefix of it is', () => {
  test('10.9.7 TPML_PCR_SELECTION', () => {
    fc.assert(
      fc.property(fc.array(selection, { maxLength: limits.pcrBanks }), (selections) => {
        roundTrip(selections, writePcrSelections, (reader) => readPcrSelections(reader, 'selections'));
      }),
    );
  });

  test('12.2.4 TPMT_PUBLIC', () => {
    fc.assert(
      fc.property(publicArea, (area) => roundTrip(area, writePublicArea, readPublicArea)),
      { numRuns: 30 },
    );
  });

  test('11.3.4 TPMT_SIGNATURE', () => {
    fc.assert(
      fc.property(signature, (value) => roundTrip(value, writeSignature, readSignature)),
      { numRuns: 30 },
    );
  });
});

describe('limits', () => {
  const bank = new Writer().u16(algorithm.sha256).u8(3).zeros(3).finish();
  const selections = (count: number) => {
    const writer = new Writer().u32(count);
    for (let index = 0; index < count; index++) writer.bytes(bank);
    return decode(() => readPcrSelections(new Reader(writer.finish()), 'banks'));
  };

  test('PCR banks', () => {
    expect(selections(limits.pcrBanks).ok).toBe(true);
    expect(selections(limits.pcrBanks + 1)).toMatchObject({ error: { path: 'banks.count', offset: 0 } });
  });

  test('PCR bit maps', () => {
    const read = (size: number) => {
      const bytes = new Writer().u32(1).u16(algorithm.sha256).u8(size).zeros(size).finish();
      return decode(() => readPcrSelections(new Reader(bytes), 'banks')).ok;
    };
    expect([limits.pcrSelectOctets, limits.pcrSelectOctets + 1].map(read)).toEqual([true, false]);
    const write = (index: number) => () => writePcrSelections(new Writer(), [{ hash: 11, indexes: [index] }]);
    expect(write(31)).not.toThrow();
    expect(write(32)).toThrow(RangeError);
  });

  test('coordinates, moduli and policies one octet too long are refused', () => {
    const sized = (length: number) => new Writer().u16(length).zeros(length).finish();
    const ecc = (size: number, policy = 0) =>
      new Writer()
        .u16(algorithm.ecc)
        .u16(algorithm.sha256)
        .u32(0)
        .bytes(sized(policy))
        .u16(algorithm.null)
        .u16(algorithm.null)
        .u16(eccCurve.p521)
        .u16(algorithm.null)
        .bytes(sized(size))
        .bytes(sized(size))
        .finish();
    const reads = (bytes: Uint8Array) => decode(() => readPublicArea(new Reader(bytes))).ok;
    expect([limits.eccSize, limits.eccSize + 1].map((size) => reads(ecc(size)))).toEqual([true, false]);
    expect([limits.digestSize, limits.digestSize + 1].map((size) => reads(ecc(0, size)))).toEqual([
      true,
      false,
    ]);
    const signed = (size: number) =>
      new Writer().u16(algorithm.rsassa).u16(algorithm.sha256).bytes(sized(size)).finish();
    const readsSignature = (bytes: Uint8Array) => decode(() => readSignature(new Reader(bytes))).ok;
    expect([limits.rsaSize, limits.rsaSize + 1].map((size) => readsSignature(signed(size)))).toEqual([
      true,
      false,
    ]);
  });

  test('qualifying data, passwords and commands that no TPM would take throw before they are sent', () => {
    const ask = (length: number) => () => quote(0x8000_0000, new Uint8Array(length), []);
    expect(ask(limits.qualifyingData)).not.toThrow();
    expect(ask(limits.qualifyingData + 1)).toThrow(RangeError);
    const withPassword = (length: number) => () =>
      encodeCommand(quote(0x8000_0000, new Uint8Array(), [], { password: new Uint8Array(length) }));
    expect(withPassword(limits.authSize)).not.toThrow();
    expect(withPassword(limits.authSize + 1)).toThrow(RangeError);
    const large = (length: number) => () =>
      encodeCommand({ ...startup('clear'), parameters: new Uint8Array(length) });
    expect(large(limits.frameSize - limits.headerSize)).not.toThrow();
    expect(large(limits.frameSize - limits.headerSize + 1)).toThrow(RangeError);
    expect(() => pcrExtend(16, [{ hash: algorithm.sha256, digest: new Uint8Array(31) }])).toThrow(RangeError);
  });
});

test('order and repetition of PCR indexes do not matter, banks and their order do', () => {
  const one = { hash: algorithm.sha256, indexes: [1, 2] };
  const other = { hash: algorithm.sha384, indexes: [7] };
  expect(samePcrSelections([one], [{ hash: algorithm.sha256, indexes: [2, 1, 2] }])).toBe(true);
  expect(samePcrSelections([one, other], [other, one])).toBe(false);
  expect(samePcrSelections([one], [])).toBe(false);
});

describe('Part 1, 18: responses', () => {
  /** A command whose response is one octet, with or without a handle and a password session. */
  const command = (answersHandle: boolean, sessions: number): Command<{ handle: number; octet: number }> => ({
    name: 'TPM2_Example',
    code: 0x144,
    handles: [1],
    sessions: Array.from({ length: sessions }, () => ({ password: new Uint8Array() })),
    parameters: new Uint8Array(),
    answersHandle,
    read: (reader, handle) => ({ handle, octet: reader.u8('octet') }),
  });
  const read = (bytes: Uint8Array, asked = command(false, 0)) =>
    decode(() => encodeCommand(asked).readResponse(new Reader(bytes, 'response')));
  const frame = (tag: number, code: number, body: number[]) =>
    new Writer()
      .u16(tag)
      .u32(10 + body.length)
      .u32(code)
      .bytes(new Uint8Array(body))
      .finish();
  const password = [0, 0, 1, 0, 0];

  test('plain, with a handle, with a password session', () => {
    expect(read(frame(structureTag.noSessions, 0, [7]))).toEqual({
      ok: true,
      value: { state: 'value', value: { handle: 0, octet: 7 } },
    });
    expect(read(frame(structureTag.noSessions, 0, [0x80, 0, 0, 1, 7]), command(true, 0))).toMatchObject({
      value: { value: { handle: 0x8000_0001, octet: 7 } },
    });
    const authorized = frame(structureTag.sessions, 0, [0x80, 0, 0, 1, 0, 0, 0, 1, 7, ...password]);
    expect(read(authorized, command(true, 1))).toMatchObject({ value: { value: { octet: 7 } } });
  });

  test('a refusal is its code, whatever follows', () => {
    expect(read(frame(structureTag.noSessions, 0x101, []))).toEqual({
      ok: true,
      value: { state: 'refused', code: 0x101 },
    });
    expect(read(frame(0x00c4, 0x1e, [1, 2]))).toEqual({ ok: true, value: { state: 'refused', code: 0x1e } });
  });

  test.each<[string, Uint8Array, Command<unknown> | undefined, string]>([
    ['empty', new Uint8Array(), undefined, 'response.tag'],
    [
      'a size too large',
      new Writer().u16(0x8001).u32(12).u32(0).u8(7).finish(),
      undefined,
      'response.responseSize',
    ],
    [
      'a size too small',
      new Writer().u16(0x8001).u32(10).u32(0).u8(7).finish(),
      undefined,
      'response.responseSize',
    ],
    ['the wrong tag', frame(structureTag.sessions, 0, [7]), undefined, 'response.tag'],
    ['parameters too short', frame(structureTag.noSessions, 0, []), undefined, 'response.parameters.octet'],
    ['parameters too long', frame(structureTag.noSessions, 0, [7, 7]), undefined, 'response.parameters.end'],
    [
      'no answer to the session',
      frame(structureTag.sessions, 0, [0, 0, 0, 1, 7]),
      command(false, 1),
      'response.sessions[0].nonce.size',
    ],
    [
      'a nonce',
      frame(structureTag.sessions, 0, [0, 0, 0, 1, 7, 0, 1, 9, 1, 0, 0]),
      command(false, 1),
      'response.sessions[0].nonce.size',
    ],
    [
      'a changed session',
      frame(structureTag.sessions, 0, [0, 0, 0, 1, 7, 0, 0, 0, 0, 0]),
      command(false, 1),
      'response.sessions[0].sessionAttributes',
    ],
    [
      'octets after the end',
      frame(structureTag.sessions, 0, [0, 0, 0, 1, 7, ...password, 0]),
      command(false, 1),
      'response.end',
    ],
    [
      'a parameter size past the end',
      frame(structureTag.sessions, 0, [0, 0, 1, 0, 7, ...password]),
      command(false, 1),
      'response.parameters',
    ],
    ['too large', new Uint8Array(limits.frameSize + 1), undefined, 'response.responseSize'],
  ])('%s is malformed', (_, bytes, asked, path) => {
    expect(
      decode(() => encodeCommand(asked ?? command(false, 0)).readResponse(new Reader(bytes, 'response'))),
    ).toMatchObject({
      ok: false,
      error: { path },
    });
  });
});

describe('10.12.12 TPMS_ATTEST', () => {
  const attest = ({ magic = 0xff54_4347, type = 0x8018, safe = 1, body = [0, 0, 0, 0, 0, 0] } = {}) =>
    new Writer()
      .u32(magic)
      .u16(type)
      .u16(2)
      .u16(0xabcd)
      .u16(1)
      .u8(9)
      .u64(0x1_0000_0000_0001n)
      .u32(5)
      .u32(6)
      .u8(safe)
      .u64(0xffff_ffff_ffff_ffffn)
      .bytes(new Uint8Array(body))
      .finish();

  test('64-bit fields keep all their bits, and the raw octets are a copy', () => {
    const bytes = attest();
    const parsed = parseQuote(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    expect(parsed).toEqual({
      ok: true,
      value: {
        raw: bytes.slice(),
        qualifiedSigner: new Uint8Array([0xab, 0xcd]),
        extraData: new Uint8Array([9]),
        clockInfo: { clock: 0x1_0000_0000_0001n, resetCount: 5, restartCount: 6, safe: true },
        firmwareVersion: 0xffff_ffff_ffff_ffffn,
        attested: { type: 'quote', selections: [], pcrDigest: new Uint8Array() },
      },
    });
    bytes.fill(0);
    expect(parsed.ok && parsed.value.raw[0]).toBe(0xff);
  });

  test('a certified key is an attestation but no quote', () => {
    const bytes = attest({ type: structureTag.attestCertify, body: [0, 1, 7, 0, 1, 8] });
    expect(parseAttest(bytes)).toMatchObject({
      value: { attested: { type: 'certify', name: new Uint8Array([7]), qualifiedName: new Uint8Array([8]) } },
    });
    expect(parseQuote(bytes)).toMatchObject({ error: { path: 'attest.type' } });
  });

  test.each([
    ['another magic: anyone could have made it', attest({ magic: 0xff54_4348 }), 'attest.magic'],
    ['a type not handled', attest({ type: 0x8019 }), 'attest.type'],
    ['neither YES nor NO', attest({ safe: 2 }), 'attest.clockInfo.safe'],
    ['octets after the end', attest({ body: [0, 0, 0, 0, 0, 0, 0] }), 'attest.end'],
  ])('%s is refused', (_, bytes, path) => {
    expect(parseAttest(bytes)).toMatchObject({ ok: false, error: { path } });
  });
});
