import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';

const projectRoot = resolve(import.meta.dirname, '..');
const binaries = join(projectRoot, 'node_modules/.bin');

export type Step = { readonly title: string; readonly command: readonly [string, ...string[]] };

/** Types, pure rooms, lint, dead code: what can be said without running anything of ours. */
export const staticSteps: readonly Step[] = [
  { title: 'types', command: ['tsc', '--project', 'tsconfig.json'] },
  { title: 'types of the pure rooms', command: ['tsc', '--project', 'tsconfig.pure.json'] },
  { title: 'lint and format', command: ['biome', 'check', '--error-on-warnings', '.'] },
  {
    title: 'dead code',
    command: ['knip', '--no-progress', '--cache', '--cache-location', 'build/checks/dead-code'],
  },
];

/** Runs a step quietly and prints what it said if it failed. */
export function runStep({ title, command: [name, ...args] }: Step): Promise<boolean> {
  const start = performance.now();
  return new Promise((done) => {
    const child = spawn(join(binaries, name), args, { cwd: projectRoot, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('close', (status) => {
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      process.stdout.write(`${status === 0 ? 'ok  ' : 'FAIL'} ${title} (${seconds} s)\n`);
      if (status !== 0) process.stdout.write(output);
      done(status === 0);
    });
  });
}

/** Runs a program of node_modules with its output shown; resolves with its exit status. */
export function runShown(name: string, args: readonly string[]): Promise<number> {
  return new Promise((done) => {
    const child = spawn(join(binaries, name), args, {
      cwd: projectRoot,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => child.kill(signal));
    child.on('close', (status) => done(status ?? 1));
  });
}
