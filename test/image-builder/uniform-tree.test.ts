import { chmodSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeUniform } from '../../image-builder/uniform-tree.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';

test('a tree loses its times and what a umask did to its modes; links and hidden files count too', () => {
  using scratch = new ScratchFolder();
  const root = join(scratch.path, 'root');
  mkdirSync(join(root, 'usr/lib/.hidden'), { recursive: true, mode: 0o700 });
  const modes = {
    'usr/lib/.hidden/file': 0o600,
    'usr/lib/program': 0o700,
    'usr/lib/script': 0o775,
    'usr/text': 0o664,
  };
  for (const [name, mode] of Object.entries(modes)) {
    writeFileSync(join(root, name), '');
    chmodSync(join(root, name), mode);
  }
  symlinkSync('usr/lib', join(root, 'lib'));
  symlinkSync('nowhere', join(root, 'usr/dangling'));

  expect(makeUniform(root, 1000)).toEqual([
    'lib',
    'usr',
    'usr/dangling',
    'usr/lib',
    'usr/lib/.hidden',
    'usr/lib/.hidden/file',
    'usr/lib/program',
    'usr/lib/script',
    'usr/text',
  ]);
  const seen = (name: string) => {
    const { mode, mtimeMs } = lstatSync(join(root, name));
    return [name, (mode & 0o7777).toString(8), mtimeMs];
  };
  expect(['.', 'usr', 'usr/lib/.hidden', ...Object.keys(modes)].map(seen)).toEqual([
    ['.', '755', 1_000_000],
    ['usr', '755', 1_000_000],
    ['usr/lib/.hidden', '755', 1_000_000],
    ['usr/lib/.hidden/file', '644', 1_000_000],
    ['usr/lib/program', '755', 1_000_000],
    ['usr/lib/script', '755', 1_000_000],
    ['usr/text', '644', 1_000_000],
  ]);
  expect([seen('lib')[2], seen('usr/dangling')[2]]).toEqual([1_000_000, 1_000_000]);
});
