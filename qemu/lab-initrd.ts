import { chmodSync, copyFileSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BuiltImage } from '../image-builder/build.ts';
import { ModuleTree } from '../image-builder/kernel-modules.ts';
import { buildRoot } from '../image-builder/places.ts';
import type { Progress } from '../image-builder/progress.ts';
import { hashOf, stage } from '../image-builder/stage.ts';

/** Cards, the provider's bridge, and its delay and loss. */
const modules = ['virtio_pci', 'virtio_net', 'bridge', 'sch_netem'];

const init = join(import.meta.dirname, 'lab-init.sh');

/**
 * The lab guest's whole system: the image's own busybox and kernel modules, and an init that gives a shell.
 *
 * @returns the path of a cpio archive for `-initrd`
 */
export function labInitrd(
  {
    packagesFolder,
    kernelFolder,
    kernelRelease,
    tools,
  }: Pick<BuiltImage, 'packagesFolder' | 'kernelFolder' | 'kernelRelease' | 'tools'>,
  progress: Progress,
): Promise<string> {
  const inputs = hashOf(
    packagesFolder,
    kernelRelease,
    readFileSync(init),
    readFileSync(import.meta.filename),
  );
  return stage(join(buildRoot, 'lab/initrd.cpio'), inputs, progress, 'Packing the lab guest', (path) => {
    const folder = `${path}.tree`;
    for (const name of ['bin', 'dev', 'proc', 'sys', 'tmp', 'usr/lib/modules'])
      mkdirSync(join(folder, name), { recursive: true });
    copyFileSync(join(packagesFolder, 'usr/bin/busybox'), join(folder, 'bin/busybox'));
    copyFileSync(init, join(folder, 'init'));
    for (const program of ['bin/busybox', 'init']) chmodSync(join(folder, program), 0o755);
    new ModuleTree(kernelFolder, tools).install(modules, folder, tools);
    const names = globSync('**', { cwd: folder }).filter((name) => name !== '.');
    const options = ['--quiet', '--create', '--format=newc', '--owner=+0:+0', '--null', `--file=${path}`];
    tools.run('cpio', options, { cwd: folder, input: `${names.join('\0')}\0` });
    rmSync(folder, { recursive: true });
  });
}
