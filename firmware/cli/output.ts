import { once } from 'node:events';

/** What steers a terminal or turns its text around (Unicode UAX #9). Names, log lines and reasons come from strangers, too. */
const steering = /(?![\t\n])\p{Cc}|\p{Bidi_Control}/gu;

/** A text in which all of that can be seen, as JSON has it. */
function harmless(text: string): string {
  return text.replaceAll(
    steering,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Writes to standard output. */
export function say(text: string): void {
  process.stdout.write(harmless(text));
}

/** Writes to standard error. */
export function complain(text: string): void {
  process.stderr.write(harmless(text));
}

export function printJson(value: unknown): void {
  say(`${JSON.stringify(value, null, 2)}\n`);
}

/** Writes to standard output and waits while the reader is behind, so that output of any length needs no memory. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(harmless(text))) await once(process.stdout, 'drain');
}
