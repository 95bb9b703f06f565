/** Network counters: decimal units, three significant digits, so that the width hardly changes. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, 1000, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
}

/** Memory and disks: binary units, as their makers' tools show them. */
export function formatMemory(bytes: number): string {
  return scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let rest = Math.max(0, value);
  let unit = 0;
  // 999.5 would be shown as 1000.
  while (rest >= step - 0.5 && unit < units.length - 1) {
    rest /= step;
    unit++;
  }
  const digits = unit === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return `${rest.toFixed(digits)} ${units[unit]}`;
}

/** The two largest parts of a duration: `3 d 4 h`, `12 min 3 s`, `8 s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count], index) => index === 0 || count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** A HIT with all its groups written out (RFC 5952 would shorten it), or the text itself where it is none. */
export function hitGroups(hit: string): string[] {
  const [head = '', tail] = hit.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return groups.length === 8 ? groups.map((group) => group.padStart(4, '0')) : [hit];
}

/** First and last groups. All HITs begin with 2001:002x, so three groups are needed to tell one from another. */
export function shortHit(hit: string): string {
  const groups = hitGroups(hit);
  return groups.length === 8 ? `${groups.slice(0, 3).join(':')}…${groups[7]}` : hit;
}

/** A digest in groups of eight, for comparing by eye. */
export function digestGroups(hex: string): string[] {
  return hex.match(/.{1,8}/g) ?? [];
}

/** Time of day for what happened today, date and time for what did not; `now` and `at` in milliseconds. */
export function formatTime(at: number, now: number): string {
  const date = new Date(at);
  const time = date.toLocaleTimeString('en-GB');
  return date.toDateString() === new Date(now).toDateString() ? time : `${isoDay(date)} ${time}`;
}

/** Local date, time and offset, for hovering and copying. */
export function formatAbsolute(at: number): string {
  const date = new Date(at);
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? '−' : '+';
  const hours = String(Math.floor(Math.abs(offset) / 60)).padStart(2, '0');
  const minutes = String(Math.abs(offset) % 60).padStart(2, '0');
  return `${isoDay(date)} ${date.toLocaleTimeString('en-GB')} UTC${sign}${hours}:${minutes}`;
}

function isoDay(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
