import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';
import { addOnFiles } from './bundle.ts';
import { busyboxApplets, kmodNames, openedLibraries, programs } from './contents.ts';
import type { ModuleTree } from './kernel-modules.ts';
import { LibraryCopier } from './libraries.ts';
import { rootModules } from './module-selection.ts';
import { projectRoot } from './places.ts';
import type { Tools } from './tools.ts';
import { makeUniform } from './uniform-tree.ts';

/** Where the bundle lies in the image. The compile cache beside it holds for this relative place. */
const runtimeFolder = 'usr/lib/hithe';

/** Node as it is started in the image: the compile cache holds only for the same V8 flags. */
export const nodeFlags = ['--v8-pool-size=1', '--max-semi-space-size=1'] as const;

export type RootSources = {
  /** The unpacked root packages. */
  readonly packages: string;
  readonly modules: ModuleTree;
  /** A folder with hithe.js and its add-ons. */
  readonly bundle: string;
  /** The Node binary that is shipped. */
  readonly node: string;
  readonly version: string;
  /** Signed with the development key. */
  readonly development: boolean;
  readonly epoch: number;
  readonly tools: Tools;
};

/** Lays out folders, the image's programs under all their names, and Node; the test guests' root begins so too. */
export function layOutPrograms(
  root: string,
  { packages, node, tools }: Pick<RootSources, 'packages' | 'node' | 'tools'>,
): LibraryCopier {
  for (const name of [
    'usr/bin',
    'usr/sbin',
    'usr/lib',
    'usr/lib64',
    'etc',
    'dev',
    'proc',
    'sys',
    'run',
    'tmp',
    'state',
    'mnt',
  ]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));
  symlinkSync('/run', join(root, 'var'));

  const copier = new LibraryCopier(packages, root, tools);
  copier.loader();
  for (const path of programs) copier.program(path);
  for (const path of kmodNames) symlinkSync('../bin/kmod', join(root, path));
  symlinkSync('../bin/ip', join(root, 'usr/sbin/ip'));
  for (const applet of busyboxApplets) {
    const place = join(root, 'usr/bin', applet);
    if (!existsSync(place)) symlinkSync('busybox', place);
  }
  copyFileSync(node, join(root, 'usr/bin/node'));
  chmodSync(join(root, 'usr/bin/node'), 0o755);
  copier.needsOf(node);
  return copier;
}

/** Lays out the root file system of the image below a folder. */
export function layOutRoot(
  root: string,
  { packages, modules, bundle, node, version, development, epoch, tools }: RootSources,
): void {
  const copier = layOutPrograms(root, { packages, node, tools });
  for (const name of openedLibraries) copier.library(name);
  for (const name of ['init', 'reboot', 'poweroff', 'halt'])
    symlinkSync('../bin/busybox', join(root, 'usr/sbin', name));

  const runtime = join(root, runtimeFolder);
  mkdirSync(runtime, { recursive: true });
  for (const name of ['hithe.js', 'package.json', ...addOnFiles]) {
    copyFileSync(join(bundle, name), join(runtime, name));
    chmodSync(join(runtime, name), 0o644);
    if (name.endsWith('.node')) copier.needsOf(join(bundle, name));
  }
  const apiDocument = join(runtime, 'openapi.json');
  writeFileSync(apiDocument, warmUp(runtime));
  chmodSync(apiDocument, 0o644);

  modules.install(Object.values(rootModules).flat(), root, tools);

  cpSync(join(projectRoot, 'image-builder/root'), root, { recursive: true });
  symlinkSync('/run/hithe/resolv.conf', join(root, 'etc/resolv.conf'));
  symlinkSync('/proc/self/mounts', join(root, 'etc/mtab'));
  writeFileSync(join(root, 'etc/os-release'), osRelease(version, development));
  makeUniform(root, epoch);
}

/**
 * os-release(5); systemd-boot shows PRETTY_NAME and sorts by VERSION_ID. An image signed with the development key is a
 * variant of its own: the runtime reads that here.
 */
export function osRelease(version: string, development: boolean): string {
  const fields = [
    'ID=hithe',
    'NAME=Hithe',
    `PRETTY_NAME="Hithe ${version}${development ? ' (development build)' : ''}"`,
    `VERSION_ID=${version}`,
    ...(development ? ['VARIANT_ID=development'] : []),
    'IMAGE_ID=hithe',
    `IMAGE_VERSION=${version}`,
  ];
  return `${fields.join('\n')}\n`;
}

/**
 * Has Node compile the bundle once and keeps V8's code cache beside it: in the image the cache lies on the verified
 * root, so it is as trustworthy as the code. The seed makes the cache the same bytes each time; V8 leaves it out of what
 * a cache must have in common with its user. V8 writes the script's path into the cache: it is one that is the same
 * wherever the build runs. The cache's folder carries the user's number, in the image that is 0.
 *
 * @returns the API's document, as that run wrote it
 */
function warmUp(runtime: string): string {
  const here = '/proc/self/cwd';
  const pathAsGiven = ['--preserve-symlinks', '--preserve-symlinks-main'];
  const result = spawnSync(
    process.execPath,
    [...nodeFlags, '--random-seed=1', ...pathAsGiven, `${here}/hithe.js`, 'warm-up'],
    {
      cwd: runtime,
      encoding: 'utf8',
      env: {
        PATH: '/usr/bin:/bin',
        NODE_COMPILE_CACHE: `${here}/compile-cache`,
        NODE_COMPILE_CACHE_PORTABLE: '1',
      },
    },
  );
  if (result.status !== 0) throw new BuildError('tool', `The bundle did not run: ${result.stderr}`);
  const cache = join(runtime, 'compile-cache');
  const [made, ...others] = readdirSync(cache);
  if (made === undefined || others.length > 0) throw new BuildError('content', 'Node left no compile cache.');
  renameSync(join(cache, made), join(cache, made.replace(/-\d+$/, '-0')));
  return result.stdout;
}

/**
 * Packs a root folder as squashfs. Owner, order and times are fixed; nothing of the build machine gets in. Nothing is
 * compressed: the download is, as a whole and better than in blocks, and the box starts without decompressing anything.
 */
export function writeSquashfs(path: string, root: string, epoch: number, tools: Tools): void {
  tools.run('mksquashfs', [
    root,
    path,
    '-quiet',
    '-no-progress',
    '-noappend',
    '-all-root',
    '-no-xattrs',
    '-no-exports',
    ...['-mkfs-time', String(epoch), '-all-time', String(epoch)],
    ...['-noI', '-noD', '-noF', '-noX', '-no-fragments', '-b', '128K'],
    ...['-processors', '2'],
  ]);
}
