import { broken, type CaptureItem } from './capture-item.ts';
import { limits } from './limits.ts';
import type { OctetStream } from './octet-stream.ts';
import { formatTimestamp } from './timestamp.ts';

/** Magic numbers of draft-ietf-opsawg-pcap §4, as read in big-endian order: byte order and units a second. */
const magics: ReadonlyMap<number, { readonly littleEndian: boolean; readonly perSecond: bigint }> = new Map([
  [0xa1b2c3d4, { littleEndian: false, perSecond: 1_000_000n }],
  [0xd4c3b2a1, { littleEndian: true, perSecond: 1_000_000n }],
  [0xa1b23c4d, { littleEndian: false, perSecond: 1_000_000_000n }],
  [0x4d3cb2a1, { littleEndian: true, perSecond: 1_000_000_000n }],
]);

const fileHeaderLength = 24;
const recordHeaderLength = 16;

export function isPcap(magic: Uint8Array): boolean {
  return magic.length === 4 && magics.has(view(magic).getUint32(0));
}

/** Reads a classic capture file whose magic number is known (draft-ietf-opsawg-pcap). */
export async function* readPcap(stream: OctetStream): AsyncGenerator<CaptureItem> {
  const header = await stream.take(fileHeaderLength);
  const format = header && magics.get(view(header).getUint32(0));
  if (header === undefined || format === undefined) {
    yield broken('pcap.header', stream.offset, `needs ${fileHeaderLength} octets`);
    return;
  }
  const { littleEndian, perSecond } = format;
  // The upper bits tell of frame check sequences, which IP's own lengths leave out.
  const linkType = view(header).getUint32(20, littleEndian) & 0xffff;
  for (let number = 1; ; number++) {
    const start = stream.offset;
    const path = `pcap.packet ${number}`;
    const record = await stream.take(recordHeaderLength);
    if (record === undefined) {
      const left = (await stream.peek(recordHeaderLength)).length;
      if (left > 0) yield broken(path, start, `header needs ${recordHeaderLength} octets, ${left} are left`);
      return;
    }
    const fields = view(record);
    const length = fields.getUint32(8, littleEndian);
    if (length > limits.frameLength) {
      yield broken(`${path}.length`, start + 8, `${length} octets are more than a frame has`);
      return;
    }
    const octets = await stream.take(length);
    if (octets === undefined) {
      yield broken(path, start, `names ${length} octets, ${(await stream.peek(length)).length} are left`);
      return;
    }
    const units =
      BigInt(fields.getUint32(0, littleEndian)) * perSecond + BigInt(fields.getUint32(4, littleEndian));
    const time = formatTimestamp(units, perSecond);
    yield { type: 'frame', frame: { number, time, linkType, octets } };
  }
}

function view(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}
