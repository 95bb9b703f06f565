import { runShown, runStep, staticSteps } from './steps.ts';

const help = `Usage: npm run check

What to run before every commit: types, lint, layers, unit tests, dead code. About a minute on two cores.
`;

const [word] = process.argv.slice(2);
if (word === '--help' || word === '-h') {
  process.stdout.write(help);
} else if (word !== undefined) {
  process.stderr.write(`npm run check takes nothing, not ${word}: npm test takes the names of files\n`);
  process.exitCode = 2;
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
