import { closeSync, openSync, readSync } from 'node:fs';
import { concatBytes } from '../bytes/bytes.ts';
import { UsageError } from './arguments.ts';

const standardInput = 0;
/** Octets of what an option names: evidence has at most twice the octets of its boot log, in hexadecimal. */
const largestFile = 16 * 1024 * 1024;

/** A file that an option names; one that cannot be read, or is larger than any such file, is wrong use. */
export function readNamedFile(option: string, path: string): Uint8Array {
  let read: Uint8Array | null;
  try {
    read = readInput(path, largestFile);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${option}: ${reason}`, { cause });
  }
  if (read === null) throw new UsageError(`${option}: more than ${largestFile} octets`);
  return read;
}

/**
 * The octets of a file, `-` for standard input; null where there are more than `most`, of which no more are read: neither
 * pipes nor devices tell how much will come. Throws where it cannot be read.
 */
export function readInput(file: string, most: number): Uint8Array | null {
  const descriptor = file === '-' ? standardInput : openSync(file, 'r');
  try {
    const parts: Uint8Array[] = [];
    for (let left = most; ; ) {
      const part = new Uint8Array(Math.min(left + 1, 65_536));
      const length = readSync(descriptor, part);
      if (length === 0) return concatBytes(...parts);
      if (length > left) return null;
      parts.push(part.subarray(0, length));
      left -= length;
    }
  } finally {
    if (descriptor !== standardInput) closeSync(descriptor);
  }
}
