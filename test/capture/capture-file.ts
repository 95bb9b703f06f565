import { Writer } from '../../firmware/bytes/writer.ts';
import { readCapture } from '../../firmware/capture/capture.ts';
import type { CaptureItem } from '../../firmware/capture/capture-item.ts';
import { OctetStream } from '../../firmware/capture/octet-stream.ts';

/** Writes 16- and 32-bit numbers in either order. */
class Fields {
  readonly #writer = new Writer();
  readonly #little: boolean;

  constructor(little: boolean) {
    this.#little = little;
  }

  u16(value: number): this {
    this.#writer.u16(this.#little ? ((value & 0xff) << 8) | (value >> 8) : value);
    return this;
  }

  u32(value: number): this {
    const [high, low] = [Math.floor(value / 0x10000), value & 0xffff];
    return this.#little ? this.u16(low).u16(high) : this.u16(high).u16(low);
  }

  bytes(octets: Uint8Array): this {
    this.#writer.bytes(octets);
    return this;
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }
}

const time = { seconds: 1_700_000_000, fraction: 123_456 };
export const timeText = '2023-11-14T22:13:20.123456Z';

/** A classic pcap file. */
export function pcap(
  frames: readonly Uint8Array[],
  { linkType = 1, little = true, nanoseconds = false } = {},
): Uint8Array {
  const fields = new Fields(little)
    .u32(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4)
    .u16(2)
    .u16(4)
    .u32(0)
    .u32(0)
    .u32(262_144)
    .u32(linkType);
  for (const frame of frames) {
    fields.u32(time.seconds).u32(nanoseconds ? time.fraction * 1000 : time.fraction);
    fields.u32(frame.length).u32(frame.length).bytes(frame);
  }
  return fields.finish();
}

/** A pcapng file of one section: an unknown block between header and interface, packets as enhanced or simple blocks. */
export function pcapng(
  frames: readonly Uint8Array[],
  { linkType = 1, little = true, nanoseconds = false, simple = false } = {},
): Uint8Array {
  const block = (type: number, body: Uint8Array) => {
    const length = 12 + Math.ceil(body.length / 4) * 4;
    const padding = new Uint8Array(length - 12 - body.length);
    return new Fields(little).u32(type).u32(length).bytes(body).bytes(padding).u32(length).finish();
  };
  const fields = () => new Fields(little);
  const options = nanoseconds
    ? fields()
        .u16(9)
        .u16(1)
        .bytes(Uint8Array.of(9, 0, 0, 0))
        .u32(0)
        .finish()
    : [];
  const units = BigInt(time.seconds) * 1_000_000n + BigInt(time.fraction);
  const stamp = nanoseconds ? units * 1000n : units;
  const packet = (frame: Uint8Array) =>
    simple
      ? block(3, fields().u32(frame.length).bytes(frame).finish())
      : block(
          6,
          fields()
            .u32(0)
            .u32(Number(stamp >> 32n))
            .u32(Number(stamp & 0xffff_ffffn))
            .u32(frame.length)
            .u32(frame.length)
            .bytes(frame)
            .finish(),
        );
  const header = fields().u32(0x1a2b3c4d).u16(1).u16(0).u32(0xffff_ffff).u32(0xffff_ffff).finish();
  return joined([
    block(0x0a0d0d0a, header),
    block(0xbad, new Uint8Array(5)),
    block(1, fields().u16(linkType).u16(0).u32(0).bytes(Uint8Array.from(options)).finish()),
    ...frames.map(packet),
  ]);
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer();
  for (const part of parts) writer.bytes(part);
  return writer.finish();
}

async function* chunked(file: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
}

/** Everything in a capture file that arrives in chunks of a size, or undefined for what is none. */
export async function items(file: Uint8Array, size = 7): Promise<CaptureItem[] | undefined> {
  const capture = await readCapture(new OctetStream(chunked(file, size)));
  if (capture === undefined) return undefined;
  const found: CaptureItem[] = [];
  for await (const item of capture) found.push(item);
  return found;
}

const sources = {
  4: [Uint8Array.of(192, 0, 2, 1), Uint8Array.of(192, 0, 2, 2)],
  6: [
    Uint8Array.from([0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 1]),
    Uint8Array.from([0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 2]),
  ],
} as const;

export const addresses = (version: 4 | 6) => sources[version];

/** An IP datagram; over IPv6 with the extension headers given as octets whose first names what follows. */
export function inIp(
  version: 4 | 6,
  protocol: number,
  payload: Uint8Array,
  options: { flagsAndOffset?: number; extensions?: Uint8Array; firstExtension?: number } = {},
): Uint8Array {
  const { flagsAndOffset = 0, extensions = new Uint8Array(), firstExtension = protocol } = options;
  const [source, destination] = sources[version];
  if (version === 4) {
    const header = new Writer()
      .u8(0x45)
      .u8(0)
      .u16(20 + payload.length);
    header.u16(0x1234).u16(flagsAndOffset).u8(64).u8(protocol).u16(0).bytes(source).bytes(destination);
    return joined([header.finish(), payload]);
  }
  const header = new Writer().u32(0x6000_0000).u16(extensions.length + payload.length);
  header.u8(firstExtension).u8(64).bytes(source).bytes(destination);
  return joined([header.finish(), extensions, payload]);
}

export function inUdp(payload: Uint8Array, from = 10500, to = 10500): Uint8Array {
  return new Writer()
    .u16(from)
    .u16(to)
    .u16(8 + payload.length)
    .u16(0)
    .bytes(payload)
    .finish();
}

export function inEthernet(datagram: Uint8Array, tags: readonly number[] = []): Uint8Array {
  const writer = new Writer().bytes(new Uint8Array(12));
  for (const type of tags) writer.u16(type).u16(7);
  return writer
    .u16((datagram[0] ?? 0) >> 4 === 4 ? 0x0800 : 0x86dd)
    .bytes(datagram)
    .finish();
}
