import type { Outcome, Scenario } from './scenario.ts';
import { simulate } from './simulation.ts';

/** Runs that a shrink may take: enough for a few dozen events, and some seconds. */
const mostRuns = 200;

/**
 * A smaller scenario that breaches the same invariant: first without events, in ever smaller groups (delta debugging),
 * then without pairs, then without gateways that no pair needs.
 */
export async function shrink(
  scenario: Scenario,
  { invariant }: { readonly invariant: string },
): Promise<Scenario> {
  let best = scenario;
  let runs = 0;
  const isEnough = async (candidate: Scenario): Promise<boolean> => {
    if (runs++ >= mostRuns) return false;
    const { fault }: Outcome = await simulate(candidate);
    if (fault?.invariant !== invariant) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(best.events.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < best.events.length; ) {
      const events = best.events.toSpliced(start, size);
      if (!(await isEnough({ ...best, events }))) start += size;
    }
  }
  for (let place = 0; place < best.pairs.length; ) {
    const pairs = best.pairs.toSpliced(place, 1);
    if (pairs.length === 0 || !(await isEnough(withoutLoners({ ...best, pairs })))) place++;
  }
  return best;
}

function withoutLoners(scenario: Scenario): Scenario {
  const { pairs, events } = scenario;
  const isNamed = (name: string) =>
    pairs.some(({ ends }) => ends.includes(name)) || JSON.stringify(events).includes(`"${name}"`);
  const gateways = scenario.gateways.filter(({ name }) => isNamed(name));
  const nats = scenario.nats.filter(
    ({ name }) => isNamed(name) || gateways.some(({ behind }) => behind === name),
  );
  return { ...scenario, gateways, nats };
}
