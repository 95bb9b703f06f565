import { type AddressRange, type AddressRanges, findRange } from './address-line.ts';
import { limits } from './limits.ts';

/** How finely a lookup tells places apart: not at all, by what is common to many, or one by one. */
export const layers = ['narrow', 'wide', 'any'] as const;
export type Layer = (typeof layers)[number];
export type KeyedLayer = Exclude<Layer, 'any'>;

export type ClassRange = AddressRange & { readonly class: number };

/**
 * Places of a line put into classes, in two layers. In a layer, places of one class are in the same of its sets, and
 * class 0, which no range has, is in none of them.
 */
export type Classes = {
  readonly ranges: { readonly [layer in KeyedLayer]: readonly ClassRange[] };
  /** By the index of a set: its layer and the classes of which it consists. */
  readonly sets: readonly { readonly layer: KeyedLayer; readonly classes: readonly number[] }[];
};

/**
 * Sorts places by the sets that they are in. A set of few classes is looked up in the narrow layer, where every
 * combination has its class; the others share the wide one, where combinations are few because narrow sets, which are
 * as many as there are devices, do not split them.
 */
export function classify(sets: readonly AddressRanges[], narrowest: number = limits.narrowClasses): Classes {
  const parts = partition(sets);
  const spread = sets.map(() => new Set<string>());
  for (const { members } of parts) {
    const key = members.join();
    for (const member of members) spread[member]?.add(key);
  }
  const layerOf = spread.map((keys): KeyedLayer => (keys.size <= narrowest ? 'narrow' : 'wide'));
  const classesOf = sets.map(() => new Set<number>());
  const inLayer = (layer: KeyedLayer): ClassRange[] => {
    const numbers = new Map<string, number>();
    const ranges: ClassRange[] = [];
    for (const { from, to, members } of parts) {
      const own = members.filter((member) => layerOf[member] === layer);
      if (own.length === 0) continue;
      const key = own.join();
      const number = numbers.get(key) ?? numbers.size + 1;
      numbers.set(key, number);
      for (const member of own) classesOf[member]?.add(number);
      const last = ranges.at(-1);
      if (last?.class === number && last.to + 1n === from) ranges[ranges.length - 1] = { ...last, to };
      else ranges.push({ from, to, class: number });
    }
    return ranges;
  };
  const ranges = { narrow: inLayer('narrow'), wide: inLayer('wide') };
  return {
    ranges,
    sets: layerOf.map((layer, index) => ({ layer, classes: [...(classesOf[index] ?? [])] })),
  };
}

/** The class of a place in a layer. */
export function classOf({ ranges }: Classes, layer: KeyedLayer, place: bigint): number {
  return ranges[layer][findRange(ranges[layer], place)]?.class ?? 0;
}

export type Part = AddressRange & { readonly members: readonly number[] };

/** Cuts the line wherever a set begins or ends; parts that are in no set are left out. */
export function partition(sets: readonly AddressRanges[]): readonly Part[] {
  const events = sets
    .flatMap((ranges, set) =>
      ranges.flatMap(({ from, to }) => [
        { place: from, set, begins: true },
        { place: to + 1n, set, begins: false },
      ]),
    )
    .toSorted((left, right) => (left.place < right.place ? -1 : left.place > right.place ? 1 : 0));
  const parts: Part[] = [];
  const within = new Set<number>();
  let from = 0n;
  for (const { place, set, begins } of events) {
    if (place > from && within.size > 0)
      parts.push({ from, to: place - 1n, members: [...within].toSorted((left, right) => left - right) });
    from = place;
    if (begins) within.add(set);
    else within.delete(set);
  }
  return parts;
}
