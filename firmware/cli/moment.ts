import { UsageError } from './arguments.ts';

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds since 1970 of `90s`, `15m`, `1h`, `7d` before `now`, or of a date with its time (ISO 8601). */
export function readMoment(option: string, text: string, now: number): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return Math.max(0, now - Number(count) * units[unit as keyof typeof units]);
  const moment = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!(moment >= 0)) throw new UsageError(`${option} takes 90s, 15m, 1h, 7d or 2026-06-01T12:00:00Z`);
  return moment;
}
