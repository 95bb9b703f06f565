import type { SettingsLayer } from '../../../store/settings-schema.ts';

type Members = Readonly<Record<string, unknown>>;

/** What stands at a path of members; undefined where there is nothing. */
export function take(document: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (isMembers(value) && Object.hasOwn(value, name) ? value[name] : undefined),
    document,
  );
}

/**
 * The document with another value at a path of members; undefined takes the value away, and groups that are empty then.
 * Lists are values as a whole, as they are where layers are merged.
 */
export function put(document: SettingsLayer, path: readonly string[], value: unknown): SettingsLayer {
  // The box checks what comes of it.
  return { ...Object(within(document, path, value)), version: 1 };
}

function within(group: unknown, [name, ...rest]: readonly string[], value: unknown): unknown {
  if (name === undefined) return value;
  const members = isMembers(group) ? group : {};
  const written = within(Object.hasOwn(members, name) ? members[name] : undefined, rest, value);
  const others = Object.entries(members).filter(([other]) => other !== name);
  const all = written === undefined ? others : [...others, [name, written] as const];
  // fromEntries defines members and never calls a setter.
  return all.length === 0 ? undefined : Object.fromEntries(all);
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
