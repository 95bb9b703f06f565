import { limits } from './limits.ts';

type Numbers = ReadonlySet<number>;

/**
 * Sets that several of the given ones have in common, the given ones first: for each element what all that hold it have
 * in common, and then what is found by comparing, within `limits`. Each once, none empty, in the same order for the same
 * sets.
 */
export function commonSets(given: readonly Numbers[]): readonly Numbers[] {
  const known = new Map<string, Numbers>();
  for (const set of given) if (set.size > 0) known.set(keyOf(set), set);
  const sets = [...known.values()];
  for (const holders of holdersOf(sets)) {
    const [first = new Set<number>(), ...rest] = holders;
    const common = rest.reduce(intersection, first);
    known.set(keyOf(common), common);
  }
  return [...known.values(), ...compared(sets, [...known.values()])];
}

/** What else sets have in common with one another, and with what was found so. */
function compared(sets: readonly Numbers[], known: readonly Numbers[]): readonly Numbers[] {
  const marks = new Set(known.map(markOf));
  const found: Numbers[] = [];
  let looked = 0;
  for (let next = 0; next < known.length + found.length; next += 1) {
    const left = known[next] ?? found[next - known.length] ?? new Set();
    for (const right of sets) {
      looked += Math.min(left.size, right.size);
      if (looked > limits.comparisons || found.length >= limits.commonSets) return found;
      const common = intersection(left, right);
      const mark = markOf(common);
      if (common.size === 0 || marks.has(mark)) continue;
      marks.add(mark);
      found.push(common);
    }
  }
  return found;
}

/** Whether `whole` has all of `part`. */
export function includesAll(whole: Numbers, part: Numbers): boolean {
  if (part.size > whole.size) return false;
  for (const element of part) if (!whole.has(element)) return false;
  return true;
}

/** For elements that the same sets hold, those sets, once. */
function holdersOf(sets: readonly Numbers[]): readonly (readonly Numbers[])[] {
  const holders = new Map<number, number[]>();
  for (const [index, set] of sets.entries())
    for (const element of set) {
      const list = holders.get(element) ?? [];
      holders.set(element, list);
      list.push(index);
    }
  const distinct = new Map([...holders.values()].map((list) => [list.join(), list]));
  return [...distinct.values()].map((list) => list.flatMap((index) => sets[index] ?? []));
}

function intersection(left: Numbers, right: Numbers): Numbers {
  const [small, large] = left.size <= right.size ? [left, right] : [right, left];
  const common = new Set<number>();
  for (const element of small) if (large.has(element)) common.add(element);
  return common;
}

/** A number of 53 bits that other sets hardly have: where they do, one thing in common is overlooked. */
function markOf(set: Numbers): number {
  let [high, low] = [0, 0];
  for (const element of set) {
    high = (high + (Math.imul(element + 1, 0x9e37_79b1) >>> 11)) & 0x1f_ffff;
    low = (low + Math.imul(element ^ (element >>> 15), 0x85eb_ca6b)) >>> 0;
  }
  return high * 2 ** 32 + low;
}

function keyOf(set: Numbers): string {
  return [...set].toSorted((left, right) => left - right).join();
}
