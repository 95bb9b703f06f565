import type { BuiltImage } from '../../image-builder/build.ts';
import type { Machine } from '../../qemu/machine.ts';
import { readPartitions } from './partitions.ts';
import { RawDisk } from './raw-disk.ts';

/** The UKIs on the EFI system partition of a machine that has ended, by name: systemd-boot keeps its counters there. */
export async function readBootEntries(machine: Machine, { tools }: BuiltImage): Promise<string[]> {
  using disk = await RawDisk.of(machine);
  const [esp] = readPartitions(disk.path);
  const listing = tools.run('mdir', ['-b', '-i', `${disk.path}@@${esp?.offset ?? 0}`, '::/EFI/Linux']);
  return listing
    .split('\n')
    .filter(Boolean)
    .map((path) => path.replace('::/EFI/Linux/', ''));
}
