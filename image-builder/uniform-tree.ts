import { chmodSync, lutimesSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes a tree the same wherever it was laid out: one time for all, and modes that no umask had a part in (folders and
 * what its owner may execute 0755, other files 0644).
 *
 * @returns every path below the folder, a folder before what is in it, in an order that no file system decides
 */
export function makeUniform(folder: string, epoch: number): string[] {
  const names: string[] = [];
  const visit = (relative: string) => {
    for (const entry of readdirSync(join(folder, relative), { withFileTypes: true })) {
      const name = join(relative, entry.name);
      names.push(name);
      if (entry.isDirectory()) visit(name);
      const path = join(folder, name);
      if (!entry.isSymbolicLink()) {
        chmodSync(path, entry.isDirectory() || (statSync(path).mode & 0o100) !== 0 ? 0o755 : 0o644);
      }
      lutimesSync(path, epoch, epoch);
    }
  };
  visit('');
  chmodSync(folder, 0o755);
  lutimesSync(folder, epoch, epoch);
  return names.sort();
}
