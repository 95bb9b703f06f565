import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** One folder per user, so that a sweep never touches what belongs to somebody else. Short: socket paths end at 107 bytes. */
const scratchRoot = join(tmpdir(), `hithe-${userInfo().uid}`);

/** `pid-startTime`, which no later process has: process ids come round again. Null when there is no such process. */
function processIdentity(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc(5): the second field is the program's name in parentheses, which may hold anything; starttime is field 22.
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return startTime === undefined ? null : `${pid}-${startTime}`;
  } catch {
    return null;
  }
}

/** Removes what processes left that are gone: only a power cut gets past the watcher of {@link ScratchFolder}. */
export function sweepScratch(root: string = scratchRoot): void {
  for (const name of readdirSync(root)) {
    const owner = /^(\d+)-\d+-/.exec(name);
    if (owner?.[1] === undefined) continue;
    const identity = processIdentity(Number(owner[1]));
    if (identity === null || !name.startsWith(`${identity}-`))
      rmSync(join(root, name), { recursive: true, force: true });
  }
}

/** A temporary folder that goes with its owner: on disposal, and also when this process dies without a word. */
export class ScratchFolder implements Disposable {
  readonly path: string;
  readonly #releaseWatcher: () => void;

  constructor(root: string = scratchRoot) {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    sweepScratch(root);
    this.path = mkdtempSync(join(root, `${processIdentity(process.pid) ?? process.pid}-`));
    // The watcher's standard input ends when this process does, however it ends; the kernel has killed the machines
    // by then or does so within the second. Its own session keeps a Ctrl-C on the terminal from it.
    const watcher = spawn(
      '/bin/sh',
      ['-c', 'read _; sleep 1; rm -rf -- "$1"', 'scratch-watcher', this.path],
      {
        stdio: ['pipe', 'ignore', 'ignore'],
        detached: true,
        cwd: '/',
      },
    );
    watcher.unref();
    this.#releaseWatcher = () => watcher.kill('SIGKILL');
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 3 });
    this.#releaseWatcher();
  }
}
