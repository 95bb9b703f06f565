import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cacheRoot } from '../image-builder/places.ts';
import { startBound } from './bound-process.ts';
import { limits } from './limits.ts';
import { ScratchFolder } from './scratch.ts';

export type Accelerator = 'kvm' | 'tcg';

/** `mov al, 0x10; out 0xf4, al; hlt`: isa-debug-exit then ends QEMU with the status 2 × 0x10 + 1. */
const exitingCode = [0xb0, 0x10, 0xe6, 0xf4, 0xf4];
const exitStatus = 0x21;

function bootDisk(): Uint8Array {
  // A disk of a megabyte: the BIOS overlooks one without a single track.
  const disk = new Uint8Array(1 << 20);
  disk.set(exitingCode);
  disk.set([0x55, 0xaa], 510);
  return disk;
}

/** Runs QEMU to its end or to the time limit; null when the limit came first. */
async function exitStatusWithin(timeoutMs: number, args: readonly string[]): Promise<number | null> {
  const { child, ended } = startBound('qemu-system-x86_64', 'qemu-system-x86', args, 'ignore');
  const timer = new AbortController();
  const end = await Promise.race([
    ended.then(({ status }) => status),
    delay(timeoutMs, null, { signal: timer.signal }).catch(() => null),
  ]);
  timer.abort();
  child.kill('SIGKILL');
  await ended;
  return end;
}

const bareMachine = (accelerator: Accelerator) => [
  ...['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'q35'],
  ...['-accel', accelerator, '-cpu', 'max', '-m', '128', '-no-reboot'],
];

/** Whether a boot sector runs under the accelerator: a guest's own code must answer, not only the device node be there. */
export async function runsBootSector(accelerator: Accelerator): Promise<boolean> {
  using scratch = new ScratchFolder();
  const disk = join(scratch.path, 'disk');
  writeFileSync(disk, bootDisk());
  const args = [
    ...bareMachine(accelerator),
    ...['-drive', `file=${disk},format=raw,if=ide`, '-device', 'isa-debug-exit,iobase=0xf4,iosize=1'],
  ];
  return (await exitStatusWithin(limits.bootSectorProbeMs, args)) === exitStatus;
}

/**
 * Whether a kernel gets as far as its panic about a missing root, upon which it resets and QEMU ends. Some nested
 * hypervisors run a boot sector and hang a kernel.
 */
async function runsKernel(accelerator: Accelerator, kernel: string): Promise<boolean> {
  const args = [...bareMachine(accelerator), '-kernel', kernel, '-append', 'panic=-1 quiet'];
  return (await exitStatusWithin(limits.kernelProbeMs, args)) === 0;
}

function kvmMayBeOpened(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The probe's result, kept until the host starts anew, since hanging costs its whole time limit. */
async function probeKvm(kernel: string): Promise<Accelerator> {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const record = join(cacheRoot, 'accelerator.json');
  if (existsSync(record)) {
    const kept: unknown = JSON.parse(readFileSync(record, 'utf8'));
    if (
      typeof kept === 'object' &&
      kept !== null &&
      'bootId' in kept &&
      kept.bootId === bootId &&
      'accelerator' in kept
    ) {
      return kept.accelerator === 'kvm' ? 'kvm' : 'tcg';
    }
  }
  const accelerator = (await runsBootSector('kvm')) && (await runsKernel('kvm', kernel)) ? 'kvm' : 'tcg';
  mkdirSync(cacheRoot, { recursive: true });
  writeFileSync(record, JSON.stringify({ bootId, accelerator }));
  return accelerator;
}

let probing: Promise<Accelerator> | undefined;

/**
 * KVM where a probe shows that a guest's code and a kernel run under it, else emulation. `HITHE_ACCELERATOR=tcg`
 * settles it without a probe.
 *
 * @param kernel the kernel to probe with; without one there is nothing to show that KVM works, so it is not used
 */
export function chooseAccelerator(kernel: string | undefined): Promise<Accelerator> {
  if (process.env['HITHE_ACCELERATOR'] === 'tcg' || kernel === undefined || !kvmMayBeOpened())
    return Promise.resolve('tcg');
  probing ??= probeKvm(kernel);
  return probing;
}
