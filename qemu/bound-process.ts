import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { HarnessError } from './harness-error.ts';

/** How a process ended, in words. */
export type ProcessEnd = { readonly status: number | null; readonly signal: NodeJS.Signals | null };

/** A process that cannot outlive this one. */
export type BoundProcess = { readonly child: ChildProcess; readonly ended: Promise<ProcessEnd> };

/** Where a program of the host lies, so that a missing one is said before anything starts. */
function locate(program: string, debianPackage: string): string {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin', '/sbin']) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  throw new HarnessError(
    'missing',
    `${program} is not installed. Install the Debian package ${debianPackage}.`,
  );
}

/**
 * Starts a program that the kernel kills when this process dies, also by SIGKILL (PR_SET_PDEATHSIG, see prctl(2)).
 * It has a session of its own: Ctrl-C on a terminal reaches only us, and we end it in order.
 */
export function startBound(
  program: string,
  debianPackage: string,
  args: readonly string[],
  stdio: StdioOptions,
): BoundProcess {
  const path = locate(program, debianPackage);
  // Had we died before the kernel was asked, nobody would tell the program: it starts only under the parent it expects.
  const underUs = ['/bin/sh', '-c', '[ "$PPID" = "$0" ] && exec "$@"', String(process.pid)];
  const child = spawn(
    locate('setpriv', 'util-linux'),
    ['--pdeathsig', 'KILL', '--', ...underUs, path, ...args],
    { stdio, detached: true },
  );
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.on('error', () => resolve({ status: 127, signal: null }));
    child.on('exit', (status, signal) => resolve({ status, signal }));
  });
  return { child, ended };
}

/** Runs a program to its end and returns its standard output; a failure is an error with what it said. */
export async function runBound(
  program: string,
  debianPackage: string,
  args: readonly string[],
): Promise<string> {
  const { child, ended } = startBound(program, debianPackage, args, ['ignore', 'pipe', 'pipe']);
  let output = '';
  let complaint = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const { status, signal } = await ended;
  await closed;
  if (status !== 0) {
    throw new HarnessError(
      'refused',
      `${program} ${args[0] ?? ''} ended with ${status ?? signal}: ${complaint.trim()}`,
    );
  }
  return output;
}
