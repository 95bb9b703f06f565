import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Whether the root directory is a mount point, as `ip netns` wants it: it is everywhere but in a chroot. Fields of a line
 * of mountinfo: proc(5).
 */
export function rootIsMounted(mountinfo = readFileSync('/proc/self/mountinfo', 'utf8')): boolean {
  return mountinfo.split('\n').some((line) => line.split(' ')[4] === '/');
}

/**
 * In mounts of its own: the same files, below a root that is a mount point. unshare cannot set how mounts propagate, for
 * want of such a root.
 */
const script = `root=$1; folder=$2; shift 2
mount --rbind / "$root" && mount --make-rprivate "$root" && exec chroot "$root" sh -c 'cd "$0" && exec "$@"' "$folder" "$@"`;

/**
 * Runs this program once more where the root is a mount point, and resolves with its exit status. Takes root's rights.
 */
export function runWithMountedRoot(args: readonly string[]): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'hithe-root-'));
  const program = [process.execPath, process.argv[1] ?? ''];
  const shell = ['sh', '-c', script, 'sh'];
  return new Promise((done, failed) => {
    const child = spawn(
      '/usr/bin/unshare',
      ['--mount', '--propagation', 'unchanged', ...shell, root, process.cwd(), ...program, ...args],
      { stdio: 'inherit' },
    );
    child.on('error', failed);
    child.on('close', (status) => {
      try {
        rmdirSync(root);
      } catch {
        // Where mounts propagate to whoever made the chroot, it is in use until that is taken down.
      }
      done(status ?? 1);
    });
  });
}
