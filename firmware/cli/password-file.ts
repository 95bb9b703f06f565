import { readNamedFile } from './input-file.ts';

/** The first line of a file, `-` for standard input: passwords are never arguments, which everybody on a machine sees. */
export function passwordFrom(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const [line = ''] = new TextDecoder().decode(readNamedFile('--password-file', file)).split(/\r?\n/);
  return line;
}
