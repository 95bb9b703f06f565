import { closeSync, openSync, readSync } from 'node:fs';

const sectorBytes = 512;

export type Partition = { readonly name: string; readonly offset: number; readonly bytes: number };

/** The partitions of a raw disk image (UEFI specification 2.10, § 5.3: GPT header in sector 1, entries where it says). */
export function readPartitions(path: string): Partition[] {
  const file = openSync(path, 'r');
  const read = (offset: number, length: number) => {
    const bytes = Buffer.alloc(length);
    readSync(file, bytes, 0, length, offset);
    return bytes;
  };
  try {
    const header = read(sectorBytes, sectorBytes);
    if (header.toString('latin1', 0, 8) !== 'EFI PART') throw new Error(`${path} has no GPT`);
    const start = Number(header.readBigUInt64LE(72)) * sectorBytes;
    const count = header.readUInt32LE(80);
    const size = header.readUInt32LE(84);
    return Array.from({ length: count }, (_, index) => read(start + index * size, size))
      .map((entry) => {
        const first = Number(entry.readBigUInt64LE(32));
        const last = Number(entry.readBigUInt64LE(40));
        const name = entry.toString('utf16le', 56, 128).replace(/\0.*$/s, '');
        return { name, offset: first * sectorBytes, bytes: (last - first + 1) * sectorBytes };
      })
      .filter(({ offset }) => offset > 0);
  } finally {
    closeSync(file);
  }
}

export function partition(path: string, name: string): Partition {
  const found = readPartitions(path).find((candidate) => candidate.name === name);
  if (!found) throw new Error(`${path} has no partition ${name}`);
  return found;
}
