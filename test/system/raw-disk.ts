import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runBound } from '../../qemu/bound-process.ts';
import type { Machine } from '../../qemu/machine.ts';

/** The disk of a machine that has ended, as a raw image that goes with this object. */
export class RawDisk implements Disposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async of({ scratchPath }: Machine): Promise<RawDisk> {
    const path = join(scratchPath, 'disk.raw');
    const overlay = join(scratchPath, 'disk.qcow2');
    await runBound('qemu-img', 'qemu-utils', ['convert', '-O', 'raw', overlay, path]);
    return new RawDisk(path);
  }

  [Symbol.dispose](): void {
    rmSync(this.path);
  }
}

/** Of an ext4 superblock (Linux, Documentation/filesystems/ext4/super.rst). */
const superblock = { offset: 1024, length: 1024, magic: 0x38, state: 0x3a, incompatible: 0x60 } as const;
const extMagic = 0xef53;
const cleanlyUnmounted = 1;
const needsRecovery = 4;

/** Octets of a file from a place on. */
export function readRange(path: string, offset: number, length: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    readSync(file, bytes, 0, length, offset);
    return bytes;
  } finally {
    closeSync(file);
  }
}

/** Whether the ext4 file system at that offset of an image was unmounted, with nothing left in its journal. */
export function isUnmounted(image: string, offset: number): boolean {
  const bytes = readRange(image, offset + superblock.offset, superblock.length);
  if (bytes.readUInt16LE(superblock.magic) !== extMagic) throw new Error(`${image} has no ext4 there`);
  const isClean = bytes.readUInt16LE(superblock.state) === cleanlyUnmounted;
  return isClean && (bytes.readUInt32LE(superblock.incompatible) & needsRecovery) === 0;
}
