import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CaptureItem } from '../../firmware/capture/capture-item.ts';
import { limits } from '../../firmware/capture/limits.ts';
import { formatTimestamp } from '../../firmware/capture/timestamp.ts';
import { items, joined, pcap, pcapng, timeText } from './capture-file.ts';

const frames = [Uint8Array.of(1, 2, 3), new Uint8Array(), Uint8Array.from({ length: 100 }, (_, n) => n)];
const octetsOf = (found: CaptureItem[] | undefined) =>
  found?.map((item) => (item.type === 'frame' ? item.frame.octets : item.error));

const orders = [{ little: true }, { little: false }];
const forms = orders.flatMap((order) => [
  { name: `pcap ${JSON.stringify(order)}`, make: pcap, options: order },
  {
    name: `pcap of nanoseconds ${JSON.stringify(order)}`,
    make: pcap,
    options: { ...order, nanoseconds: true },
  },
  { name: `pcapng ${JSON.stringify(order)}`, make: pcapng, options: order },
  {
    name: `pcapng of nanoseconds ${JSON.stringify(order)}`,
    make: pcapng,
    options: { ...order, nanoseconds: true },
  },
  { name: `pcapng simple ${JSON.stringify(order)}`, make: pcapng, options: { ...order, simple: true } },
]);

describe('capture files', () => {
  test.each(forms)(
    '$name: frames with number, time and link type, however the file arrives',
    async ({ make, options }) => {
      const file = make(frames, { ...options, linkType: 113 });
      for (const size of [1, 7, 4096]) {
        const found = await items(file, size);
        expect(octetsOf(found)).toEqual(frames);
        const first = found?.[2];
        const time =
          'simple' in options ? null : 'nanoseconds' in options ? timeText.replace('Z', '000Z') : timeText;
        expect(first?.type === 'frame' && first.frame).toMatchObject({ number: 3, linkType: 113, time });
      }
    },
  );

  test('sections of a pcapng file may differ in order, and start with no interface', async () => {
    const file = joined([pcapng(frames, { little: true }), pcapng(frames, { little: false })]);
    expect(octetsOf(await items(file))).toEqual([...frames, ...frames]);
    // A packet block right after the second section header, without an interface.
    const [section, packet] = [pcapng([]).slice(0, 28), pcapng([frames[0] ?? new Uint8Array()])];
    const last = packet.slice(packet.length - 36);
    const found = await items(joined([pcapng(frames), section, last]));
    expect(found?.at(-1)).toMatchObject({ type: 'broken', error: { problem: 'names interface 0 of 0' } });
  });

  test.each(forms)(
    '$name: cut anywhere, what is whole is read and the rest is said to be cut',
    async ({ make, options }) => {
      const file = make(frames, options);
      for (let length = 4; length < file.length; length++) {
        const found = await items(file.subarray(0, length));
        const whole = octetsOf(found?.filter(({ type }) => type === 'frame')) ?? [];
        expect(whole).toEqual(frames.slice(0, whole.length));
        const last = found?.at(-1);
        if (last?.type === 'broken') expect(last.error.offset).toBeLessThanOrEqual(length);
        else expect(whole.length).toBeLessThan(frames.length);
      }
    },
  );

  test(`frames up to ${limits.frameLength} octets are read, a longer one ends the reading`, async () => {
    const long = new Uint8Array(limits.frameLength);
    expect(octetsOf(await items(pcap([long]), 65_536))?.[0]).toEqual(long);
    const longer = await items(pcap([new Uint8Array(limits.frameLength + 1)]), 65_536);
    expect(longer).toMatchObject([{ type: 'broken', error: { path: 'pcap.packet 1.length', offset: 32 } }]);
    const block = await items(pcapng([new Uint8Array(limits.frameLength)]), 65_536);
    expect(block).toMatchObject([
      { type: 'broken', error: { problem: expect.stringContaining('more than') } },
    ]);
  });

  test('interfaces of a section are bounded', async () => {
    const whole = pcapng([]);
    const one = whole.slice(whole.length - 20);
    const many = (count: number) => joined([whole, ...new Array<Uint8Array>(count - 1).fill(one)]);
    expect(await items(many(limits.interfaces), 65_536)).toEqual([]);
    expect(await items(many(limits.interfaces + 1), 65_536)).toMatchObject([{ type: 'broken' }]);
  });

  test('what is no capture is none', async () => {
    expect(await items(new Uint8Array())).toBeUndefined();
    expect(await items(Uint8Array.of(0xa1, 0xb2, 0xc3))).toBeUndefined();
    expect(await items(Uint8Array.of(0, 0, 0, 0, 59))).toBeUndefined();
  });

  test('any octets after a magic number end in frames or an error', async () => {
    const magic = fc.constantFrom(
      [0xa1, 0xb2, 0xc3, 0xd4],
      [0x4d, 0x3c, 0xb2, 0xa1],
      [0x0a, 0x0d, 0x0d, 0x0a],
    );
    const mutated = fc
      .tuple(
        fc.constantFrom(pcap(frames), pcapng(frames)),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }),
      )
      .map(([file, changes]) => {
        const copy = file.slice();
        for (const [at, value] of changes) if (at >= 4 && at < copy.length) copy[at] = value;
        return copy;
      });
    const random = fc
      .tuple(magic, fc.uint8Array({ maxLength: 200 }))
      .map(([start, rest]) => joined([Uint8Array.from(start), rest]));
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, random), async (file) => {
        const found = await items(file, 16);
        expect(found?.slice(0, -1).every(({ type }) => type === 'frame')).toBe(true);
      }),
    );
  });
});

describe('times', () => {
  test.each([
    [0n, 1_000_000n, '1970-01-01T00:00:00.000000Z'],
    [1_700_000_000_000_000_001n, 1_000_000_000n, '2023-11-14T22:13:20.000000001Z'],
    [3n, 2n, '1970-01-01T00:00:01.500000Z'],
    [253_402_300_799n, 1n, '9999-12-31T23:59:59.000000Z'],
    [253_402_300_800n, 1n, null],
    [-1n, 1n, null],
    [2n ** 64n - 1n, 10n ** 127n, '1970-01-01T00:00:00.000000000Z'],
  ])('%d of %d a second', (units, perSecond, text) => {
    expect(formatTimestamp(units, perSecond)).toBe(text);
  });
});
