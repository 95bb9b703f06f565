import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeNewFile } from '../../firmware/cli/output-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'hithe-output-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a new file is for its owner alone', () => {
  const path = join(folder, 'new');
  expect(writeNewFile(path, 'text')).toBe(null);
  expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['text', 0o600]);
});

test('what is there stays, also where a link leads to', () => {
  const [path, link] = [join(folder, 'there'), join(folder, 'link')];
  writeFileSync(path, 'old');
  symlinkSync(path, link);
  for (const taken of [path, link]) expect(writeNewFile(taken, 'new')).toContain('EEXIST');
  expect(readFileSync(path, 'utf8')).toBe('old');
});

test('of what does not fit nothing stays, so that the next try is not refused', () => {
  const small = join(folder, 'small');
  mkdirSync(small);
  execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=8k', 'none', small]);
  try {
    const path = join(small, 'file');
    for (let count = 0; count < 2; count++)
      expect(writeNewFile(path, new Uint8Array(65_536))).toContain('ENOSPC');
    expect(existsSync(path)).toBe(false);
    expect(writeNewFile(path, 'small')).toBe(null);
  } finally {
    execFileSync('/bin/umount', [small]);
  }
});
