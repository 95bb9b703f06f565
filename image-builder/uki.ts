import { readFileSync } from 'node:fs';
import { signPcrPolicy } from './pcr-policy.ts';
import { appendSections } from './pe.ts';
import type { ReleaseKey } from './release-key.ts';

export type UkiParts = {
  /** systemd's EFI stub. */
  readonly stub: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  readonly osRelease: string;
  readonly kernelRelease: string;
  readonly releaseKey: ReleaseKey;
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
 * file, which the firmware verifies and measures as one. It carries the release's public key, measured with the rest,
 * and the signature over the PCRs that the rest leads to.
 */
export function unifiedKernelImage({
  stub,
  kernel,
  initrd,
  commandLine,
  osRelease,
  kernelRelease,
  releaseKey,
}: UkiParts): Uint8Array {
  const text = (value: string) => new TextEncoder().encode(value);
  const image = appendSections(readFileSync(stub), [
    { name: '.osrel', data: text(osRelease) },
    { name: '.cmdline', data: text(commandLine) },
    { name: '.uname', data: text(kernelRelease) },
    { name: '.pcrpkey', data: text(releaseKey.publicPem) },
    { name: '.initrd', data: readFileSync(initrd) },
    { name: '.linux', data: readFileSync(kernel) },
  ]);
  return appendSections(image, [{ name: '.pcrsig', data: text(signPcrPolicy(image, releaseKey)) }]);
}
