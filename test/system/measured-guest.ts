import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type BuiltImage, sourceDateEpoch } from '../../image-builder/build.ts';
import { writeDisk, writeEsp } from '../../image-builder/disk.ts';
import { unifiedKernelImage } from '../../image-builder/uki.ts';
import type { Machine } from '../../qemu/machine.ts';

const script = [
  'mount -t devtmpfs dev /dev; mount -t sysfs sys /sys; mount -t securityfs sec /sys/kernel/security',
  'cd /sys/class/tpm/tpm0/pcr-sha256; for n in *; do echo PCR $n $(cat $n); done',
  'echo LOG; busybox base64 /sys/kernel/security/tpm0/binary_bios_measurements; echo END',
  'exec sh',
].join('; ');

/** The kernel image of a guest that does nothing but print its event log and PCRs, from the image's parts. */
export function measuredKernelImage(image: BuiltImage): Uint8Array {
  return unifiedKernelImage({
    stub: image.stubPath,
    kernel: image.kernelPath,
    initrd: image.initrdPath,
    commandLine: `console=ttyS0,115200 loglevel=4 rdinit=/bin/sh -- -c "${script}"`,
    osRelease: 'ID=hithe\n',
    kernelRelease: image.kernelRelease,
    releaseKey: image.releaseKey,
  });
}

/** Writes a disk image that starts a kernel image through a loader, both as they are given. */
export function writeBootDisk(
  path: string,
  { tools }: BuiltImage,
  parts: {
    readonly loader: Uint8Array;
    readonly uki: Uint8Array;
    readonly keys: ReadonlyMap<string, Uint8Array> | null;
  },
): void {
  const [loader, uki, esp, root] = ['loader', 'uki', 'esp', 'root'].map((name) => `${path}.${name}`) as [
    string,
    string,
    string,
    string,
  ];
  writeFileSync(loader, parts.loader);
  writeFileSync(uki, parts.uki);
  writeFileSync(root, new Uint8Array(4096));
  const names = { loaderName: 'BOOTX64.EFI', ukiName: 'measured.efi' };
  writeEsp(esp, { loader, uki, keys: parts.keys, ...names }, sourceDateEpoch, tools);
  writeDisk(path, esp, root, tools);
  for (const name of [loader, uki, esp, root]) rmSync(name);
}

/** What a measured guest printed: the event log, and the SHA-256 PCRs as they are in its TPM, in hex. */
export async function readMeasurements(
  { console }: Machine,
  timeoutMs: number,
): Promise<{ log: Uint8Array; pcrs: ReadonlyMap<number, string> }> {
  await console.expect(/^END$/m, timeoutMs);
  const [, base64 = ''] = /^LOG\n([A-Za-z0-9+/=\n]*)END$/m.exec(console.text) ?? [];
  const pcrs = [...console.text.matchAll(/^PCR (\d+) ([0-9A-F]{64})$/gm)].map(
    ([, index, value = '']): [number, string] => [Number(index), value.toLowerCase()],
  );
  return { log: new Uint8Array(Buffer.from(base64, 'base64')), pcrs: new Map(pcrs) };
}

export const loaderOf = ({ loaderPath }: BuiltImage): Uint8Array => readFileSync(loaderPath);
