import { mkdirSync } from 'node:fs';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ResetFiles } from '../boot/factory-reset.ts';
import { errorCode } from './error-code.ts';

/** Owner only, as all of state is. */
const modes = { file: 0o600, folder: 0o700 } as const;

/** The files of the state partition as a factory reset works on them. */
export function resetFiles(stateFolder: string): ResetFiles {
  const at = (path: string) => join(stateFolder, path);
  return {
    list: async (folder) => (await orNull(readdir(at(folder)))) ?? [],
    read: (path) => orNull(readFile(at(path), 'utf8')),
    async write(path, text) {
      mkdirSync(dirname(at(path)), { recursive: true, mode: modes.folder });
      const temporary = `${at(path)}.new`;
      const file = await open(temporary, 'w', modes.file);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, at(path));
      await syncFolder(dirname(at(path)));
    },
    async remove(path) {
      await rm(at(path), { recursive: true, force: true });
      await syncFolder(dirname(at(path)));
    },
  };
}

async function orNull<Value>(reading: Promise<Value>): Promise<Value | null> {
  try {
    return await reading;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** A name is on the disk only once its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
