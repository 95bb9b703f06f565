import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReleaseManifest } from '../../image-builder/manifest.ts';
import { buildRoot, cacheRoot, projectRoot } from '../../image-builder/places.ts';
import { fileSha256 } from '../../image-builder/stage.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { bootableImage } from './image.ts';

/** A checkout of its own, with nothing built in it. */
class Checkout {
  readonly folder: string;
  readonly #umask: string;
  readonly #environment: Readonly<Record<string, string>>;

  constructor(folder: string, umask: string, environment: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.#umask = umask;
    this.#environment = environment;
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(projectRoot).filter(
      (one) => !['.git', 'build', 'node_modules'].includes(one),
    ))
      cpSync(join(projectRoot, name), join(folder, name), { recursive: true, verbatimSymlinks: true });
    // Names of files get into source maps: packages lie in the checkout as npm would put them. Links to the same files
    // cost nothing, and no build writes to them.
    execFileSync('cp', ['-al', join(projectRoot, 'node_modules'), folder]);
    // As git leaves files under this umask.
    const writable = umask === '002' ? 'g+w' : 'g-w';
    for (const name of ['image-builder', 'firmware'])
      execFileSync('chmod', ['-R', writable, join(folder, name)]);
  }

  /** Builds the image, and says which stages that took. */
  build(): Promise<{ manifest: ReleaseManifest; stages: string[] }> {
    return new Promise((done, failed) => {
      const command = `umask ${this.#umask} && exec "$0" image-builder/main.ts --no-compress --locked --json`;
      const child = spawn('/bin/sh', ['-c', command, process.execPath], {
        cwd: this.folder,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...this.#environment },
      });
      let output = '';
      let progress = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        progress += text;
      });
      child.on('close', (status) => {
        if (status !== 0) return failed(new Error(progress));
        const stages = [...progress.matchAll(/ s {2}(.*)$/gm)].map(([, title = '']) => title);
        done({ manifest: JSON.parse(output) as ReleaseManifest, stages });
      });
    });
  }

  async hashes(): Promise<Record<string, string>> {
    const folder = join(this.folder, 'build/image/x86-64');
    const names = readdirSync(folder).filter((name) => /\.(img|json|map|pem|sig|zst)$|^vmlinuz$/.test(name));
    return Object.fromEntries(
      await Promise.all(
        names
          .sort()
          .map(async (name): Promise<[string, string]> => [name, await fileSha256(join(folder, name))]),
      ),
    );
  }

  edit(path: string, from: string, to: string): void {
    const text = readFileSync(join(this.folder, path), 'utf8');
    expect(text).toContain(from);
    writeFileSync(join(this.folder, path), text.replace(from, to));
  }
}

let scratch: ScratchFolder;
let first: Checkout;
let second: Checkout;
let built: ReleaseManifest;

beforeAll(async () => {
  // The downloads are there after this: neither build below asks the network.
  await bootableImage();
  scratch = new ScratchFolder(join(buildRoot, 'reproducible'));
  first = new Checkout(join(scratch.path, 'a'), '022', {});
  const cache = join(scratch.path, 'cache');
  mkdirSync(cache);
  symlinkSync(join(cacheRoot, 'debian'), join(cache, 'debian'));
  second = new Checkout(join(scratch.path, 'somewhere else/b'), '002', {
    HITHE_CACHE: cache,
    TZ: 'Pacific/Kiritimati',
    LC_ALL: 'C',
    HOME: '/nonexistent',
  });
  [{ manifest: built }] = await Promise.all([first.build(), second.build()]);
});
afterAll(() => scratch[Symbol.dispose]());

test('two checkouts in two folders, with other caches, umasks, homes and time zones, build the same files', async () => {
  const hashes = await first.hashes();
  expect(Object.keys(hashes)).toEqual([
    'bom.cdx.json',
    built.image.file,
    'hithe.js.map',
    'initrd.zst',
    'manifest.json',
    'manifest.json.sig',
    'release-key.pem',
    'vmlinuz',
  ]);
  expect(hashes[built.image.file]).toBe(built.image.sha256);
  expect(await second.hashes()).toEqual(hashes);
});

describe('a rebuild', () => {
  test('with nothing changed takes no stage', async () => {
    const { manifest, stages } = await first.build();
    expect(stages).toEqual(['Bundling the firmware']);
    expect(manifest).toEqual(built);
  });

  test('after a changed comment takes none either: the bundle is the same', async () => {
    first.edit('firmware/cli/dispatch.ts', '/** @returns', '/** Another word. @returns');
    const { manifest, stages } = await first.build();
    expect(stages).toEqual(['Bundling the firmware']);
    expect(manifest).toEqual(built);
  });

  test('after a changed program packs the root and the disk, not the initial RAM disk', async () => {
    first.edit('firmware/cli/dispatch.ts', 'there is no command', 'nobody knows of a command');
    const { manifest, stages } = await first.build();
    expect(stages).toEqual([
      'Bundling the firmware',
      'Packing the root file system (squashfs)',
      'Hashing the root file system (dm-verity)',
      'Writing the disk image',
    ]);
    expect(manifest.root.rootHash).not.toBe(built.root.rootHash);
    expect(manifest.uki.sha256).not.toBe(built.uki.sha256);
    expect(manifest.image.sha256).not.toBe(built.image.sha256);
    expect(manifest.initrd.sha256).toBe(built.initrd.sha256);
    // What the stub appends to it holds a signature over PCR 11.
    expect(manifest.initrd.measuredSha256).not.toBe(built.initrd.measuredSha256);
    expect(manifest.kernel).toEqual(built.kernel);
  });
});
