import { limits } from './limits.ts';

export type Volume = {
  /** As mount takes it. */
  readonly type: 'vfat' | 'iso9660' | 'udf';
  /** Without the spaces that fill it up; empty where there is none. */
  readonly label: string;
  /** Where a FAT volume has its root directory, in octets: formatting on Windows writes the label only there. */
  readonly rootDirectory: { readonly offset: number; readonly length: number } | null;
};

function text(octets: Uint8Array): string {
  let end = octets.length;
  while (end > 0 && (octets[end - 1] === 0x20 || octets[end - 1] === 0)) end--;
  // Labels are in some DOS code page or in ISO 646; those looked for are plain ASCII.
  return String.fromCharCode(...octets.subarray(0, end));
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

/** The BIOS parameter block (Microsoft FAT specification, 3.1 to 3.3; ECMA-107, 9). */
function parseFat(head: Uint8Array): Volume | null {
  if (head.length < 512 || head[510] !== 0x55 || head[511] !== 0xaa) return null;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const jumps = head[0] === 0xeb || head[0] === 0xe9;
  const sectorSize = view.getUint16(11, true);
  const clusterSectors = view.getUint8(13);
  const reserved = view.getUint16(14, true);
  const tables = view.getUint8(16);
  const rootEntries = view.getUint16(17, true);
  const media = view.getUint8(21);
  const shortTable = view.getUint16(22, true);
  // A partition table has the same signature in the end and code where these are: all of them have to make sense.
  if (!jumps || !isPowerOfTwo(sectorSize) || sectorSize < 512 || sectorSize > 4096) return null;
  if (!isPowerOfTwo(clusterSectors) || reserved === 0 || tables === 0 || tables > 4) return null;
  if (media !== 0xf0 && media < 0xf8) return null;

  if (shortTable !== 0) {
    const offset = (reserved + tables * shortTable) * sectorSize;
    const label = view.getUint8(38) === 0x29 ? text(head.subarray(43, 54)) : '';
    return { type: 'vfat', label, rootDirectory: { offset, length: rootEntries * 32 } };
  }
  const longTable = view.getUint32(36, true);
  const rootCluster = view.getUint32(44, true);
  if (longTable === 0 || rootCluster < 2 || rootEntries !== 0) return null;
  const sector = reserved + tables * longTable + (rootCluster - 2) * clusterSectors;
  const label = view.getUint8(66) === 0x29 ? text(head.subarray(71, 82)) : '';
  return {
    type: 'vfat',
    label,
    rootDirectory: { offset: sector * sectorSize, length: clusterSectors * sectorSize },
  };
}

const descriptorStart = 16 * 2048;

/**
 * Volume structure descriptors: one a sector from the sixteenth on. ISO 9660's end with one of type 255 (ECMA-119, 8.1 to
 * 8.4), after which UDF's may come (ECMA-167, 2/9.1 and 3/9.1). A disc that is both is taken as UDF, whose names of files
 * are whole.
 */
function parseOptical(head: Uint8Array): Volume | null {
  let label: string | null = null;
  let ended = false;
  for (let offset = descriptorStart; offset + 2048 <= head.length; offset += 2048) {
    const identifier = text(head.subarray(offset + 1, offset + 6));
    if (identifier === 'NSR02' || identifier === 'NSR03')
      return { type: 'udf', label: label ?? '', rootDirectory: null };
    if (identifier !== 'CD001' && identifier !== 'BEA01') break;
    if (identifier !== 'CD001') continue;
    ended ||= head[offset] === 255;
    if (!ended && head[offset] === 1) label ??= text(head.subarray(offset + 40, offset + 72));
  }
  return label === null ? null : { type: 'iso9660', label, rootDirectory: null };
}

/**
 * Recognises a FAT (12, 16, 32), ISO 9660 or UDF volume by its first octets.
 *
 * @param head the first `limits.volumeHeadOctets`, or all of a smaller device
 * @returns null for anything else: a partition table, another file system, an empty medium
 */
export function parseVolume(head: Uint8Array): Volume | null {
  return parseFat(head) ?? parseOptical(head.subarray(0, limits.volumeHeadOctets));
}

/**
 * The label in a FAT root directory: the entry with the volume attribute (Microsoft FAT specification, 6.1 and 6.2).
 *
 * @returns null where no such entry is in these octets
 */
export function parseDirectoryLabel(directory: Uint8Array): string | null {
  for (let offset = 0; offset + 32 <= directory.length; offset += 32) {
    const first = directory[offset];
    if (first === 0) return null;
    const attributes = (directory[offset + 11] ?? 0) & 0x3f;
    // 0x0f marks a part of a long name, which has the volume bit set as well.
    if (first !== 0xe5 && attributes !== 0x0f && (attributes & 0x18) === 0x08) {
      return text(directory.subarray(offset, offset + 11));
    }
  }
  return null;
}
