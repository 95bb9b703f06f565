import { readFileSync } from 'node:fs';
import { appendSections } from './pe.ts';

export type UkiParts = {
  /** systemd's EFI stub. */
  readonly stub: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  readonly osRelease: string;
  readonly kernelRelease: string;
};

/** Console order: the last one is /dev/console; VGA first, so that headless boxes speak on their serial port. */
const consoleArguments = 'console=tty0 console=ttyS0,115200';

/**
 * Kernel arguments of every boot. loglevel=4 keeps errors (dm-verity's among them) on the console; a panic restarts,
 * so that boot counting can fall back.
 */
export const kernelArguments = `${consoleArguments} loglevel=4 panic=10 oops=panic init_on_alloc=1`;

/**
 * A unified kernel image (UAPI specification): stub, os-release, command line, initial RAM disk and kernel in one PE
 * file, which the firmware verifies and measures as one.
 */
export function unifiedKernelImage({
  stub,
  kernel,
  initrd,
  commandLine,
  osRelease,
  kernelRelease,
}: UkiParts): Uint8Array {
  const text = (value: string) => new TextEncoder().encode(value);
  return appendSections(readFileSync(stub), [
    { name: '.osrel', data: text(osRelease) },
    { name: '.cmdline', data: text(commandLine) },
    { name: '.uname', data: text(kernelRelease) },
    { name: '.initrd', data: readFileSync(initrd) },
    { name: '.linux', data: readFileSync(kernel) },
  ]);
}
