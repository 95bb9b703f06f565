import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { keyLogFile } from '../../firmware/system/key-log-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'hithe-key-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a key log is made when it is written to, for its owner alone, and can be taken away', () => {
  const path = join(folder, 'esp_sa');
  const log = keyLogFile(path);
  log.remove();
  log.append('one\n');
  log.append('two\n');
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  log.remove();
  expect(() => statSync(path)).toThrow('ENOENT');
});

test('a file that others could read is theirs no more; a link is not followed', () => {
  const open = join(folder, 'open');
  writeFileSync(open, '', { mode: 0o644 });
  keyLogFile(open).append('secret\n');
  expect(statSync(open).mode & 0o777).toBe(0o600);
  symlinkSync(open, join(folder, 'link'));
  expect(() => keyLogFile(join(folder, 'link')).append('secret\n')).toThrow('ELOOP');
});

test('beyond 4 MiB it starts over', () => {
  const path = join(folder, 'long');
  const log = keyLogFile(path);
  const half = 2 * 1024 * 1024;
  log.append('x'.repeat(half));
  log.append('x'.repeat(half));
  expect(statSync(path).size).toBe(2 * half);
  log.append('y');
  expect(readFileSync(path, 'utf8')).toBe('y');
});
