import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The checkout. */
export const projectRoot = resolve(import.meta.dirname, '..');

/** What this checkout has built. Removing it costs time, nothing else. */
export const buildRoot = join(projectRoot, 'build');

/** What was downloaded, shared by all checkouts of one user. */
export const cacheRoot =
  process.env['HITHE_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hithe');
