import { closeSync, existsSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type NonceBook, readNonceBook, writeNonceBook } from '../attestation/nonce-book.ts';
import { UsageError } from './arguments.ts';
import { readNamedFile } from './input-file.ts';

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
