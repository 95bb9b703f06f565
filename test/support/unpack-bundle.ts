import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A support bundle's entries as texts, by their names, as anybody unpacks it. */
export function unpackBundle(bundle: Uint8Array): Map<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'hithe-support-'));
  try {
    const { status, stderr } = spawnSync('tar', ['--extract', '--gzip'], { cwd: folder, input: bundle });
    if (status !== 0) throw new Error(`tar: ${stderr}`);
    const [top = ''] = readdirSync(folder);
    const names = readdirSync(join(folder, top), { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return new Map(
      files.map((path) => [path.slice(join(folder, top).length + 1), readFileSync(path, 'latin1')]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
