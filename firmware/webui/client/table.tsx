import type { ComponentChildren } from 'preact';

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
      {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
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
      {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
      <tbody role="rowgroup">{children}</tbody>
    </table>
  );
}

export function Row({ children }: { children: ComponentChildren }) {
  // biome-ignore lint/a11y/noRedundantRoles: see Table
  return <tr role="row">{children}</tr>;
}

/** `name` stands before the value where there is no head above it. */
export function Cell({
  name,
  number,
  children,
}: {
  name: string;
  number?: boolean;
  children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noRedundantRoles: see Table
    <td role="cell" class={number ? 'number' : undefined} data-name={name}>
      {children}
    </td>
  );
}
