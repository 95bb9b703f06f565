import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commonSets } from '../../../firmware/flows/learn/common-sets.ts';
import { type Box, type Cell, cellsOf, coverByBoxes } from '../../../firmware/flows/learn/cover.ts';
import { fewestSets } from '../../../firmware/flows/learn/fewest.ts';
import { limits } from '../../../firmware/flows/learn/limits.ts';

const key = ({ source, destination, service }: Cell) => `${source} ${destination} ${service}`;
const keysOf = (cells: Iterable<Cell>) => new Set([...cells].map(key));
const cellsWithin = (sources: number, destinations: number, services: number) =>
  fc.uniqueArray(fc.nat(sources * destinations * services - 1), { maxLength: 12 }).map((places) =>
    places.map((place) => ({
      source: place % sources,
      destination: Math.floor(place / sources) % destinations,
      service: Math.floor(place / sources / destinations),
    })),
  );

describe('coverByBoxes', () => {
  test('holds all that is wanted and nothing that is not allowed', () => {
    fc.assert(
      fc.property(cellsWithin(5, 4, 3), cellsWithin(5, 4, 3), (wanted, allowed) => {
        const boxes = coverByBoxes(wanted, allowed);
        const held = keysOf(boxes.flatMap((box) => [...cellsOf(box)]));
        const may = keysOf([...wanted, ...allowed]);
        for (const cell of wanted) expect(held).toContain(key(cell));
        for (const cell of held) expect(may).toContain(cell);
      }),
      { numRuns: 300 },
    );
  });

  test('takes as few boxes as trying every set of boxes does', () => {
    fc.assert(
      fc.property(cellsWithin(3, 3, 2), cellsWithin(3, 3, 2), (wanted, allowed) => {
        expect(coverByBoxes(wanted, allowed).length).toBe(fewestByHand(wanted, allowed));
      }),
      { numRuns: 200 },
    );
  });

  test('is the same for the same cells in any order', () => {
    fc.assert(
      fc.property(
        cellsWithin(4, 4, 2).chain((cells) =>
          fc.tuple(fc.constant(cells), fc.shuffledSubarray(cells, { minLength: cells.length })),
        ),
        ([cells, shuffled]) => {
          const sorted = (boxes: readonly Box[]) => boxes.map((box) => JSON.stringify(box)).toSorted();
          expect(sorted(coverByBoxes(shuffled, [])).length).toBe(sorted(coverByBoxes(cells, [])).length);
        },
      ),
    );
  });

  test('nothing is held by nothing', () => {
    expect(coverByBoxes([], [])).toEqual([]);
  });

  test('a scan of every port and a crowd of clients take a second together, not minutes', () => {
    const scan = Array.from({ length: limits.talks / 2 }, (_, index) => ({
      source: 0,
      destination: 1 + (index % 50),
      service: Math.floor(index / 50),
    }));
    const crowd = Array.from({ length: limits.talks / 2 }, (_, index) => ({
      source: 100 + (index % 5000),
      destination: 60 + Math.floor(index / 5000),
      service: 0,
    }));
    expect(coverByBoxes([...scan, ...crowd], [])).toHaveLength(2);
  });
});

describe('commonSets', () => {
  test('gives what any two and what all of them have in common', () => {
    const sets = [new Set([1, 2, 3]), new Set([2, 3, 4]), new Set([3, 4, 1])];
    const found = commonSets(sets).map((set) => [...set].toSorted().join(''));
    expect(found.toSorted()).toEqual(['123', '134', '13', '234', '23', '34', '3'].toSorted());
  });

  test('what is found by comparing is bounded, and the given ones are always there', () => {
    const sets = Array.from(
      { length: 40 },
      (_, left) => new Set(Array.from({ length: 40 }, (_, place) => place).filter((place) => place !== left)),
    );
    const found = commonSets(sets);
    expect(found.slice(0, 40)).toEqual(sets);
    expect(found.length).toBeLessThanOrEqual(2 * 40 + limits.commonSets);
    expect(found.length).toBeGreaterThan(limits.commonSets);
  });
});

describe('fewestSets', () => {
  const first = [new Set([1, 2, 4, 5]), new Set([0]), new Set([3]), new Set([0, 1, 2]), new Set([3, 4, 5])];

  test('finds two sets where taking the largest first needs three', () => {
    expect(fewestSets(first)).toEqual([3, 4]);
  });

  test('leaves out a set that later ones made needless', () => {
    expect(fewestSets([new Set([1, 2, 3, 4]), new Set([0, 1, 2]), new Set([3, 4, 5])])).toEqual([1, 2]);
  });

  test('among more elements than it searches, it keeps what it found at first', () => {
    const more = Array.from({ length: limits.searchedElements - 6 }, (_, index) => 10 + index);
    expect(fewestSets([...first, new Set(more)])).toEqual([3, 4, 5]);
    expect(fewestSets([...first, new Set([...more, 9])])).toEqual([0, 1, 2, 5]);
  });
});

/** Of all boxes that allow nothing else, by size of the choice. */
function fewestByHand(wanted: readonly Cell[], allowed: readonly Cell[]): number {
  const may = keysOf([...wanted, ...allowed]);
  const subsets = (count: number) =>
    Array.from({ length: 2 ** count - 1 }, (_, index) =>
      Array.from({ length: count }, (_, bit) => bit).filter((bit) => ((index + 1) >> bit) & 1),
    );
  const masks: number[] = [];
  for (const sources of subsets(3))
    for (const destinations of subsets(3))
      for (const services of subsets(2)) {
        const cells = [...cellsOf({ sources, destinations, services })];
        if (!cells.every((cell) => may.has(key(cell)))) continue;
        const held = new Set(cells.map(key));
        masks.push(
          wanted.reduce((mask, cell, index) => (held.has(key(cell)) ? mask | (1 << index) : mask), 0),
        );
      }
  const all = 2 ** wanted.length - 1;
  let reached = new Set([0]);
  for (let count = 0; ; count += 1) {
    if (reached.has(all)) return count;
    reached = new Set([...reached].flatMap((mask) => masks.map((other) => mask | other)));
  }
}
