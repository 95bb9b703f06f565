import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import type { LogLevel, RunningProgram, SupervisedProgram } from '../netd/system-port.ts';

/** A program that ends is started again after this, doubled each time up to the longest. */
const firstDelayMs = 500;
const longestDelayMs = 30_000;
/** Having run for this long it counts as sound: the next end starts from the first delay. */
const soundAfterMs = 30_000;
/** A program that does not heed SIGTERM for this long is killed. */
const patienceMs = 2000;

/**
 * Runs a program of the image for as long as it is wanted. What it says on standard error goes to the log, as does its
 * end; standard output is for `onLine`, or dropped.
 */
export function superviseProgram(
  { command, args, environment, onLine }: SupervisedProgram,
  log: (level: LogLevel, message: string) => void,
): RunningProgram {
  // busybox is many programs.
  const name = basename(command) === 'busybox' ? (args[0] ?? command) : basename(command);
  let wanted = true;
  let delayMs = firstDelayMs;
  let again: NodeJS.Timeout | undefined;
  let child: ReturnType<typeof start> | undefined;
  let gone = Promise.resolve();

  function start() {
    const began = performance.now();
    const process_ = spawn(command, args, {
      stdio: ['ignore', onLine === undefined ? 'ignore' : 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    gone = new Promise((resolve) => {
      const ended = (how: string) => {
        child = undefined;
        resolve();
        if (!wanted) return;
        if (performance.now() - began >= soundAfterMs) delayMs = firstDelayMs;
        log('warning', `${name} ended (${how}); it is started again in ${delayMs} ms`);
        again = setTimeout(() => {
          child = start();
        }, delayMs);
        delayMs = Math.min(delayMs * 2, longestDelayMs);
      };
      process_.once('error', (error) => ended(error.message));
      process_.once('exit', (code, signal) => ended(signal ?? `status ${code}`));
    });
    if (process_.stdout !== null && onLine !== undefined) createInterface(process_.stdout).on('line', onLine);
    if (process_.stderr !== null) {
      createInterface(process_.stderr).on('line', (line) => log('debug', `${name}: ${line}`));
    }
    return process_;
  }

  child = start();
  return {
    signal: (signal) => child?.kill(signal),
    close: async () => {
      wanted = false;
      clearTimeout(again);
      const last = child;
      if (last === undefined) return;
      last.kill('SIGTERM');
      const kill = setTimeout(() => last.kill('SIGKILL'), patienceMs);
      await gone;
      clearTimeout(kill);
    },
  };
}
