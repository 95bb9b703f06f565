import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { suite } from '../../image-builder/debian.ts';
import { PrivateApt } from '../../image-builder/private-apt.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';

const needed = ['/usr/bin/apt-get', '/usr/bin/dpkg-deb', '/usr/bin/gpg'];

/** A Debian archive in a folder: packages built, listed and signed here with a key of its own. */
class LocalArchive implements Disposable {
  readonly url: string;
  readonly keyring: string;
  readonly #folder: string;
  readonly #home: string;
  readonly #entries: Record<string, string[]> = { debian: [], 'debian-security': [] };

  constructor(folder: string) {
    this.#folder = folder;
    this.url = `file:${folder}/debian`;
    this.keyring = join(folder, 'keyring.gpg');
    this.#home = join(folder, 'gnupg');
    mkdirSync(this.#home, { mode: 0o700 });
    this.#gpg('--quick-generate-key', 'Archive <archive@test.invalid>', 'ed25519', 'sign', 'never');
    writeFileSync(this.keyring, this.#gpg('--export'));
  }

  #gpg(...args: string[]): Buffer {
    return execFileSync('gpg', ['--homedir', this.#home, '--batch', '--quiet', '--passphrase', '', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  add(name: string, version: string, depends = '', archive = 'debian'): this {
    const tree = join(this.#folder, 'tree', `${name}-${version}`);
    mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
    const control = `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nMaintainer: Test <test@test.invalid>\n${depends ? `Depends: ${depends}\n` : ''}Description: test\n`;
    writeFileSync(join(tree, 'DEBIAN/control'), control);
    const file = `pool/${name}_${version.replace(':', '%3a')}_amd64.deb`;
    const path = join(this.#folder, archive, file);
    mkdirSync(join(path, '..'), { recursive: true });
    execFileSync('dpkg-deb', ['--build', '--root-owner-group', tree, path], { stdio: 'ignore' });
    const deb = readFileSync(path);
    const sha256 = createHash('sha256').update(deb).digest('hex');
    this.#entries[archive]?.push(`${control}Filename: ${file}\nSize: ${deb.length}\nSHA256: ${sha256}\n`);
    return this;
  }

  sign(): void {
    for (const [archive, entries] of Object.entries(this.#entries)) {
      const name = archive === 'debian' ? suite : `${suite}-security`;
      const dists = join(this.#folder, archive, 'dists', name);
      mkdirSync(join(dists, 'main/binary-amd64'), { recursive: true });
      const list = entries.join('\n');
      writeFileSync(join(dists, 'main/binary-amd64/Packages'), list);
      const sha256 = createHash('sha256').update(list).digest('hex');
      writeFileSync(
        join(dists, 'Release'),
        `Suite: ${name}\nCodename: ${name}\nArchitectures: amd64\nComponents: main\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n ${sha256} ${list.length} main/binary-amd64/Packages\n`,
      );
      this.#gpg('--yes', '--clearsign', '-o', join(dists, 'InRelease'), join(dists, 'Release'));
    }
  }

  /** gpg leaves an agent running for each home. */
  [Symbol.dispose](): void {
    execFileSync('gpgconf', ['--homedir', this.#home, '--kill', 'all']);
  }

  path(name: string): string {
    return join(this.#folder, 'debian', name);
  }
}

describe.skipIf(needed.some((path) => !existsSync(path)))('apt over an archive in a folder', () => {
  let scratch: ScratchFolder;
  let archive: LocalArchive;
  let apt: PrivateApt;
  beforeAll(() => {
    scratch = new ScratchFolder();
    archive = new LocalArchive(scratch.path)
      .add('tool', '1:1.0-1', 'library (>= 2)')
      .add('library', '2.0')
      .add('library', '2.1', '', 'debian-security')
      .add('other', '1.0');
    archive.sign();
    apt = new PrivateApt(join(scratch.path, 'cache'), 'amd64', archive.url, archive.keyring);
    apt.update();
  });
  afterAll(() => {
    archive[Symbol.dispose]();
    scratch[Symbol.dispose]();
  });

  test('a closure brings dependencies in their newest version, security updates too; epochs are kept', () => {
    expect(apt.resolve({ packages: ['tool'], closure: true }).sort()).toEqual([
      'library=2.1',
      'tool=1:1.0-1',
    ]);
  });

  test('without a closure they come alone', () => {
    expect(apt.resolve({ packages: ['tool'], closure: false })).toEqual(['tool=1:1.0-1']);
    expect(apt.field('tool', 'Depends')).toBe('library (>= 2)');
  });

  test("nothing of this machine's packages counts: neither as installed nor as available", () => {
    expect(apt.field('apt', 'Version')).toBeUndefined();
    expect(() => apt.resolve({ packages: ['dpkg'], closure: true })).toThrow(
      expect.objectContaining({ code: 'package' }),
    );
    expect(() => apt.resolve({ packages: ['dpkg'], closure: false })).toThrow(
      expect.objectContaining({ code: 'package' }),
    );
  });

  test('a named version is downloaded, also an older one; one that is gone is not', () => {
    const folder = join(scratch.path, 'downloads');
    mkdirSync(folder);
    expect(apt.download(['tool=1:1.0-1', 'library=2.0'], folder).ok).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['library_2.0_amd64.deb', 'tool_1%3a1.0-1_amd64.deb']);
    expect(apt.download(['library=1.9'], folder)).toMatchObject({ ok: false });
  });

  test('a package that is not what the signed list says is refused', () => {
    const path = archive.path('pool/other_1.0_amd64.deb');
    const deb = readFileSync(path);
    deb.writeUInt8(deb.readUInt8(deb.length - 1) ^ 1, deb.length - 1);
    writeFileSync(path, deb);
    const folder = join(scratch.path, 'forged');
    mkdirSync(folder);
    expect(apt.download(['other=1.0'], folder).ok).toBe(false);
    expect(readdirSync(folder).filter((name) => name.endsWith('.deb'))).toEqual([]);
  });

  test('lists that another key signed are refused', () => {
    const folder = join(scratch.path, 'foreign');
    mkdirSync(folder);
    using foreign = new LocalArchive(folder).add('tool', '9');
    foreign.sign();
    const cache = join(folder, 'cache');
    expect(() => new PrivateApt(cache, 'amd64', foreign.url, archive.keyring).update()).toThrow(
      expect.objectContaining({ code: 'mirror' }),
    );
    expect(() => new PrivateApt(cache, 'amd64', foreign.url, foreign.keyring).update()).not.toThrow();
  });

  test('a mirror that is not there is an error with advice', () => {
    const nowhere = new PrivateApt(
      join(scratch.path, 'nowhere'),
      'amd64',
      'file:/nowhere/debian',
      archive.keyring,
    );
    expect(() => nowhere.update()).toThrow(/--mirror URL/);
  });
});
