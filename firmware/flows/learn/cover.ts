import { commonSets, includesAll } from './common-sets.ts';
import { fewestSets } from './fewest.ts';

/** A source, a destination and a service by their numbers, which count from 0. */
export type Cell = { readonly source: number; readonly destination: number; readonly service: number };

/** Every source with every destination by every service. */
export type Box = {
  readonly sources: readonly number[];
  readonly destinations: readonly number[];
  readonly services: readonly number[];
};

/**
 * Boxes that hold all of `wanted`, and nothing else but what is in `allowed`: as few as the search finds, which are the
 * fewest there are where `limits` let it finish. Sources, destinations and services that serve nothing wanted are left
 * out. The same cells give the same boxes.
 */
export function coverByBoxes(wanted: readonly Cell[], allowed: readonly Cell[]): readonly Box[] {
  const destinations =
    1 + [...wanted, ...allowed].reduce((most, cell) => Math.max(most, cell.destination), -1);
  const column = ({ destination, service }: Omit<Cell, 'source'>) => service * destinations + destination;
  const rows = rowsOf([...wanted, ...allowed], column);
  const wantedRows = rowsOf(wanted, column);
  const boxes = [...boxesIn(rows, destinations).values()].map((box) => trim(box, wantedRows, column));
  const columns = 1 + Math.max(0, ...[...rows.values()].map((row) => Math.max(...row)));
  const held = boxes.map(
    (box) =>
      new Set(
        [...cellsOf(box)]
          .filter(isIn(wantedRows, column))
          .map((cell) => cell.source * columns + column(cell)),
      ),
  );
  return fewestSets(held).flatMap((index) => boxes[index] ?? []);
}

type Column = (place: Omit<Cell, 'source'>) => number;
type Rows = ReadonlyMap<number, ReadonlySet<number>>;

/** By source: where it goes and by what. */
function rowsOf(cells: readonly Cell[], column: Column): Rows {
  const rows = new Map<number, Set<number>>();
  for (const cell of cells) rows.set(cell.source, (rows.get(cell.source) ?? new Set()).add(column(cell)));
  return rows;
}

function isIn(rows: Rows, column: Column): (cell: Cell) => boolean {
  return (cell) => rows.get(cell.source)?.has(column(cell)) ?? false;
}

/** Boxes that cannot grow, or not by what `commonSets` found, by their destinations and services. */
function boxesIn(rows: Rows, destinations: number): ReadonlyMap<string, Box> {
  const boxes = new Map<string, Box>();
  const goers = new Map<number, number[]>();
  for (const [source, row] of rows)
    for (const place of row) {
      const list = goers.get(place) ?? [];
      goers.set(place, list);
      list.push(source);
    }
  for (const common of commonSets([...rows.values()])) {
    const fewest = [...common].reduce((best: readonly number[] | null, place) => {
      const list = goers.get(place) ?? [];
      return best === null || list.length < best.length ? list : best;
    }, null);
    const sources = (fewest ?? []).filter((source) => includesAll(rows.get(source) ?? new Set(), common));
    for (const rectangle of rectanglesIn(common, destinations)) {
      const key = JSON.stringify(rectangle);
      const known = boxes.get(key);
      if (known === undefined || known.sources.length < sources.length)
        boxes.set(key, { sources: ascending(sources), ...rectangle });
    }
  }
  return boxes;
}

/** Destinations that share services, of what some sources have in common. */
function rectanglesIn(columns: ReadonlySet<number>, destinations: number): readonly Omit<Box, 'sources'>[] {
  const byService = new Map<number, Set<number>>();
  for (const column of columns) {
    const service = Math.floor(column / destinations);
    byService.set(service, (byService.get(service) ?? new Set()).add(column % destinations));
  }
  return commonSets([...byService.values()]).map((places) => ({
    destinations: ascending([...places]),
    services: ascending(
      [...byService].filter(([, reached]) => includesAll(reached, places)).map(([service]) => service),
    ),
  }));
}

function trim(box: Box, wanted: Rows, column: Column): Box {
  const cells = [...cellsOf(box)].filter(isIn(wanted, column));
  const serving = (part: keyof Cell) => ascending([...new Set(cells.map((cell) => cell[part]))]);
  return {
    sources: serving('source'),
    destinations: serving('destination'),
    services: serving('service'),
  };
}

/** Every cell of a box. */
export function* cellsOf({ sources, destinations, services }: Box): Generator<Cell> {
  for (const source of sources)
    for (const destination of destinations)
      for (const service of services) yield { source, destination, service };
}

function ascending(numbers: readonly number[]): readonly number[] {
  return numbers.toSorted((left, right) => left - right);
}
