import { broken, type CaptureItem } from './capture-item.ts';
import { limits } from './limits.ts';
import type { OctetStream } from './octet-stream.ts';
import { formatTimestamp } from './timestamp.ts';

/** Block types (draft-ietf-opsawg-pcapng §4). */
const blocks = {
  sectionHeader: 0x0a0d0d0a,
  interfaceDescription: 1,
  obsoletePacket: 2,
  simplePacket: 3,
  enhancedPacket: 6,
} as const;
/** Options of an Interface Description Block (§4.2). */
const options = { end: 0, timestampResolution: 9, timestampOffset: 14 } as const;

const byteOrderMagic = 0x1a2b3c4d;

type Interface = {
  readonly linkType: number;
  readonly snapshotLength: number;
  readonly perSecond: bigint;
  readonly offsetSeconds: bigint;
};

type Section = { readonly littleEndian: boolean; readonly interfaces: Interface[] };

export function isPcapng(magic: Uint8Array): boolean {
  return magic.length === 4 && view(magic).getUint32(0) === blocks.sectionHeader;
}

/** Reads a capture file of blocks whose first four octets are known (draft-ietf-opsawg-pcapng); sections may differ in byte order. */
export async function* readPcapng(stream: OctetStream): AsyncGenerator<CaptureItem> {
  let section: Section = { littleEndian: false, interfaces: [] };
  let number = 0;
  for (;;) {
    const start = stream.offset;
    const head = await stream.peek(12);
    if (head.length === 0) return;
    if (head.length < 12) {
      yield broken('pcapng.block', start, `needs at least 12 octets, ${head.length} are left`);
      return;
    }
    // The section header's type reads the same in both orders.
    if (view(head).getUint32(0) === blocks.sectionHeader) {
      const littleEndian = view(head).getUint32(8, true) === byteOrderMagic;
      if (!littleEndian && view(head).getUint32(8) !== byteOrderMagic) {
        yield broken('pcapng.Section Header.Byte-Order Magic', start + 8, 'has neither order');
        return;
      }
      section = { littleEndian, interfaces: [] };
    }
    const { littleEndian } = section;
    const type = view(head).getUint32(0, littleEndian);
    const length = view(head).getUint32(4, littleEndian);
    const path = `pcapng.block of type ${type}`;
    if (length < 12 || length % 4 !== 0) {
      yield broken(`${path}.Block Total Length`, start + 4, `${length} is no length of a block`);
      return;
    }
    if (!isKept(type)) {
      if (await stream.skip(length)) continue;
      yield broken(path, start, `names ${length} octets, the file ends before`);
      return;
    }
    if (length > limits.frameLength) {
      yield broken(`${path}.Block Total Length`, start + 4, `${length} octets are more than a frame needs`);
      return;
    }
    const block = await stream.take(length);
    if (block === undefined) {
      yield broken(path, start, `names ${length} octets, ${(await stream.peek(length)).length} are left`);
      return;
    }
    if (view(block).getUint32(length - 4, littleEndian) !== length) {
      yield broken(`${path}.Block Total Length`, start + length - 4, 'differs from the one at its start');
      return;
    }
    const body = block.subarray(8, length - 4);
    if (type === blocks.interfaceDescription) {
      const added = section.interfaces.length < limits.interfaces && readInterface(body, littleEndian);
      if (!added) {
        yield broken(path, start, 'is no interface that can be kept');
        return;
      }
      section.interfaces.push(added);
      continue;
    }
    number++;
    const frame = readPacket(type, body, section);
    if (typeof frame === 'string') {
      yield broken(`${path}, packet ${number}`, start, frame);
      return;
    }
    yield { type: 'frame', frame: { number, ...frame } };
  }
}

/** Blocks that are not passed over. A section header is, once its byte order is known. */
function isKept(type: number): boolean {
  return (
    type === blocks.interfaceDescription ||
    type === blocks.obsoletePacket ||
    type === blocks.simplePacket ||
    type === blocks.enhancedPacket
  );
}

function readInterface(body: Uint8Array, littleEndian: boolean): Interface | undefined {
  if (body.length < 8) return undefined;
  const fields = view(body);
  let perSecond = 1_000_000n;
  let offsetSeconds = 0n;
  for (let at = 8; at + 4 <= body.length; ) {
    const code = fields.getUint16(at, littleEndian);
    const length = fields.getUint16(at + 2, littleEndian);
    const value = body.subarray(at + 4, at + 4 + length);
    if (code === options.end) break;
    if (code === options.timestampResolution && value[0] !== undefined) perSecond = resolution(value[0]);
    if (code === options.timestampOffset && value.length === 8)
      offsetSeconds = view(value).getBigInt64(0, littleEndian);
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return {
    linkType: fields.getUint16(0, littleEndian),
    snapshotLength: fields.getUint32(4, littleEndian),
    perSecond,
    offsetSeconds,
  };
}

/** Units a second: a negative power of 10, or of 2 where the upper bit is set (§4.2). */
function resolution(octet: number): bigint {
  return (octet & 0x80) === 0 ? 10n ** BigInt(octet) : 2n ** BigInt(octet & 0x7f);
}

/** A packet's frame, or what is wrong with it. */
function readPacket(
  type: number,
  body: Uint8Array,
  { littleEndian, interfaces }: Section,
): { time: string | null; linkType: number; octets: Uint8Array } | string {
  const fields = view(body);
  if (type === blocks.simplePacket) {
    const [first] = interfaces;
    if (body.length < 4 || first === undefined) return 'has no length or no interface';
    const original = fields.getUint32(0, littleEndian);
    const snapshot = first.snapshotLength === 0 ? original : Math.min(original, first.snapshotLength);
    return { time: null, linkType: first.linkType, octets: body.subarray(4, 4 + snapshot) };
  }
  if (body.length < 20) return `needs 20 octets, has ${body.length}`;
  const index =
    type === blocks.enhancedPacket ? fields.getUint32(0, littleEndian) : fields.getUint16(0, littleEndian);
  const from = interfaces[index];
  if (from === undefined) return `names interface ${index} of ${interfaces.length}`;
  const length = fields.getUint32(12, littleEndian);
  if (length > body.length - 20) return `names ${length} octets, ${body.length - 20} are left`;
  const units =
    (BigInt(fields.getUint32(4, littleEndian)) << 32n) | BigInt(fields.getUint32(8, littleEndian));
  return {
    time: formatTimestamp(units + from.offsetSeconds * from.perSecond, from.perSecond),
    linkType: from.linkType,
    octets: body.subarray(20, 20 + length),
  };
}

function view(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}
