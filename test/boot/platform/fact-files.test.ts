import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFactFiles } from '../../../firmware/system/platform-facts.ts';

let base: string;
let root: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'hithe-facts-'));
  root = join(base, 'root');
  mkdirSync(join(root, 'sys/class'), { recursive: true });
  writeFileSync(join(base, 'secret'), 'outside');
  writeFileSync(join(root, 'inside'), 'inside');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const text = (path: string) => {
  const octets = openFactFiles(root).read(path, 64);
  return octets === null ? null : new TextDecoder().decode(octets);
};

describe('a tree of files stands for the whole machine', () => {
  test.each([
    ['an absolute link', '/inside'],
    ['a relative link', '../../inside'],
    ['a link that climbs past the root', '../../../../../../inside'],
  ])('%s is followed inside', (_name, target) => {
    symlinkSync(target, join(root, 'sys/class/link'));
    expect(text('/sys/class/link')).toBe('inside');
  });

  test('no link leads out', () => {
    symlinkSync(join(base, 'secret'), join(root, 'absolute'));
    symlinkSync('../secret', join(root, 'relative'));
    symlinkSync('..', join(root, 'sys/up'));
    symlinkSync(base, join(root, 'folder'));
    for (const path of ['/absolute', '/relative', '/sys/up/../secret', '/../secret', '/folder/secret']) {
      expect(text(path), path).toBeNull();
      expect(openFactFiles(root).has(path), path).toBe(false);
    }
  });

  test('a loop of links ends', () => {
    symlinkSync('b', join(root, 'a'));
    symlinkSync('a', join(root, 'b'));
    expect(text('/a')).toBeNull();
  });

  test('a pipe, a folder and a file as a folder are no facts', () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    for (const path of ['/pipe', '/sys', '/inside/x', '/missing', '/']) expect(text(path), path).toBeNull();
  });

  test('only as much as asked for is read, and files without a size (procfs) are read to their end', () => {
    expect(openFactFiles(root).read('/inside', 3)).toEqual(new TextEncoder().encode('ins'));
    expect(openFactFiles().read('/proc/self/status', 4096)?.length).toBeGreaterThan(100);
  });

  test('a root that is not there has no facts', () => {
    expect(openFactFiles(join(base, 'nowhere')).read('/x', 1)).toBeNull();
    expect(openFactFiles(join(base, 'nowhere')).has('/x')).toBe(false);
  });
});
