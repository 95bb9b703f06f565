import type { ComponentChildren } from 'preact';

interface CellProps {
  name: string;
  number?: boolean;
  /** Where rows are cards: a line of its own, at the head of the card (`lead`, phones only) or anywhere. */
  line?: 'lead' | 'wide';
  /** Where rows are cards: the column's name stands above the value, which alone would not say what it is. */
  named?: boolean;
  children: ComponentChildren;
}

interface TableProps {
  label: string;
  /** Named like the CSS that gives the columns their widths. */
  kind: string;
  columns: readonly string[];
  children: ComponentChildren;
}

/** A table that becomes cards on a phone. Its roles are written out, since browsers drop them with the layout. */
export function Table({ label, kind, columns, children }: TableProps) {
  return (
    // biome-ignore lint/a11y/noRedundantRoles: `display: block` takes the implied role away (ARIA in HTML § 4, tables).
    <table class={`table ${kind}`} role="table" aria-label={label}>
      <TableHead columns={columns} />
      {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
      <tbody role="rowgroup">{children}</tbody>
    </table>
  );
}

export function TableHead({ columns }: { columns: readonly string[] }) {
  return (
    // biome-ignore lint/a11y/noRedundantRoles: see Table
    <thead role="rowgroup">
      {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
      <tr role="row">
        {columns.map((column) => (
          // biome-ignore lint/a11y/noRedundantRoles: as above
          <th key={column} role="columnheader" scope="col">
            {column}
          </th>
        ))}
      </tr>
    </thead>
  );
}

export function Row({ children }: { children: ComponentChildren }) {
  // biome-ignore lint/a11y/noRedundantRoles: see Table
  return <tr role="row">{children}</tr>;
}

export function Cell({ name, number = false, line, named = false, children }: CellProps) {
  const kind = [number && 'number', line, named && 'named'].filter(Boolean).join(' ');
  return (
    // biome-ignore lint/a11y/noRedundantRoles: see Table
    <td role="cell" class={kind === '' ? undefined : kind} data-name={name}>
      {children}
    </td>
  );
}
