import type { AddressRanges } from './address-line.ts';
import { type Classes, classify, type Layer, layers } from './classes.ts';
import { Endpoints } from './endpoints.ts';
import { limits } from './limits.ts';
import type { OwnServiceMode } from './own-services.ts';
import { type PolicyInput, type Rule, type Side, speaksOfOwn } from './policy.ts';
import type { RuleNumbers } from './rule-numbers.ts';
import { isActive, type MinuteOfWeek } from './schedule.ts';
import { ServiceClasses } from './services.ts';

const verdicts = ['deny', 'allow', 'observe', 'staged-deny', 'staged-allow'] as const;

/**
 * What a match does, in the order in which it is asked: a deny wins over every allow, an enforced allow over one that
 * only observes. Staged ones are asked beside them. What the gateway itself serves has categories of its own.
 */
export const categories = [...verdicts, ...verdicts.map((verdict) => `own-${verdict}` as const)] as const;
export type Category = (typeof categories)[number];

/** The layers of source, destination and service that a table's keys are classes of; `any` has no part in the key. */
export type TableLayers = { readonly source: Layer; readonly destination: Layer; readonly service: Layer };

/** One lookup by an exact key. */
export type Table = {
  readonly category: Category;
  readonly layers: TableLayers;
  /** The rule's number by the classes that are no `any`, in the order source, destination, service, joined by spaces. */
  readonly entries: ReadonlyMap<string, number>;
};

/**
 * A policy as lookups whose number does not depend on the number of rules: classes of source, destination and service,
 * then tables by those. The kernel's ruleset and the evaluator both follow it.
 */
export type CompiledPolicy = {
  readonly sources: Classes;
  readonly destinations: Classes;
  readonly services: Classes;
  /** By category, then with the narrowest layers first: of rules that do the same, the most specific one is named. */
  readonly tables: readonly Table[];
  /** Devices that may speak on the LAN; null where unknown ones may. */
  readonly accepted: AddressRanges | null;
  /** Addresses on the LAN that only one MAC may speak from. */
  readonly bound: readonly { readonly mac: string; readonly ranges: AddressRanges }[];
  /** By which devices are known that speak from an address of the link alone. */
  readonly macs: readonly string[];
  readonly ownServices: OwnServiceMode;
  readonly numbers: RuleNumbers;
  /** Who is where. */
  readonly endpoints: Endpoints;
  /** Numbers of the rules whose denied packets are not recorded. */
  readonly unlogged: readonly number[];
};

export type CompileResult =
  | { readonly ok: true; readonly value: CompiledPolicy }
  /** In words for the administrator. */
  | { readonly ok: false; readonly problem: string };

/** Compiles the rules that are active at a time. `numbers` has every rule's id. */
export function compilePolicy(input: PolicyInput, numbers: RuleNumbers, now: MinuteOfWeek): CompileResult {
  const { rules, devices, unknownDevices, ownServices } = input.policy;
  const active = rules.filter((rule) => isActive(rule, now));
  const endpoints = new Endpoints(input);
  const sources = sideClasses(
    active.map(({ subject }) => subject),
    endpoints,
  );
  const destinations = sideClasses(
    active.map((rule) => (speaksOfOwn(rule) ? 'any' : rule.object)),
    endpoints,
  );
  const services = new ServiceClasses(active);
  const tables = new Map<string, { category: Category; layers: TableLayers; entries: Map<string, number> }>();
  let entries = 0;
  for (const [index, rule] of active.entries()) {
    const category = categoryOf(rule);
    const [source, destination] = [sources.keyOf(index), destinations.keyOf(index)];
    const number = numbers.get(rule.id) ?? 0;
    for (const service of services.keysOf(rule)) {
      const place = { source: source.layer, destination: destination.layer, service: service.layer };
      const name = `${category} ${place.source} ${place.destination} ${place.service}`;
      const table = tables.get(name) ?? { category, layers: place, entries: new Map<string, number>() };
      tables.set(name, table);
      const before = table.entries.size;
      for (const key of keysOf([source, destination, service])) {
        // The first of rules that do the same has it.
        if (!table.entries.has(key)) table.entries.set(key, number);
      }
      entries += table.entries.size - before;
      if (entries > limits.entries)
        return {
          ok: false,
          problem: `the rules take more than ${limits.entries} entries, at rule ${rule.id}: use labels in place of many single devices, or fewer port ranges`,
        };
    }
  }
  return {
    ok: true,
    value: {
      sources: sources.classes,
      destinations: destinations.classes,
      services: services.classes,
      tables: inOrder([...tables.values()]),
      accepted: unknownDevices === 'permitted' ? null : endpoints.devices,
      bound: devices.flatMap(({ name, mac }) => {
        const ranges = endpoints.rangesOfDevice(name) ?? [];
        return mac === undefined || ranges.length === 0 ? [] : [{ mac, ranges }];
      }),
      macs: devices.flatMap(({ mac }) => mac ?? []),
      ownServices: ownServices ?? 'accepted',
      numbers,
      endpoints,
      unlogged: active.filter(({ log }) => log === false).map(({ id }) => numbers.get(id) ?? 0),
    },
  };
}

function categoryOf(rule: Rule): Category {
  const { mode, verb } = rule;
  const does = mode === 'staged' ? (`staged-${verb}` as const) : mode === 'observe' ? 'observe' : verb;
  return speaksOfOwn(rule) ? `own-${does}` : does;
}

type Key = { readonly layer: Layer; readonly classes: readonly number[] };

function sideClasses(
  sides: readonly Side[],
  endpoints: Endpoints,
): { readonly classes: Classes; readonly keyOf: (index: number) => Key } {
  const found = sides.map((side) => (side === 'any' ? null : endpoints.rangesOf(side)));
  const indexes = new Map<AddressRanges, number>();
  for (const ranges of found) if (ranges !== null && !indexes.has(ranges)) indexes.set(ranges, indexes.size);
  const classes = classify([...indexes.keys()]);
  const keyOf = (index: number): Key => {
    const ranges = found[index] ?? null;
    if (ranges === null) return { layer: 'any', classes: [] };
    return classes.sets[indexes.get(ranges) ?? -1] ?? { layer: 'narrow', classes: [] };
  };
  return { classes, keyOf };
}

/** Every combination of classes; `any` adds nothing to a key. */
function* keysOf(parts: readonly Key[]): Generator<string> {
  const keyed = parts.filter(({ layer }) => layer !== 'any').map(({ classes }) => classes);
  yield* combinations(keyed, '');
}

function* combinations([first, ...rest]: readonly (readonly number[])[], prefix: string): Generator<string> {
  if (first === undefined) {
    yield prefix;
    return;
  }
  for (const number of first)
    yield* combinations(rest, prefix === '' ? String(number) : `${prefix} ${number}`);
}

function inOrder(tables: readonly Table[]): readonly Table[] {
  const rank = ({ category, layers: place }: Table) =>
    [place.source, place.destination, place.service].reduce(
      (sum, layer) => sum * layers.length + layers.indexOf(layer),
      categories.indexOf(category),
    );
  return tables.toSorted((left, right) => rank(left) - rank(right));
}
