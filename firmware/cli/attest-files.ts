import { readFileSync } from 'node:fs';
import { UsageError } from './arguments.ts';

/** A file that an option names; one that cannot be read is wrong use. */
export function readNamedFile(option: string, path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${option}: ${reason}`, { cause });
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
