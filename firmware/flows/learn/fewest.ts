import { limits } from './limits.ts';

/**
 * Picks as few of the sets as hold all that any of them holds: at first always the one that adds most, then what a search
 * within `limits.searchSteps` finds to be fewer. Indexes of the sets, ascending.
 */
export function fewestSets(sets: readonly ReadonlySet<number>[]): readonly number[] {
  const greedy = withoutNeedless(sets, greedily(sets));
  return search(sets, greedy).toSorted((left, right) => left - right);
}

function greedily(sets: readonly ReadonlySet<number>[]): readonly number[] {
  const held = new Set<number>();
  // What a set adds only ever shrinks, so an old figure is an upper bound.
  const adds = sets.map(({ size }) => size);
  const picked: number[] = [];
  for (;;) {
    const best = indexOfMost(adds);
    const set = sets[best];
    if (set === undefined || (adds[best] ?? 0) === 0) return picked;
    const now = [...set].filter((element) => !held.has(element)).length;
    const isFigureOld = now < (adds[best] ?? 0);
    adds[best] = now;
    if (isFigureOld) continue;
    picked.push(best);
    for (const element of set) held.add(element);
    adds[best] = 0;
  }
}

function indexOfMost(figures: readonly number[]): number {
  let best = 0;
  for (const [index, figure] of figures.entries()) if (figure > (figures[best] ?? 0)) best = index;
  return best;
}

/** Leaves out, last picked first, what the others hold too. */
function withoutNeedless(sets: readonly ReadonlySet<number>[], picked: readonly number[]): readonly number[] {
  const count = new Map<number, number>();
  const change = (index: number, by: number) => {
    for (const element of sets[index] ?? []) count.set(element, (count.get(element) ?? 0) + by);
  };
  for (const index of picked) change(index, 1);
  return picked.toReversed().filter((index) => {
    const isNeeded = [...(sets[index] ?? [])].some((element) => count.get(element) === 1);
    if (!isNeeded) change(index, -1);
    return isNeeded;
  });
}

/** Branches over the sets that hold the element which fewest do; gives up where it cannot get below the best so far. */
function search(sets: readonly ReadonlySet<number>[], found: readonly number[]): readonly number[] {
  const holders = new Map<number, number[]>();
  for (const [index, set] of sets.entries())
    for (const element of set) {
      const list = holders.get(element) ?? [];
      holders.set(element, list);
      list.push(index);
    }
  if (holders.size > limits.searchedElements) return found;
  const elements = [...holders].toSorted(([, left], [, right]) => left.length - right.length);
  const largest = Math.max(1, ...sets.map(({ size }) => size));
  let best = found;
  let steps = 0;
  const held = new Map<number, number>();
  const picked: number[] = [];
  const change = (index: number, by: number) => {
    for (const element of sets[index] ?? []) {
      const count = (held.get(element) ?? 0) + by;
      if (count === 0) held.delete(element);
      else held.set(element, count);
    }
  };
  const descend = (): void => {
    const missing = elements.length - held.size;
    if (missing === 0) best = [...picked];
    if (picked.length + Math.ceil(missing / largest) >= best.length) return;
    const next = elements.find(([element]) => !held.has(element));
    for (const index of next?.[1] ?? []) {
      steps += 1;
      if (steps > limits.searchSteps) return;
      picked.push(index);
      change(index, 1);
      descend();
      picked.pop();
      change(index, -1);
    }
  };
  descend();
  return best;
}
