import { type Family, generate } from './generate.ts';
import { saveReplay } from './replay-file.ts';
import type { Counts } from './scenario.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulation.ts';

/** What happened in all runs together, and which breached an invariant: `seed invariant: detail (replay file)`. */
export type FamilyResult = { readonly counts: Counts; readonly failures: readonly string[] };

/** Failures of one family that are shrunk and kept: further ones are mostly the same. */
const mostKept = 2;

/** Seeds of one test: so many take some seconds. */
const chunk = 50;

/** The first seeds of the chunks that `count` runs make. */
export function chunks(count: number): number[] {
  return Array.from({ length: Math.ceil(count / chunk) }, (_, index) => index * chunk + 1);
}

/** Runs the scenarios of a family for a chunk of seeds. */
export async function runFamily(family: Family, firstSeed: number): Promise<FamilyResult> {
  const sum: Counts = { associations: 0, datagrams: 0, sent: 0, delivered: 0, refused: 0, hostile: 0 };
  const failures: string[] = [];
  for (let seed = firstSeed; seed < firstSeed + chunk; seed++) {
    const scenario = generate(family, seed);
    const { fault, counts } = await simulate(scenario);
    for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += counts[name];
    if (fault === null) continue;
    const isKept = failures.length < mostKept;
    const path = isKept
      ? saveReplay(`${family}-${seed}`, { fault, scenario: await shrink(scenario, fault) })
      : 'not kept';
    failures.push(`${seed} ${fault.invariant}: ${fault.detail} (${path})`);
  }
  return { counts: sum, failures };
}
