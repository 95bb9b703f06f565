import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { TableHead } from './table.tsx';

/** Rows above and below those in view, so that a fast wheel or the Tab key finds them made. */
const spare = 8;
const phone = '(max-width: 960px)';

interface VirtualTableProps<Item> {
  label: string;
  /** Named like the CSS that gives the columns their widths. */
  kind: string;
  columns: readonly string[];
  items: readonly Item[];
  keyOf: (item: Item) => string;
  /** Pixels of each row, the same for all: as a row, and as a card where the window is at most 960 px wide. */
  rowHeight: { readonly row: number; readonly card: number };
  /** The cells of a row. */
  render: (item: Item) => ComponentChildren;
}

/** A table of any length of which only the rows in view exist; the page scrolls, not the table. */
export function VirtualTable<Item>(props: VirtualTableProps<Item>) {
  const { label, kind, columns, items, keyOf, rowHeight, render } = props;
  const top = useRef<HTMLTableSectionElement>(null);
  const [height, setHeight] = useState(() => heightNow(rowHeight));
  const [first, last] = useRowsInView(top, items.length, height);
  const { row, card } = rowHeight;
  useEffect(() => {
    const query = matchMedia(phone);
    const follow = () => setHeight(query.matches ? card : row);
    query.addEventListener('change', follow);
    return () => query.removeEventListener('change', follow);
  }, [row, card]);
  return (
    <table
      class={`table virtual ${kind}`}
      // biome-ignore lint/a11y/noRedundantRoles: see Table
      role="table"
      aria-label={label}
      aria-rowcount={items.length + 1}
      style={{ '--row': `${height}px` }}
    >
      <TableHead columns={columns} />
      <tbody class="space" ref={top} style={{ height: `${first * height}px` }} />
      {/* biome-ignore lint/a11y/noRedundantRoles: see Table */}
      <tbody role="rowgroup">
        {items.slice(first, last).map((item, index) => (
          // biome-ignore lint/a11y/noRedundantRoles: see Table
          <tr key={keyOf(item)} role="row" aria-rowindex={first + index + 2}>
            {render(item)}
          </tr>
        ))}
      </tbody>
      <tbody class="space" style={{ height: `${(items.length - last) * height}px` }} />
    </table>
  );
}

function heightNow({ row, card }: { readonly row: number; readonly card: number }): number {
  return matchMedia(phone).matches ? card : row;
}

/** The rows below `start` that the window shows, and some spare ones: from the first to before the last. */
function useRowsInView(
  start: RefObject<HTMLElement | null>,
  count: number,
  height: number,
): [number, number] {
  const [range, setRange] = useState<[number, number]>([0, Math.ceil(innerHeight / height) + spare]);
  useEffect(() => {
    const look = () => {
      const top = start.current?.getBoundingClientRect().top ?? 0;
      const above = Math.floor(-top / height) - spare;
      // In steps of four, so that not every pixel of scrolling renders the table anew.
      const first = Math.max(0, above - (above % 4));
      const last = first + Math.ceil(innerHeight / height) + 2 * spare + 4;
      setRange((before) => (before[0] === first && before[1] === last ? before : [first, last]));
    };
    look();
    const options = { passive: true, capture: true };
    addEventListener('scroll', look, options);
    addEventListener('resize', look);
    return () => {
      removeEventListener('scroll', look, options);
      removeEventListener('resize', look);
    };
  }, [height, count]);
  const first = Math.min(range[0], Math.max(0, count - 1));
  return [first, Math.min(count, range[1])];
}
