import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { StoreFiles } from '../store/database-file.ts';

/** Owner only: settings hold keys of peers and, later, passwords. */
const privateMode = 0o600;

export const storeFiles: StoreFiles = {
  list: (directory) => readdirSync(directory),
  createPrivate(path) {
    const descriptor = openSync(
      path,
      constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW,
      privateMode,
    );
    try {
      fchmodSync(descriptor, privateMode);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    syncDirectory(dirname(path));
  },
  sync: async (path) => {
    const file = await open(path, 'r');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  },
  rename(from, to) {
    renameSync(from, to);
    syncDirectory(dirname(to));
  },
  remove(path) {
    rmSync(path, { force: true });
    syncDirectory(dirname(path));
  },
};

/** A name is on the disk only when its directory is. */
function syncDirectory(path: string): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
