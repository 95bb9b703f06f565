import { limits } from './limits.ts';
import { withoutSecrets } from './secret-settings.ts';
import { formatSettingsPath } from './settings-path.ts';

/** One difference: texts are JSON, shortened; null where the setting is not there. */
export type SettingsChange = {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
};

export type SettingsDifference = {
  readonly changes: readonly SettingsChange[];
  /** Changes that were left away since there are too many. */
  readonly more: number;
};

/**
 * What differs between two documents. Elements of lists that all have a name of their own are compared by it, so that
 * one that moved is no change; other lists are compared place by place. A secret that changed is told, not shown.
 */
export function settingsDifference(before: unknown, after: unknown): SettingsDifference {
  const changes: SettingsChange[] = [];
  let count = 0;
  const compare = (path: readonly PropertyKey[], one: unknown, other: unknown, shown: Pair): void => {
    const [left, right] = [members(one), members(other)];
    if (left !== null && right !== null && isList(one) === isList(other) && sameKeys(one, other)) {
      const [shownBefore, shownAfter] = [members(shown.before), members(shown.after)];
      for (const name of new Set([...left.keys(), ...right.keys()]))
        compare([...path, name], left.get(name), right.get(name), {
          before: shownBefore?.get(name),
          after: shownAfter?.get(name),
        });
      return;
    }
    if (JSON.stringify(one) === JSON.stringify(other)) return;
    count += 1;
    if (changes.length >= limits.changes) return;
    changes.push({
      path: shorten(formatSettingsPath(path)),
      before: written(shown.before),
      after: written(shown.after),
    });
  };
  compare([], before, after, { before: withoutSecrets(before), after: withoutSecrets(after) });
  return { changes, more: count - changes.length };
}

type Pair = { readonly before: unknown; readonly after: unknown };

/** `path: before → after`, for people. */
export function describeChange({ path, before, after }: SettingsChange): string {
  return `${path}: ${before ?? 'not set'} → ${after ?? 'not set'}`;
}

/** Members of an object by name, of a list by name or place; null of what has none. */
function members(value: unknown): ReadonlyMap<string | number, unknown> | null {
  if (typeof value !== 'object' || value === null) return null;
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  const names = namesOf(value);
  return new Map(value.map((item, index): [string | number, unknown] => [names?.[index] ?? index, item]));
}

/** Names of all elements, where each has one of its own. */
function namesOf(list: readonly unknown[]): readonly string[] | null {
  const names = list.flatMap((item) =>
    typeof item === 'object' && item !== null && 'name' in item && typeof item.name === 'string'
      ? [item.name]
      : [],
  );
  return names.length === list.length && new Set(names).size === names.length ? names : null;
}

/** Two lists are compared by name only where both have names. */
function sameKeys(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return true;
  return (namesOf(one) === null) === (namesOf(other) === null);
}

function isList(value: unknown): boolean {
  return Array.isArray(value);
}

function written(value: unknown): string | null {
  return value === undefined ? null : shorten(JSON.stringify(value));
}

function shorten(text: string): string {
  return text.length <= limits.changeLength ? text : `${text.slice(0, limits.changeLength - 1)}…`;
}
