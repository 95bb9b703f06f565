/** One measured figure. Names and targets are fixed by the design, so that figures can be followed over time. */
export type Figure = {
  readonly name: string;
  readonly value: number;
  /** `ratio`, `MiB`, `ms`, … */
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  /** What is to be reached; null where less or more is simply better. */
  readonly target: number | null;
  /** What it was measured against, in the same run. */
  readonly against: string | null;
  /** What was measured, one number a try, before it became the value. */
  readonly samples: readonly number[];
};

export type BenchResult = {
  readonly bench: string;
  /** What it ran on: figures of different machines are no comparison. */
  readonly machine: { readonly cpu: string; readonly cores: number; readonly accelerator: string };
  readonly figures: readonly Figure[];
};

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  const lower = sorted.length % 2 === 0 ? sorted[middle - 1] : upper;
  if (upper === undefined || lower === undefined) throw new RangeError('no samples');
  return (lower + upper) / 2;
}

function isReached({ value, target, better }: Figure): boolean {
  if (target === null) return true;
  return better === 'lower' ? value <= target : value >= target;
}

/** Three significant digits: more would be noise. */
const short = (value: number) => String(Number(value.toPrecision(3)));

export function table({ bench, machine, figures }: BenchResult): string {
  const rows = figures.map((figure) => [
    figure.name,
    `${short(figure.value)} ${figure.unit}`,
    figure.target === null ? figure.better : `${figure.better === 'lower' ? '≤' : '≥'} ${figure.target}`,
    figure.target === null ? '' : isReached(figure) ? 'reached' : 'missed',
    figure.against ?? '',
  ]);
  const header = ['figure', 'value', 'target', '', 'against'];
  const widths = header.map((title, column) =>
    Math.max(...[header, ...rows].map((row) => (row[column] ?? title).length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const where = `${bench} on ${machine.cores} × ${machine.cpu}, ${machine.accelerator}`;
  return [where, '', line(header), ...rows.map(line), ''].join('\n');
}
