import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeTar } from '../../firmware/support/tar.ts';

function unpacked<Value>(archive: Uint8Array, look: (folder: string) => Value): Value {
  const folder = mkdtempSync(join(tmpdir(), 'hithe-tar-'));
  try {
    const { status, stderr } = spawnSync('tar', ['--extract', '--gzip', '--preserve-permissions'], {
      cwd: folder,
      input: gzipSync(archive),
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return look(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('GNU tar finds each entry with its octets, mode and time', () => {
  const lengths = [0, 1, 511, 512, 513, 1024, 70_000];
  const entries = lengths.map((length) => ({
    name: `a/${length}`,
    octets: Uint8Array.from({ length }, (_, index) => (index * 7) % 256),
  }));
  unpacked(writeTar(entries, 1_700_000_000), (folder) => {
    for (const { name, octets } of entries) {
      expect(new Uint8Array(readFileSync(join(folder, name)))).toEqual(octets);
      expect(statSync(join(folder, name))).toMatchObject({ mode: 0o100644, mtimeMs: 1_700_000_000_000 });
    }
  });
});

test('whatever is in it', () => {
  const name = fc.stringMatching(/^[a-z]{1,20}$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.record({ name, octets: fc.uint8Array({ maxLength: 2000 }) }), {
        maxLength: 5,
        selector: (entry) => entry.name,
      }),
      (entries) =>
        unpacked(writeTar(entries, 0), (folder) => {
          for (const entry of entries)
            expect(new Uint8Array(readFileSync(join(folder, entry.name)))).toEqual(entry.octets);
        }),
    ),
    { numRuns: 20 },
  );
});

test('a name fills its field and no more', () => {
  const entry = (length: number) => [{ name: 'n'.repeat(length), octets: new Uint8Array([1]) }];
  unpacked(writeTar(entry(100), 0), (folder) =>
    expect(readFileSync(join(folder, 'n'.repeat(100))).length).toBe(1),
  );
  expect(() => writeTar(entry(101), 0)).toThrow(RangeError);
  expect(() => writeTar([{ name: 'ü', octets: new Uint8Array() }], 0)).toThrow(RangeError);
});
