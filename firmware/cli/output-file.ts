import { closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs';

/**
 * Writes a file for its owner alone: never over what is there, nor through a link that somebody left, and whole or not at
 * all.
 *
 * @returns why it could not be, or null
 */
export function writeNewFile(path: string, content: string | Uint8Array): string | null {
  const because = (error: unknown) => (error instanceof Error ? error.message : String(error));
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx', 0o600);
  } catch (error) {
    return because(error);
  }
  try {
    writeFileSync(descriptor, content);
    return null;
  } catch (error) {
    unlinkSync(path);
    return because(error);
  } finally {
    closeSync(descriptor);
  }
}
