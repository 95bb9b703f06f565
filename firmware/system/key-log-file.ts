import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs';

/** A thousand associations with some rekeys. Beyond it the log starts over: it lies in memory. */
const largest = 4 * 1024 * 1024;

/**
 * A file of secrets that only its owner may read, made when it is first written to. Throws the system's error, also for a
 * symbolic link: the folder may be one that others write to.
 */
export function keyLogFile(path: string): { append(text: string): void; remove(): void } {
  return {
    append(text) {
      const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
      const descriptor = openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
      try {
        // The mode of a file that was there already.
        fchmodSync(descriptor, 0o600);
        if (fstatSync(descriptor).size + text.length > largest) ftruncateSync(descriptor);
        writeSync(descriptor, text);
      } finally {
        closeSync(descriptor);
      }
    },
    remove: () => rmSync(path, { force: true }),
  };
}
