import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockPath } from '../../image-builder/build.ts';
import { BuildError } from '../../image-builder/build-error.ts';
import {
  fetchPackages,
  type PackageLock,
  type PackageRequest,
  type PackageSource,
  readLock,
  writeLock,
} from '../../image-builder/debian.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';

/** An archive in memory: package → version → content. The last version is the newest; nothing depends on anything. */
class Archive implements PackageSource {
  readonly #pool: Record<string, Record<string, string>>;
  updates = 0;
  readonly downloads: string[] = [];

  constructor(pool: Record<string, Record<string, string>>) {
    this.#pool = pool;
  }

  update(): void {
    this.updates += 1;
  }

  resolve({ packages }: PackageRequest): string[] {
    return packages.map((name) => {
      const version = this.field(name, 'Version');
      if (version === undefined) throw new BuildError('package', `no ${name}`);
      return `${name}=${version}`;
    });
  }

  field(name: string, field: string): string | undefined {
    if (field === 'Depends')
      return name === 'linux-image-amd64' ? 'linux-image-6.12.9-amd64 (= 6.12.9-1)' : '';
    return Object.keys(this.#pool[name] ?? {}).at(-1);
  }

  download(specifications: readonly string[], folder: string): { ok: boolean; output: string } {
    this.downloads.push(...specifications);
    const gone = specifications.filter((specification) => {
      const [name = '', version = ''] = specification.split('=');
      const content = this.#pool[name]?.[version];
      if (content !== undefined)
        writeFileSync(join(folder, `${name}_${version.replaceAll(':', '%3a')}_amd64.deb`), content);
      return content === undefined;
    });
    return {
      ok: gone.length === 0,
      output: gone.map((one) => `E: Version of ${one} was not found`).join('\n'),
    };
  }
}

let scratch: ScratchFolder;
let said: string[];
beforeEach(() => {
  scratch = new ScratchFolder();
  said = [];
});
afterEach(() => scratch[Symbol.dispose]());

const requests = { root: { packages: ['nft', 'zlib'], closure: true } };
const archive = () => new Archive({ nft: { '1:1.0': 'nft one' }, zlib: { '2.0': 'zlib two' } });
const later = () => new Archive({ nft: { '1:1.1': 'nft newer' }, zlib: { '2.0': 'zlib two' } });

const fetch = (
  source: PackageSource,
  lock?: PackageLock,
  { locked = false, asked = requests }: { locked?: boolean; asked?: Record<string, PackageRequest> } = {},
) =>
  fetchPackages({
    architecture: 'amd64',
    requests: asked,
    lock,
    locked,
    progress: (message) => said.push(message),
    cache: scratch.path,
    openSource: () => source,
  });
const noSource = new Proxy({} as PackageSource, {
  get: () => expect.unreachable('the source was asked'),
});
const emptyCache = () => rmSync(join(scratch.path, 'debian'), { recursive: true });
const versions = (lock: PackageLock) =>
  Object.values(lock).flatMap(({ packages }) => packages.map(({ name, version }) => `${name} ${version}`));

test('without a lock: the newest of the suite, and a lock with their hashes', async () => {
  const { packages, lock } = await fetch(archive());
  expect(versions(lock)).toEqual(['nft 1:1.0', 'zlib 2.0']);
  expect(lock['root']?.request).toEqual(requests.root);
  for (const { path, sha256 } of packages['root'] ?? []) {
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(existsSync(path)).toBe(true);
  }
  expect(readFileSync(packages['root']?.[0]?.path ?? '', 'utf8')).toBe('nft one');
});

describe('with a lock that answers', () => {
  test('and a full cache: no source is opened', async () => {
    const { lock } = await fetch(archive());
    const again = await fetch(noSource, lock);
    expect(again.lock).toBe(lock);
    expect(again.packages['root']?.map(({ name }) => name)).toEqual(['nft', 'zlib']);
  });

  test('and an empty cache: the locked versions, though there are newer ones', async () => {
    const { lock } = await fetch(archive());
    emptyCache();
    const both = new Archive({
      nft: { '1:1.0': 'nft one', '1:1.1': 'nft newer' },
      zlib: { '2.0': 'zlib two' },
    });
    for (const locked of [false, true]) {
      const again = await fetch(both, lock, { locked });
      expect(versions(again.lock)).toEqual(['nft 1:1.0', 'zlib 2.0']);
      expect(again.lock).toBe(lock);
    }
  });

  test('and a changed file in the cache: fetched again, that one alone', async () => {
    const { packages, lock } = await fetch(archive());
    const [nft] = packages['root'] ?? [];
    writeFileSync(nft?.path ?? '', 'nft 0ne');
    const source = archive();
    await fetch(source, lock);
    expect(source.downloads).toEqual(['nft=1:1.0']);
    expect(readFileSync(nft?.path ?? '', 'utf8')).toBe('nft one');
  });
});

describe('with a lock whose version the mirror no longer has', () => {
  test('takes the newest, says what is gone and what it does, and gives the new lock', async () => {
    const { lock } = await fetch(archive());
    emptyCache();
    said = [];
    const next = await fetch(later(), lock);
    expect(versions(next.lock)).toEqual(['nft 1:1.1', 'zlib 2.0']);
    expect(said.join('\n')).toMatch(/no longer has, as locked: nft 1:1\.0\n.*newest versions.*new lock/);
    expect(versions((await fetch(noSource, next.lock)).lock)).toEqual(versions(next.lock));
  });

  test('--locked refuses, and names it', async () => {
    const { lock } = await fetch(archive());
    emptyCache();
    await expect(fetch(later(), lock, { locked: true })).rejects.toMatchObject({
      code: 'lock',
      message: expect.stringContaining('nft 1:1.0'),
    });
  });

  test('the same version with other content is as good as gone', async () => {
    const { lock } = await fetch(archive());
    emptyCache();
    const forged = new Archive({ nft: { '1:1.0': 'nft forged' }, zlib: { '2.0': 'zlib two' } });
    await expect(fetch(forged, lock, { locked: true })).rejects.toMatchObject({ code: 'lock' });
    expect(readdirSync(join(scratch.path, 'debian/amd64'))).toEqual(['zlib_2.0_amd64.deb']);
  });
});

describe('with a lock that answers something else', () => {
  const asked = { root: { packages: ['nft'], closure: true } };

  test.each([
    ['other packages', asked],
    ['without their dependencies', { root: { ...requests.root, closure: false } }],
    ['another part', { ...requests, tools: { packages: ['nft'], closure: true } }],
    ['a part less', {}],
  ])('%s: resolves anew; --locked refuses without asking anybody', async (_, other) => {
    const { lock } = await fetch(archive());
    await expect(fetch(noSource, lock, { locked: true, asked: other })).rejects.toMatchObject({
      code: 'lock',
    });
    const next = await fetch(archive(), lock, { asked: other });
    expect(Object.keys(next.lock)).toEqual(Object.keys(other));
  });

  test('no lock at all: --locked refuses', async () => {
    await expect(fetch(noSource, undefined, { locked: true })).rejects.toMatchObject({ code: 'lock' });
  });
});

test("a kernel's meta package stands for the kernel of the day", async () => {
  const source = new Archive({
    'linux-image-amd64': { '6.12.9-1': 'meta' },
    'linux-image-6.12.9-amd64': { '6.12.9-1': 'kernel' },
  });
  const { lock } = await fetch(source, undefined, {
    asked: { boot: { packages: ['linux-image-amd64'], closure: false } },
  });
  expect(versions(lock)).toEqual(['linux-image-6.12.9-amd64 6.12.9-1']);
});

test('what apt says it fetched and did not is an error, not an empty part', async () => {
  const silent = archive();
  silent.download = () => ({ ok: true, output: '' });
  await expect(fetch(silent)).rejects.toMatchObject({ code: 'package' });
});

test('the lock file is written whole and read back; a missing one is none', async () => {
  const { lock } = await fetch(archive());
  const folder = join(scratch.path, 'lock');
  mkdirSync(folder);
  expect(readLock(join(folder, 'lock.json'))).toBeUndefined();
  writeLock(join(folder, 'lock.json'), lock);
  expect(readLock(join(folder, 'lock.json'))).toEqual(lock);
  expect(readdirSync(folder)).toEqual(['lock.json']);
});

test("the project's own lock names every package once, by a whole hash", () => {
  const lock = readLock(lockPath) ?? {};
  expect(Object.keys(lock)).toEqual(['boot', 'root', 'tools', 'lab']);
  for (const { packages } of Object.values(lock)) {
    expect(packages.length).toBeGreaterThan(1);
    expect(new Set(packages.map(({ name }) => name)).size).toBe(packages.length);
    for (const { sha256 } of packages) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  }
});
