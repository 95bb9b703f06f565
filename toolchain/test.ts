import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { runShown, runStep, staticSteps } from './steps.ts';

const help = `Usage: npm test [-- OPTIONS]

Runs every check and every test: types, lint, dead code, then the projects unit, simulation, namespaces (networks of this
host's kernel), system (which builds the image and boots it in QEMU) and alone (tunnels, one file at a time).
About 45 minutes on two slow cores.

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
  if (args.includes('--help')) {
    process.stdout.write(help);
    return 0;
  }
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
