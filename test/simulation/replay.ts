import { loadReplay } from './replay-file.ts';
import { simulate } from './simulation.ts';

/** `node test/simulation/replay.ts FILE`: runs a kept failure again and prints everything that happens. */
const path = process.argv[2];
if (path === undefined) {
  process.stderr.write('usage: node test/simulation/replay.ts FILE\n');
  process.exit(2);
}
const { fault: kept, scenario } = loadReplay(path);
const lines: string[] = [];
const { fault, convergedMs, counts } = await simulate(scenario, (line) => lines.push(line));
process.stdout.write(`${lines.join('\n')}\n`);
process.stdout.write(`${JSON.stringify({ kept, fault, convergedMs, counts }, undefined, 2)}\n`);
process.exitCode = fault === null ? 0 : 1;
