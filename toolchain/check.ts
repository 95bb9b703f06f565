import { runShown, runStep, staticSteps } from './steps.ts';

const help = `Usage: npm run check

What to run before every commit: types, lint, layers, unit tests, dead code. About a minute on two cores.
`;

if (process.argv.includes('--help')) {
  process.stdout.write(help);
} else {
  const statics = (async () => {
    let ok = true;
    for (const step of staticSteps) ok = (await runStep(step)) && ok;
    return ok;
  })();
  const [ok, tests] = await Promise.all([
    statics,
    runShown('vitest', ['run', '--project', 'unit', '--reporter', 'dot']),
  ]);
  process.exitCode = ok && tests === 0 ? 0 : 1;
}
