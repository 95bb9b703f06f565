import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BuiltImage } from '../../image-builder/build.ts';
import { authenticodeHash, readSections } from '../../image-builder/pe.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { assertUntouched, bootableImage } from './image.ts';
import { partition, readPartitions } from './partitions.ts';

/** What cryptsetup, util-linux, mtools, dosfstools and binutils make of the image, without booting it. */
let image: BuiltImage;
let scratch: ScratchFolder;
beforeAll(async () => {
  image = await bootableImage();
  scratch = new ScratchFolder();
});
afterAll(async () => {
  scratch[Symbol.dispose]();
  await assertUntouched(image);
});

const sha256 = (data: Uint8Array = new Uint8Array()) => createHash('sha256').update(data).digest('hex');
const run = (name: string, ...args: string[]) => image.tools.run(name, args);

/** Copies a partition's first octets into a file of their own. */
function extract(name: string, length: number): string {
  const { offset } = partition(image.imagePath, name);
  const content = Buffer.alloc(length);
  const file = openSync(image.imagePath, 'r');
  readSync(file, content, 0, length, offset);
  closeSync(file);
  const path = join(scratch.path, name);
  writeFileSync(path, content);
  return path;
}

describe('veritysetup', () => {
  let root: string;
  let hashOffset: number;
  const verify = (rootHash = image.rootHash) =>
    run('veritysetup', 'verify', `--hash-offset=${hashOffset}`, root, root, rootHash);
  const flip = (offset: number) => {
    const file = openSync(root, 'r+');
    const octet = Buffer.alloc(1);
    readSync(file, octet, 0, 1, offset);
    octet.writeUInt8(octet.readUInt8() ^ 1);
    writeSync(file, octet, 0, 1, offset);
    closeSync(file);
  };

  beforeAll(() => {
    root = extract('root-a', image.manifest.root.size);
    hashOffset = image.manifest.root.dataBlocks * 4096;
  });

  test('finds the root partition to be what the root hash says', () => {
    expect(verify).not.toThrow();
  });

  test('refuses another root hash', () => {
    const other = image.rootHash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    expect(() => verify(other)).toThrow(/verif|mismatch|hash/i);
  });

  test('refuses one changed bit: in the first block, in the middle, in the last data block, in the hash tree', () => {
    const places = [100, Math.floor(hashOffset / 2), hashOffset - 1, statSync(root).size - 4096];
    for (const place of places) {
      flip(place);
      expect(verify, `offset ${place}`).toThrow();
      flip(place);
    }
    expect(verify).not.toThrow();
  });

  test('names the salt, the block count and the slot by its UUID as the command line has them', () => {
    const told = run('veritysetup', 'dump', `--hash-offset=${hashOffset}`, root);
    expect(told).toMatch(new RegExp(`Salt:\\s+${image.manifest.root.salt}`));
    expect(told).toMatch(new RegExp(`Data blocks:\\s+${image.manifest.root.dataBlocks}\\b`));
    expect(told).toMatch(/Hash algorithm:\s+sha256/);
    const uuid = /UUID:\s+([0-9a-f-]{36})/.exec(told)?.[1]?.replaceAll('-', '');
    expect(uuid).toBe(image.rootHash.slice(0, 32));
    expect(image.commandLine).toContain(
      `roothash=${image.rootHash} verity.salt=${image.manifest.root.salt} verity.blocks=${image.manifest.root.dataBlocks} `,
    );
  });
});

test('sfdisk finds a sound GPT with the four partitions where the image has them', () => {
  expect(run('sfdisk', '--verify', image.imagePath)).toContain('No errors detected');
  const { partitiontable } = JSON.parse(run('sfdisk', '--json', image.imagePath)) as {
    partitiontable: {
      label: string;
      sectorsize: number;
      partitions: { name: string; start: number; size: number; type: string }[];
    };
  };
  expect(partitiontable).toMatchObject({ label: 'gpt', sectorsize: 512 });
  expect(partitiontable.partitions.map(({ name, type }) => [name, type])).toEqual([
    ['esp', 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'],
    ['root-a', '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709'],
    ['root-b', '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709'],
    ['state', '0FC63DAF-8483-4772-8E79-3D69D8477DE4'],
  ]);
  expect(
    partitiontable.partitions.map(({ name, start, size }) => ({
      name,
      offset: start * 512,
      bytes: size * 512,
    })),
  ).toEqual(readPartitions(image.imagePath));
  for (const { start } of partitiontable.partitions) expect((start * 512) % (1024 * 1024)).toBe(0);
});

describe('the EFI system partition', () => {
  let esp: string;
  let uki: Buffer;
  beforeAll(() => {
    esp = extract('esp', partition(image.imagePath, 'esp').bytes);
    const copy = join(scratch.path, 'uki.efi');
    run('mcopy', '-n', '-i', esp, `::EFI/Linux/${image.manifest.uki.file}`, copy);
    uki = readFileSync(copy);
  });

  test('is a sound FAT32 file system with the loader, its settings and one kernel image that has tries left', () => {
    expect(run('fsck.vfat', '-n', '-v', esp)).toMatch(/FATs, 32 bit entries/);
    const names = run('mdir', '-/', '-b', '-i', esp, '::')
      .split('\n')
      .filter((name) => /[^/]$/.test(name));
    expect(names.sort()).toEqual([
      '::/EFI/BOOT/BOOTX64.EFI',
      `::/EFI/Linux/${image.manifest.uki.file}`,
      '::/loader/loader.conf',
    ]);
    expect(image.manifest.uki.file).toMatch(/^hithe_[\d.]+\+3\.efi$/);
  });

  test('objdump sees the kernel image’s sections as we wrote them', () => {
    const told = run('x86_64-linux-gnu-objdump', '-h', join(scratch.path, 'uki.efi'));
    const sections = readSections(uki);
    for (const name of ['.osrel', '.cmdline', '.uname', '.initrd', '.linux']) {
      const size = Number.parseInt(
        new RegExp(`^\\s*\\d+ \\${name}\\s+([0-9a-f]+)`, 'm').exec(told)?.[1] ?? '',
        16,
      );
      expect([name, size]).toEqual([name, sections.get(name)?.length]);
    }
    expect(sha256(sections.get('.linux'))).toBe(image.manifest.kernel.sha256);
    expect(sha256(sections.get('.initrd'))).toBe(image.manifest.initrd.sha256);
    expect(new TextDecoder().decode(sections.get('.cmdline'))).toBe(image.commandLine);
    expect(authenticodeHash(uki)).toBe(image.manifest.uki.authenticodeSha256);
  });
});
