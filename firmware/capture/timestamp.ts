/** The last second that ISO 8601 writes with four digits of a year. */
const lastSecond = 253_402_300_799n;

/** Writes a time since 1970 given in units of `1 / perSecond` seconds as ISO 8601 in UTC, or null where it is out of range. */
export function formatTimestamp(units: bigint, perSecond: bigint): string | null {
  // Division of bigints truncates; times before 1970 want the floor.
  const rest = ((units % perSecond) + perSecond) % perSecond;
  const seconds = (units - rest) / perSecond;
  if (seconds < 0n || seconds > lastSecond) return null;
  const digits = perSecond <= 1_000_000n ? 6 : 9;
  const fraction = (rest * 10n ** BigInt(digits)) / perSecond;
  const [whole = ''] = new Date(Number(seconds) * 1000).toISOString().split('.');
  return `${whole}.${String(fraction).padStart(digits, '0')}Z`;
}
