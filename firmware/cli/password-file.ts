import { readFileSync } from 'node:fs';
import { UsageError } from './arguments.ts';

/** The first line of a file, `-` for standard input: passwords are never arguments, which everybody on a machine sees. */
export function passwordFrom(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    const [line = ''] = readFileSync(file === '-' ? 0 : file, 'utf8').split(/\r?\n/);
    return line;
  } catch (error) {
    throw new UsageError(`--password-file: ${error instanceof Error ? error.message : String(error)}`);
  }
}
