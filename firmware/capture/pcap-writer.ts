import { Writer } from '../bytes/writer.ts';

/** Microseconds (draft-ietf-opsawg-pcap §4). */
const magic = 0xa1b2c3d4;
const version = { major: 2, minor: 4 };

/** The beginning of a classic capture file, in big-endian order. */
export function pcapHeader(linkType: number, snapLength: number): Uint8Array {
  return new Writer()
    .u32(magic)
    .u16(version.major)
    .u16(version.minor)
    .u32(0)
    .u32(0)
    .u32(snapLength)
    .u32(linkType)
    .finish();
}

/**
 * One frame of it.
 *
 * @param time milliseconds since 1970, with a fraction
 * @param length of the whole frame, of which `octets` is the beginning
 */
export function pcapRecord(time: number, octets: Uint8Array, length: number): Uint8Array {
  const seconds = Math.floor(time / 1000);
  return new Writer(16 + octets.length)
    .u32(seconds)
    .u32(Math.floor((time - seconds * 1000) * 1000))
    .u32(octets.length)
    .u32(length)
    .bytes(octets)
    .finish();
}
