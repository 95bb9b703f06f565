import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { runBound } from '../../qemu/bound-process.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';

/**
 * Reads fields of the frames of a capture that may still grow. A field that a frame has several times is joined by
 * commas, one that it has not is empty. `options` are tshark's own.
 */
export async function readFrames(
  capture: string,
  filters: readonly string[],
  fields: readonly string[],
  options: readonly string[] = [],
): Promise<Readonly<Record<string, string>>[]> {
  using scratch = new ScratchFolder();
  const copy = join(scratch.path, 'capture.pcap');
  copyFileSync(capture, copy);
  const output = await runBound('tshark', 'tshark', [
    ...['-n', '-r', copy, '-T', 'fields', '-E', 'separator=/t', '-o', 'udp.check_checksum:TRUE'],
    ...options,
    ...filters.flatMap((filter) => ['-Y', filter]),
    ...fields.flatMap((field) => ['-e', field]),
  ]);
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const values = line.split('\t');
      return Object.fromEntries(fields.map((field, index) => [field, values[index] ?? '']));
    });
}
