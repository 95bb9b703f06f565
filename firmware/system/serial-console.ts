import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BoardProfile } from '../boot/board-profile.ts';

type Console = BoardProfile['consoles'][number];

/** A terminal that nobody reads (a null modem with flow control, a full buffer) must not hold the box up. */
const writeDeadlineMs = 5_000;

export type ConsoleResult =
  | { readonly state: 'written'; readonly device: string }
  | { readonly state: 'failed'; readonly reason: string };

/** The first of the profile's consoles that the machine has. The 8250 driver makes ttyS0 to ttyS3 in any case. */
export function findConsole(consoles: readonly Console[], root = '/'): Console | null {
  return (
    consoles.find(({ device }) => existsSync(join(root, 'sys/class/tty', device, 'device'))) ??
    consoles.find(({ device }) => existsSync(join(root, 'dev', device))) ??
    null
  );
}

/** Terminals want both characters at a line's end, and the port is opened raw. */
export function forTerminal(text: string): string {
  return text.replace(/\r?\n/g, '\r\n');
}

/**
 * Writes a screen of text to the board's serial console and waits until the last character has left. The kernel logs
 * to the same port: it is opened without a lock, at the profile's rate, and closed again. Never rejects.
 *
 * @param text lines that end in `\\n`, free of control characters
 */
export async function writeConsoleScreen(
  text: string,
  consoles: readonly Console[],
  root = '/',
): Promise<ConsoleResult> {
  const found = findConsole(consoles, root);
  if (!found)
    return { state: 'failed', reason: 'the machine has none of the serial consoles that its profile names' };
  const path = join(root, 'dev', found.device);
  try {
    const { SerialPort } = await import('serialport');
    const port = new SerialPort({ path, baudRate: found.baud, lock: false, hupcl: false, autoOpen: false });
    const step = (run: (done: (error: Error | null | undefined) => void) => void) =>
      new Promise<void>((resolve, reject) => {
        const deadline = setTimeout(() => reject(new Error('nothing takes the characters')), writeDeadlineMs);
        run((error) => {
          clearTimeout(deadline);
          if (error) reject(error);
          else resolve();
        });
      });
    // Errors come through the callbacks as well; without a listener the event would end the process.
    port.on('error', () => {});
    await step((done) => port.open(done));
    try {
      await step((done) => port.write(forTerminal(text), done));
      await step((done) => port.drain(done));
    } finally {
      await step((done) => port.close(done)).catch(() => {});
    }
    return { state: 'written', device: found.device };
  } catch (error) {
    return { state: 'failed', reason: `${path}: ${error instanceof Error ? error.message : String(error)}` };
  }
}
