import type { StoreFiles } from './database-file.ts';

/**
 * Renames a damaged database with its logs, deleting nothing: somebody may want to rescue what is in it. `now` is ISO
 * 8601 in UTC. Returns its new name.
 */
export function setAside(directory: string, name: string, files: StoreFiles, now: string): string {
  const moment = now.replaceAll(/[^0-9TZ]/g, '');
  const present = new Set(files.list(directory));
  let aside = `corrupt-${moment}-${name}`;
  for (let copy = 2; present.has(aside); copy++) aside = `corrupt-${moment}-${copy}-${name}`;
  for (const suffix of databaseSuffixes) {
    if (present.has(name + suffix))
      files.rename(`${directory}/${name}${suffix}`, `${directory}/${aside}${suffix}`);
  }
  return aside;
}

/** Of the files that SQLite keeps for one database. */
export const databaseSuffixes = ['', '-wal', '-shm', '-journal'] as const;
