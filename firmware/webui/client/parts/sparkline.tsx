/** The last minute of a rate. The number beside it says how much, so it has no axes. */
export function Sparkline({ values }: { values: readonly number[] }) {
  const top = Math.max(...values, 1);
  const points = values.map(
    (value, index) => `${60 - (values.length - 1 - index) * 2},${(15 - (value / top) * 14).toFixed(1)}`,
  );
  return (
    <svg class="sparkline" viewBox="0 0 60 16" preserveAspectRatio="none" aria-hidden="true">
      {points.length > 1 && <polyline points={points.join(' ')} />}
    </svg>
  );
}
