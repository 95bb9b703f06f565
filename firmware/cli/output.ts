import { once } from 'node:events';

/**
 * Writes to standard output and waits while the reader is behind, so that output of any length needs no memory. Where
 * nobody reads any more (`| head`) the process ends well.
 */
export async function print(text: string): Promise<void> {
  if (process.stdout.listenerCount('error', readerGone) === 0) process.stdout.on('error', readerGone);
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

function readerGone(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}
