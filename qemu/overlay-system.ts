import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type GuestParts, sourceDateEpoch, unpackGuestParts } from '../image-builder/build.ts';
import { bundleProgram, copyAddOns } from '../image-builder/bundle.ts';
import { openedLibraries } from '../image-builder/contents.ts';
import { ModuleTree } from '../image-builder/kernel-modules.ts';
import { LibraryCopier } from '../image-builder/libraries.ts';
import { rootModules } from '../image-builder/module-selection.ts';
import { buildRoot, projectRoot } from '../image-builder/places.ts';
import type { Progress } from '../image-builder/progress.ts';
import { layOutPrograms, writeSquashfs } from '../image-builder/root.ts';
import { fileSha256, hashOf, stage, treeHash } from '../image-builder/stage.ts';
import { makeUniform } from '../image-builder/uniform-tree.ts';

/** What {@link OverlayGuest} boots. */
export type OverlaySystem = {
  readonly kernelPath: string;
  /** The root file system (squashfs): the image's programs, modules and Node, tc, iperf3 and wg. No firmware. */
  readonly rootPath: string;
  /** Finds the root and brings the guest's programs, which hold the firmware's overlay as the sources have it now. */
  readonly initrdPath: string;
};

/** What the world around gateways needs and no gateway has. */
const labModules = ['sch_netem', 'sch_tbf', 'sch_ingress', 'cls_matchall', 'act_police'];

const init = join(import.meta.dirname, 'guest/init.sh');

function layOutRoot(root: string, { packagesFolder, labFolder, kernelFolder, tools }: GuestParts): void {
  const copier = layOutPrograms(root, { packages: packagesFolder, node: process.execPath, tools });
  copier.program('/usr/sbin/tc');
  const labCopier = new LibraryCopier(labFolder, root, tools);
  for (const path of ['/usr/bin/iperf3', '/usr/bin/wg']) labCopier.program(path);
  mkdirSync(join(root, 'usr/lib/hithe'), { recursive: true });
  copyAddOns(join(root, 'usr/lib/hithe'), 'x64');
  for (const name of ['koffi.node', 'node-hid.node']) copier.needsOf(join(root, 'usr/lib/hithe', name));
  for (const name of openedLibraries) copier.library(name);
  new ModuleTree(kernelFolder, tools).install(
    [...Object.values(rootModules).flat(), ...labModules],
    root,
    tools,
  );
  cpSync(join(projectRoot, 'image-builder/root/etc'), join(root, 'etc'), { recursive: true });
  makeUniform(root, sourceDateEpoch);
}

/** Packs the initial RAM disk: what finds the root, and the programs, bundled from the sources as they are now. */
async function packInitrd(folder: string, path: string, { packagesFolder, kernelFolder, tools }: GuestParts) {
  for (const name of ['bin', 'dev', 'proc', 'sys', 'root', 'lab', 'usr/lib/modules'])
    mkdirSync(join(folder, name), { recursive: true });
  symlinkSync('usr/lib', join(folder, 'lib'));
  copyFileSync(join(packagesFolder, 'usr/bin/busybox'), join(folder, 'bin/busybox'));
  copyFileSync(init, join(folder, 'init'));
  for (const program of ['bin/busybox', 'init']) chmodSync(join(folder, program), 0o755);
  new ModuleTree(kernelFolder, tools).install(['virtio_pci', 'virtio_blk', 'squashfs'], folder, tools);
  await bundleProgram('qemu/guest/main.ts', join(folder, 'lab/programs.js'));
  writeFileSync(join(folder, 'lab/package.json'), '{"type":"commonjs"}\n');
  const names = makeUniform(folder, sourceDateEpoch);
  const options = ['--quiet', '--create', '--format=newc', '--owner=+0:+0', '--null', `--file=${path}`];
  tools.run('cpio', options, { cwd: folder, input: `${names.join('\0')}\0` });
}

/**
 * Makes what the overlay guest boots. The root is built when packages have changed; the programs each time, within a
 * second, so that a test runs the sources as they are.
 *
 * @param folder gets the initial RAM disk
 */
export async function overlaySystem(folder: string, progress: Progress): Promise<OverlaySystem> {
  const parts = await unpackGuestParts(progress);
  const inputs = hashOf(
    parts.packagesFolder,
    parts.labFolder,
    parts.kernelRelease,
    await fileSha256(process.execPath),
    treeHash(join(projectRoot, 'image-builder/root/etc')),
    readFileSync(join(projectRoot, 'image-builder/module-selection.ts')),
    readFileSync(join(projectRoot, 'image-builder/contents.ts')),
    readFileSync(join(projectRoot, 'image-builder/root.ts')),
    readFileSync(import.meta.filename),
  );
  const rootPath = await stage(
    join(buildRoot, 'lab/overlay-root.img'),
    inputs,
    progress,
    'Packing the overlay guest',
    (path) => {
      const tree = `${path}.tree`;
      layOutRoot(tree, parts);
      writeSquashfs(path, tree, sourceDateEpoch, parts.tools);
    },
  );
  const initrdPath = join(folder, 'initrd.cpio');
  const tree = mkdtempSync(join(folder, 'initrd-'));
  await packInitrd(tree, initrdPath, parts);
  rmSync(tree, { recursive: true });
  return { kernelPath: parts.kernelPath, rootPath, initrdPath };
}
