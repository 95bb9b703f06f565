import { limits } from './limits.ts';

/** A place in a settings document: names of members, positions in lists. */
export type SettingsPath = readonly (string | number)[];

export type AtPath =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads `overlay.peers[3].uri`. What is quoted in brackets is a member of any name, or in a list the element of that
 * name: `overlay.peers["plant 2"].uri`. The empty text is the whole document. Null where it is no path.
 */
export function parseSettingsPath(text: string): SettingsPath | null {
  if (text.length > limits.pathLength) return null;
  const path: (string | number)[] = [];
  const part = /\.?([A-Za-z][A-Za-z0-9-]*)|\[(\d{1,6})\]|\[("(?:[^"\\]|\\.)*")\]/y;
  while (part.lastIndex < text.length) {
    const found = part.exec(text);
    if (found === null) return null;
    const [whole, word, position, quoted] = found;
    if (word !== undefined) {
      // A dot stands between two parts, not before the first.
      if (whole.startsWith('.') !== path.length > 0) return null;
      path.push(word);
    } else if (position !== undefined) path.push(Number(position));
    else {
      const name = unquote(quoted ?? '');
      if (name === null) return null;
      path.push(name);
    }
  }
  return path;
}

function unquote(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}

/** As `parseSettingsPath` reads it. */
export function formatSettingsPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z][A-Za-z0-9-]*$/.test(String(part)))
      text += text === '' ? String(part) : `.${String(part)}`;
    else text += `[${JSON.stringify(String(part))}]`;
  }
  return text;
}

/** What stands at a path. */
export function readAtPath(document: unknown, path: SettingsPath): AtPath {
  let value = document;
  for (const [depth, part] of path.entries()) {
    const key = keyOf(value, part);
    if (key === null)
      return { ok: false, reason: `there is no ${formatSettingsPath(path.slice(0, depth + 1))}` };
    value = isObject(value) ? value[key] : (value as readonly unknown[])[Number(key)];
  }
  return { ok: true, value };
}

/**
 * The document with another value at a path; undefined takes the value away. Members on the way are made where they are
 * missing; lists are not, and one element after a list's last is added.
 */
export function writeAtPath(document: unknown, path: SettingsPath, value: unknown): AtPath {
  const [part, ...rest] = path;
  if (part === undefined) {
    return value === undefined
      ? { ok: false, reason: 'the whole document cannot be taken away' }
      : { ok: true, value };
  }
  if (Array.isArray(document)) return writeInList(document, part, rest, value);
  if (document !== undefined && !isObject(document))
    return { ok: false, reason: `${formatSettingsPath([part])} is below what is no group of settings` };
  if (typeof part === 'number')
    return {
      ok: false,
      reason: `[${part}] is in a list that these settings do not have: set the whole list`,
    };
  const group = document ?? {};
  const below = Object.hasOwn(group, part) ? group[part] : undefined;
  const written: AtPath =
    rest.length === 0 && value === undefined ? { ok: true, value } : writeAtPath(below, rest, value);
  if (!written.ok) return written;
  const others = Object.entries(group).filter(([name]) => name !== part);
  // fromEntries defines members and never calls a setter, so a member named __proto__ stays a member.
  return {
    ok: true,
    value: Object.fromEntries(written.value === undefined ? others : [...others, [part, written.value]]),
  };
}

function writeInList(
  list: readonly unknown[],
  part: string | number,
  rest: SettingsPath,
  value: unknown,
): AtPath {
  const found = part === list.length ? String(part) : keyOf(list, part);
  if (found === null) return { ok: false, reason: `the list has no element ${formatSettingsPath([part])}` };
  const at = Number(found);
  if (rest.length === 0 && value === undefined) return { ok: true, value: list.toSpliced(at, 1) };
  const written = writeAtPath(list[at], rest, value);
  return written.ok ? { ok: true, value: list.toSpliced(at, 1, written.value) } : written;
}

/** The member or position that a part of a path means, or null where there is none. */
function keyOf(value: unknown, part: string | number): string | null {
  if (Array.isArray(value)) {
    const at =
      typeof part === 'number' ? part : value.findIndex((item) => isObject(item) && item['name'] === part);
    return at >= 0 && at < value.length ? String(at) : null;
  }
  return isObject(value) && Object.hasOwn(value, part) ? String(part) : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
