import { closeSync, constants, copyFileSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { BuiltImage } from '../../image-builder/build.ts';
import { Gateway } from '../../qemu/gateway.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { bootableImage } from './image.ts';
import { partition } from './partitions.ts';

let image: BuiltImage;
beforeAll(async () => {
  image = await bootableImage();
});

/** squashfs keeps the time it was made at octet 8 of its superblock and never looks at it: only verity can notice. */
const harmlessOctet = 8;

function flipBit(path: string, offset: number): void {
  const file = openSync(path, 'r+');
  const octet = Buffer.alloc(1);
  readSync(file, octet, 0, 1, offset);
  octet.writeUInt8(octet.readUInt8() ^ 1);
  writeSync(file, octet, 0, 1, offset);
  closeSync(file);
}

test('one changed bit in the root partition: the console says so and nothing of it runs', async () => {
  using scratch = new ScratchFolder();
  const imagePath = join(scratch.path, 'changed.img');
  copyFileSync(image.imagePath, imagePath, constants.COPYFILE_FICLONE);
  flipBit(imagePath, partition(imagePath, 'root-a').offset + harmlessOctet);

  // The firmware takes three times as long where it measures what it loads.
  const machine = { name: 'changed-root', image: { ...image, imagePath }, tpm: false };
  await using gateway = await Gateway.start(machine);
  const { console } = gateway.machine;
  await console.expect(/verity: .* data block 0 is corrupted/, 180_000);
  await console.expect(/Kernel panic/, 60_000);
  // It restarts, so that boot counting can fall back to another slot.
  await console.expect(/BdsDxe: (loading|starting)/, 180_000);
  expect(console.text).not.toContain('Claim code');
});
