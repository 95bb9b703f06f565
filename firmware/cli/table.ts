/**
 * Rows under a line of column names, for people and for `awk`: columns are apart by spaces, nothing is left empty (`-`
 * stands where there is no value), and no value but a row's last holds a space.
 */
export function formatTable(
  columns: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const texts = rows.map((row) =>
    row.map((value, index) => {
      const text = value === null || value === '' ? '-' : String(value);
      return index === columns.length - 1 ? text.replaceAll(/\s+/g, ' ') : text.replaceAll(/\s+/g, '_');
    }),
  );
  const lines = [columns, ...texts];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((text, index) => text.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
