import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { ModuleTree } from './kernel-modules.ts';
import { LibraryCopier } from './libraries.ts';
import { initrdModules } from './module-selection.ts';
import { projectRoot } from './places.ts';
import type { Tools } from './tools.ts';
import { makeUniform } from './uniform-tree.ts';

const applets = [
  'cat',
  'cut',
  'dd',
  'echo',
  'find',
  'grep',
  'hexdump',
  'ls',
  'mkdir',
  'mount',
  'reboot',
  'sh',
  'sleep',
  'sort',
  'switch_root',
  'tr',
  'xargs',
  'modprobe',
];

export type InitrdSources = {
  /** The unpacked root packages. */
  readonly packages: string;
  readonly modules: ModuleTree;
  readonly epoch: number;
  readonly tools: Tools;
};

/** Lays out a minimal root: busybox with its names, dmsetup with its libraries, the modules that find a disk. */
function layOut(
  folder: string,
  { packages, modules, tools }: InitrdSources,
  extraModules: readonly string[],
): void {
  for (const name of [
    'bin',
    'dev',
    'proc',
    'sys',
    'run',
    'usr/lib/modules',
    'usr/lib64',
    'usr/bin',
    'usr/sbin',
  ]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  copyFileSync(join(packages, 'usr/bin/busybox'), join(folder, 'bin/busybox'));
  chmodSync(join(folder, 'bin/busybox'), 0o755);
  for (const name of applets) symlinkSync('busybox', join(folder, 'bin', name));
  symlinkSync('usr/lib', join(folder, 'lib'));
  symlinkSync('usr/lib64', join(folder, 'lib64'));
  symlinkSync('bin', join(folder, 'sbin'));
  const copier = new LibraryCopier(packages, folder, tools);
  copier.program('/usr/sbin/dmsetup');
  symlinkSync('../usr/sbin/dmsetup', join(folder, 'bin/dmsetup'));
  copier.loader();
  modules.install([...initrdModules, ...extraModules], folder, tools);
}

/** Packs a folder as a cpio archive that is the same whenever it is made, and compresses it with zstd. */
function pack(folder: string, path: string, epoch: number, tools: Tools): void {
  const names = makeUniform(folder, epoch);
  tools.run(
    'cpio',
    [
      '--quiet',
      '--create',
      '--format=newc',
      '--reproducible',
      '--owner=+0:+0',
      '--null',
      `--file=${path}.cpio`,
    ],
    {
      cwd: folder,
      input: `${names.join('\0')}\0`,
    },
  );
  tools.run('zstd', ['--quiet', '-19', '--force', '--rm', `${path}.cpio`, '-o', path]);
}

/** Writes the initial RAM disk that opens the verity root. */
export function writeInitrd(path: string, sources: InitrdSources): void {
  const folder = `${path}.tree`;
  layOut(folder, sources, []);
  copyFileSync(join(projectRoot, 'image-builder/initrd/init'), join(folder, 'init'));
  chmodSync(join(folder, 'init'), 0o755);
  pack(folder, path, sources.epoch, sources.tools);
}

/** The part of the initial RAM disk's inputs that stands in this checkout, for the stage's key. */
export const initrdScript = (): string =>
  readFileSync(join(projectRoot, 'image-builder/initrd/init'), 'utf8') + applets.join(' ');
