import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BuiltImage } from '../../image-builder/build.ts';
import { runBound } from '../../qemu/bound-process.ts';
import type { Machine } from '../../qemu/machine.ts';
import { readPartitions } from './partitions.ts';

/** The UKIs on the EFI system partition of a machine that has ended, by name: systemd-boot keeps its counters there. */
export async function readBootEntries(machine: Machine, { tools }: BuiltImage): Promise<string[]> {
  const raw = join(machine.scratchPath, 'disk.raw');
  await runBound('qemu-img', 'qemu-utils', [
    'convert',
    '-O',
    'raw',
    join(machine.scratchPath, 'disk.qcow2'),
    raw,
  ]);
  try {
    const [esp] = readPartitions(raw);
    const listing = tools.run('mdir', ['-b', '-i', `${raw}@@${esp?.offset ?? 0}`, '::/EFI/Linux']);
    return listing
      .split('\n')
      .filter(Boolean)
      .map((path) => path.replace('::/EFI/Linux/', ''));
  } finally {
    rmSync(raw);
  }
}
