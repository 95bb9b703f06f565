import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type NonceBook, readNonceBook, writeNonceBook } from '../attestation/nonce-book.ts';
import { concatBytes } from '../bytes/bytes.ts';
import { UsageError } from './arguments.ts';

/** Octets of a file that are read: evidence has at most twice the octets of its boot log, in hexadecimal. */
const largestFile = 16 * 1024 * 1024;

/** A file that an option names; one that cannot be read, or is larger than any such file, is wrong use. */
export function readNamedFile(option: string, path: string): Uint8Array {
  let read: Uint8Array;
  try {
    read = readBounded(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${option}: ${reason}`, { cause });
  }
  if (read.length > largestFile) throw new UsageError(`${option}: more than ${largestFile} octets`);
  return read;
}

/** At most one octet more than is taken, also of what has no end. */
function readBounded(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const parts: Uint8Array[] = [];
    for (let left = largestFile + 1; left > 0; ) {
      const part = new Uint8Array(Math.min(left, 65_536));
      const length = readSync(file, part);
      if (length === 0) break;
      parts.push(part.subarray(0, length));
      left -= length;
    }
    return concatBytes(...parts);
  } finally {
    closeSync(file);
  }
}

/** The document in a file; text that is no JSON comes as that text, which no reader takes. */
export function readJsonFile(option: string, path: string): unknown {
  const text = new TextDecoder().decode(readNamedFile(option, path));
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Changes a book of challenges in one step; one that is not there yet is empty. `change` gives the new book and a value. */
export function changeNonceBook<Value>(
  path: string,
  change: (book: NonceBook) => { readonly book: NonceBook; readonly value: Value },
): Value {
  const lock = `${path}.lock`;
  const held = lockFile(lock);
  try {
    const read = existsSync(path)
      ? readNonceBook(readJsonFile('--book', path))
      : { ok: true as const, value: [] };
    if (!read.ok) throw new UsageError(`--book: ${read.error.path} ${read.error.problem}`);
    const { book, value } = change(read.value);
    writeFileSync(held, `${JSON.stringify(writeNonceBook(book))}\n`);
    renameSync(lock, path);
    return value;
  } catch (error) {
    rmSync(lock, { force: true });
    throw error;
  } finally {
    closeSync(held);
  }
}

/** The new book is written into its lock: who finds one there is not alone with the book. */
function lockFile(lock: string): number {
  try {
    return openSync(lock, 'wx', 0o600);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--book is in use, or cannot be written: ${reason}`, { cause });
  }
}
