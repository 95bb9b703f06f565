import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { rootIsMounted, runWithMountedRoot } from './mounted-root.ts';
import { runShown, runStep, staticSteps } from './steps.ts';

const help = `Usage: npm test [-- OPTIONS]

Runs every check and every test: types, lint, dead code, then the projects unit, simulation, programs (rooms together
with other programs), namespaces (networks of this host's kernel), pages (the page in Chromium), system (which builds the
image and boots it in QEMU), overlays (many gateways in one guest) and alone (what needs the machine for itself).
Half an hour on two cores.

  --project NAME   only this project without the static checks; may be given more than once
  --help           this text
  FILE             only test files whose path has this in it
`;

const results = resolve(import.meta.dirname, '../build/test/results.json');

type Results = {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numFailedTestSuites: number;
};

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(help);
    return 0;
  }
  if (process.getuid?.() === 0 && !rootIsMounted()) return runWithMountedRoot(args);
  let failedSteps = 0;
  if (args.length === 0) {
    for (const step of staticSteps) if (!(await runStep(step))) failedSteps += 1;
  }
  rmSync(results, { force: true });
  mkdirSync(dirname(results), { recursive: true });
  const status = await runShown('vitest', [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${results}`,
    ...args,
  ]);
  // It was asked what vitest says without running: its own words stand there.
  if (!existsSync(results)) return status;
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(
    readFileSync(results, 'utf8'),
  ) as Results;
  // A failed step, or a file that failed before its tests could, is a failure too.
  const failed = numFailedTests + failedSteps + (status !== 0 && numFailedTests === 0 ? 1 : 0);
  process.stdout.write(
    `${numPassedTests + (args.length === 0 ? staticSteps.length - failedSteps : 0)} passed, ${failed} failed, ${numPendingTests} skipped\n`,
  );
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
