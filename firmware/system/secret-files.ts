import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecretFiles } from '../webui/ports.ts';

/** Secrets are keys and codes of a few KiB; more than this is not one of them. */
const largest = 64 * 1024;

/** Files with mode 0600 in a folder with mode 0700 that is made when it is first written to. */
export function secretFiles(folder: string): SecretFiles {
  const pathOf = (name: string) => {
    if (!/^[a-z0-9][a-z0-9.-]*$/.test(name)) throw new RangeError(`Not the name of a secret: ${name}`);
    return join(folder, name);
  };
  return {
    async read(name) {
      let text: string;
      try {
        text = await readFile(pathOf(name), 'utf8');
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }
      if (text.length > largest) throw new RangeError(`${name} is larger than any secret.`);
      return text;
    },
    async write(name, text) {
      const path = pathOf(name);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // A name of its own: two writers must not share a half-written file.
      const temporary = join(folder, `.${name}.${randomBytes(6).toString('hex')}`);
      try {
        const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
      // The new name is on the disk only once the folder is.
      const directory = await open(folder, constants.O_RDONLY);
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    },
  };
}
