import { type Rule, type Schedule, weekDays } from './policy.ts';

/** Minutes since Monday 00:00 UTC. */
export type MinuteOfWeek = number;

const day = 24 * 60;
const week = 7 * day;

/** The minute of the week of a time in milliseconds since 1970, which began on a Thursday. */
export function minuteOfWeek(milliseconds: number): MinuteOfWeek {
  const minutes = Math.floor(milliseconds / 60_000) + 3 * day;
  return ((minutes % week) + week) % week;
}

/** Minutes of the day of `HH:MM`, up to 24:00; undefined for anything else. */
export function parseTimeOfDay(text: string): number | undefined {
  const [, hours = '', minutes = ''] = /^(\d\d):(\d\d)$/.exec(text) ?? [];
  const value = Number(hours) * 60 + Number(minutes);
  return hours !== '' && Number(minutes) < 60 && value <= day ? value : undefined;
}

export function isActive({ schedule }: Rule, now: MinuteOfWeek): boolean {
  if (schedule === undefined) return true;
  return periods(schedule).some(({ from, length }) => (now - from + week) % week < length);
}

function periods({ days = weekDays, from, to }: Schedule): { from: MinuteOfWeek; length: number }[] {
  const [start, end] = [parseTimeOfDay(from), parseTimeOfDay(to)];
  if (start === undefined || end === undefined) return [];
  const length = end > start ? end - start : end + day - start;
  return days.map((name) => ({ from: (weekDays.indexOf(name) * day + start) % week, length }));
}
