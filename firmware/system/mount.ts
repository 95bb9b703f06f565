import { mkdirSync, rmdirSync } from 'node:fs';
import { runCommand } from './run-command.ts';

const busybox = '/bin/busybox';

export type MountRequest = {
  /** Path of the block device. */
  readonly device: string;
  /** Where to; the folder is made, and removed again. */
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
};

/** Nothing on such a volume is a program, a device or anybody's privilege. */
const always = ['nosuid', 'nodev', 'noexec'];

/**
 * Mounts, does the work, and unmounts whatever becomes of it.
 *
 * @throws Error where it could not be mounted or what `work` threw; a volume that cannot be unmounted is detached
 */
export async function withMount<T>(request: MountRequest, work: (folder: string) => Promise<T>): Promise<T> {
  mkdirSync(request.target, { recursive: true, mode: 0o700 });
  const options = [...always, ...request.options].join(',');
  const mounted = await runCommand(busybox, [
    'mount',
    '-t',
    request.type,
    '-o',
    options,
    request.device,
    request.target,
  ]);
  if (mounted.status !== 0) {
    throw new Error(`${request.device} could not be mounted as ${request.type}: ${mounted.stderr.trim()}`);
  }
  try {
    return await work(request.target);
  } finally {
    const unmounted = await runCommand(busybox, ['umount', request.target]);
    if (unmounted.status !== 0) await runCommand(busybox, ['umount', '-l', request.target]);
    try {
      rmdirSync(request.target);
    } catch {
      // Busy after the detaching: it lies in /run and does no harm.
    }
  }
}
