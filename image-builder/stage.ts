import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Progress } from './progress.ts';

/** SHA-256 in hex over parts, each with its length before it so that no two lists hash alike. */
export function hashOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}

export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

/** SHA-256 in hex over the names, types, modes and contents below a folder (or of one file), in a fixed order. */
export function treeHash(path: string): string {
  const hash = createHash('sha256');
  const visit = (relative: string) => {
    const full = join(path, relative);
    const stat = statSync(full, { throwIfNoEntry: false });
    if (stat?.isDirectory()) {
      for (const name of readdirSync(full).sort()) visit(join(relative, name));
    } else if (stat) {
      const content = readFileSync(full);
      hash.update(`${relative}\0${stat.mode & 0o111 ? 'x' : '-'}\0${content.length}\0`).update(content);
    } else {
      hash.update(`${relative}\0->\0${readlinkSync(full)}\0`);
    }
  };
  visit('');
  return hash.digest('hex');
}

/**
 * Makes one artefact (a file or a folder) unless the one that lies there was made from the same inputs. The artefact
 * appears whole or not at all: it is built beside its place and renamed. A builder that needs more room takes names
 * that begin with the temporary one, such as `<temporary>.tree`; all of them are gone afterwards, also when the build
 * fails, and the next stage removes those of a build that was killed.
 *
 * @param inputs everything that the artefact depends on, as a hash
 * @returns the artefact's path
 */
export async function stage(
  path: string,
  inputs: string,
  progress: Progress,
  title: string,
  build: (temporary: string) => Promise<void> | void,
): Promise<string> {
  const stamp = `${path}.inputs`;
  if (existsSync(path) && existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) return path;
  progress(title);
  const temporary = `${path}.tmp-${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  rmSync(stamp, { force: true });
  clearTemporaries(path);
  try {
    await build(temporary);
    rmSync(path, { recursive: true, force: true });
    renameSync(temporary, path);
    writeFileSync(stamp, inputs);
  } finally {
    clearTemporaries(path);
  }
  return path;
}

/** Removes what this process, or one that is gone, left of a stage. */
function clearTemporaries(path: string): void {
  const prefix = `${basename(path)}.tmp-`;
  for (const name of readdirSync(dirname(path)).filter((one) => one.startsWith(prefix))) {
    const owner = Number.parseInt(name.slice(prefix.length), 10);
    if (owner === process.pid || !existsSync(`/proc/${owner}`))
      rmSync(join(dirname(path), name), { recursive: true, force: true });
  }
}
