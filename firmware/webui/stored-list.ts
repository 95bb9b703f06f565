/**
 * What a file holds as `{ "version": 1, [name]: [ … ] }`, or null where any of it is not understood: a list of which only
 * half is known could lack what somebody took away, or gave.
 */
export function parseStoredList<Item>(
  text: string,
  name: string,
  parse: (value: unknown) => Item | null,
): readonly Item[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { version, [name]: listed } = value as Record<string, unknown>;
  if (version !== 1 || !Array.isArray(listed)) return null;
  const items = listed.map(parse);
  const known = items.filter((item) => item !== null);
  return known.length === items.length ? known : null;
}
