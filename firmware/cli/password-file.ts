import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { readNamedFile } from './input-file.ts';
import { complain } from './output.ts';

/**
 * The first line of a file, `-` for standard input, where a person is asked for it: passwords are never arguments, which
 * everybody on a machine sees.
 */
export async function passwordFrom(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  if (file === '-' && process.stdin.isTTY) return askPerson();
  const [line = ''] = new TextDecoder().decode(readNamedFile('--password-file', file)).split(/\r?\n/);
  return line;
}

/** A line from the terminal, which does not show it. */
async function askPerson(): Promise<string> {
  const nowhere = new Writable({ write: (_text, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // The terminal tells of Ctrl-C as of a key while it is read like this.
  reader.once('SIGINT', () => {
    complain('\n');
    process.exit(128 + 2);
  });
  complain('Password: ');
  try {
    return await reader.question('');
  } finally {
    reader.close();
    complain('\n');
  }
}
