import {
  closeSync,
  copyFileSync,
  cpSync,
  globSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';
import type { Tools } from './tools.ts';

const mebibyte = 1024 * 1024;
const sector = 512;

/**
 * The disk's partitions, in order. The EFI system partition holds a unified kernel image a slot; a root slot leaves
 * room to grow; state is made and grown to the disk's end on the first boot, here it only has a place.
 */
const partitions = [
  {
    label: 'esp',
    type: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
    uuid: '6F9C2D31-7A54-4E0B-9C1D-4B1A60E50001',
    mebibytes: 96,
  },
  {
    label: 'root-a',
    type: '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709',
    uuid: '6F9C2D31-7A54-4E0B-9C1D-4B1A60E50002',
    mebibytes: 256,
  },
  {
    label: 'root-b',
    type: '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709',
    uuid: '6F9C2D31-7A54-4E0B-9C1D-4B1A60E50003',
    mebibytes: 256,
  },
  {
    label: 'state',
    type: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
    uuid: '6F9C2D31-7A54-4E0B-9C1D-4B1A60E50004',
    mebibytes: 16,
  },
] as const;
const diskUuid = '6F9C2D31-7A54-4E0B-9C1D-4B1A60E50000';
const firstMebibyte = 1;

export type EspContent = {
  readonly loader: string;
  readonly loaderName: string;
  readonly uki: string;
  readonly ukiName: string;
  /** What a machine in set-up mode takes as its Secure Boot variables, by file name; null where nothing is signed. */
  readonly keys: ReadonlyMap<string, Uint8Array> | null;
};

/** Makes the EFI system partition: a FAT32 file system with the loader, its settings and the first slot's UKI. */
export function writeEsp(
  path: string,
  { loader, loaderName, uki, ukiName, keys }: EspContent,
  epoch: number,
  tools: Tools,
): void {
  const tree = `${path}.tree`;
  rmSync(tree, { recursive: true, force: true });
  for (const folder of ['EFI/BOOT', 'EFI/Linux', 'EFI/systemd', 'loader'])
    mkdirSync(join(tree, folder), { recursive: true });
  copyFileSync(loader, join(tree, 'EFI/BOOT', loaderName));
  cpSync(uki, join(tree, 'EFI/Linux', ukiName));
  const settings = ['timeout 0', 'editor no', 'auto-firmware no'];
  if (keys !== null) {
    mkdirSync(join(tree, 'loader/keys/auto'), { recursive: true });
    for (const [name, content] of keys) writeFileSync(join(tree, 'loader/keys/auto', name), content);
    // A machine is in set-up mode because somebody put it there, for these keys.
    settings.push('secure-boot-enroll force');
  }
  writeFileSync(join(tree, 'loader/loader.conf'), `${settings.join('\n')}\n`);
  for (const name of globSync('**', { cwd: tree })) utimesSync(join(tree, name), epoch, epoch);
  writeFileSync(path, '');
  truncateSync(path, partitions[0].mebibytes * mebibyte);
  const environment = { SOURCE_DATE_EPOCH: String(epoch) };
  tools.run('mkfs.vfat', ['--invariant', '-F', '32', '-n', 'HITHE-ESP', '-i', '48495448', path], {
    env: environment,
  });
  tools.run('mcopy', ['-s', '-m', '-i', path, join(tree, 'EFI'), join(tree, 'loader'), '::'], {
    env: { ...environment, MTOOLS_SKIP_CHECK: '1' },
  });
  rmSync(tree, { recursive: true });
}

/** Writes the disk: GPT, the EFI system partition, slot A's root; slot B and state are empty. The file is sparse. */
export function writeDisk(path: string, esp: string, root: string, tools: Tools): void {
  const rootSize = statSync(root).size;
  const slot = partitions[1].mebibytes * mebibyte;
  if (rootSize > slot) {
    throw new BuildError(
      'content',
      `The root file system (${rootSize} octets) does not fit its slot (${slot}).`,
    );
  }
  const total = partitions.reduce((size, { mebibytes }) => size + mebibytes, firstMebibyte) + 1;
  writeFileSync(path, '');
  truncateSync(path, total * mebibyte);
  let start = firstMebibyte;
  const starts = partitions.map(({ mebibytes }) => {
    const own = start;
    start += mebibytes;
    return own;
  });
  const table = partitions.map(
    ({ label, type, uuid, mebibytes }, index) =>
      `start=${((starts[index] ?? 0) * mebibyte) / sector}, size=${(mebibytes * mebibyte) / sector}, type=${type}, uuid=${uuid}, name="${label}"`,
  );
  tools.run('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', path], {
    input: `label: gpt\nlabel-id: ${diskUuid}\nunit: sectors\nsector-size: ${sector}\n\n${table.join('\n')}\n`,
  });
  copyInto(path, esp, (starts[0] ?? 0) * mebibyte);
  copyInto(path, root, (starts[1] ?? 0) * mebibyte);
}

/** Copies a file into another at an offset, leaving holes where it has zeros. */
function copyInto(target: string, source: string, offset: number): void {
  const from = openSync(source, 'r');
  const to = openSync(target, 'r+');
  const block = Buffer.alloc(mebibyte);
  for (let position = 0; ; ) {
    const length = readSync(from, block, 0, block.length, position);
    if (length === 0) break;
    const data = block.subarray(0, length);
    if (data.some((byte) => byte !== 0)) writeSync(to, data, 0, length, offset + position);
    position += length;
  }
  closeSync(from);
  closeSync(to);
}
