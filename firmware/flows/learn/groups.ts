import { intersectionOf } from '../../policy/address-line.ts';
import type { Endpoints } from '../../policy/endpoints.ts';
import { limits as policyLimits } from '../../policy/limits.ts';
import { type PolicyInput, type Selector, thisGateway } from '../../policy/policy.ts';
import { includesAll } from './common-sets.ts';
import type { Cell } from './cover.ts';
import { limits } from './limits.ts';
import { endKey, type LearnedEnd } from './talks.ts';

/** Ends that one selector means. */
export type Group = { readonly selector: Selector; readonly members: ReadonlySet<number> };

/** Ends with the numbers by which covers name them, and the groups whose members were all seen. */
export class KnownEnds {
  readonly ends: readonly LearnedEnd[];
  /** Of devices, and apart from those of peers. */
  readonly labels: readonly Group[];
  readonly #gateways: readonly Group[];
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(ends: readonly LearnedEnd[], { policy }: PolicyInput, endpoints: Endpoints) {
    this.#numbers = new Map([...new Set(ends.map(endKey))].map((key, number) => [key, number]));
    const byKey = new Map(ends.map((end) => [endKey(end), end]));
    this.ends = [...this.#numbers.keys()].flatMap((key) => byKey.get(key) ?? []);
    // A gateway's labels are also those of everything behind it, which nobody has seen.
    const ofGateways = new Set([...policy.labels, ...Object.values(policy.peerLabels).flat()]);
    const labelled = grouped(
      policy.devices.flatMap(({ name, labels = [] }) => labels.map((label) => [label, name] as const)),
    );
    this.labels = [...labelled].toSorted(byName).flatMap(([label, devices]) => {
      const members = ofGateways.has(label) ? null : this.#all(devices);
      return members === null || members.size < 2 ? [] : [{ selector: { labels: [label] }, members }];
    });
    const strangers = grouped(
      this.ends.flatMap((end, number) =>
        end.kind === 'address' && end.gateway !== thisGateway ? [[end.gateway, number] as const] : [],
      ),
    );
    this.#gateways = [...strangers].toSorted(byName).flatMap(([gateway, addresses]) => {
      if (addresses.length < limits.addressesOfGateway) return [];
      const ranges = endpoints.rangesOf({ gateway });
      const isBehind = (device: string) =>
        intersectionOf(endpoints.rangesOfDevice(device) ?? [], ranges).length > 0;
      const devices = this.#all(policy.devices.map(({ name }) => name).filter(isBehind));
      return devices === null
        ? []
        : [{ selector: { gateway }, members: new Set([...devices, ...addresses]) }];
    });
  }

  numberOf(end: LearnedEnd): number {
    return this.#numbers.get(endKey(end)) ?? -1;
  }

  /** Selectors that mean these ends and none of the others: labels first, then peers, devices, addresses. */
  describe(numbers: readonly number[]): readonly Selector[] {
    const left = new Set(numbers);
    const all = new Set(numbers);
    const selectors: Selector[] = [];
    for (const groups of [this.labels, this.#gateways]) {
      const fitting = groups.filter(({ members }) => includesAll(all, members));
      for (;;) {
        const gains = fitting.map(({ members }) => [...members].filter((member) => left.has(member)).length);
        const most = Math.max(0, ...gains);
        const best = fitting[gains.indexOf(most)];
        if (most < 2 || best === undefined) break;
        selectors.push(best.selector);
        for (const member of best.members) left.delete(member);
      }
    }
    const rest = [...left].flatMap((number) => this.ends[number] ?? []);
    const devices = rest.flatMap((end) => (end.kind === 'device' ? [end.device] : []));
    const addresses = rest.flatMap((end) => (end.kind === 'address' ? [end.address] : []));
    return [
      ...selectors,
      ...devices.toSorted().map((device) => ({ device })),
      ...chunks(addresses.toSorted(), policyLimits.selectors).map((some) => ({ addresses: some })),
    ];
  }

  #all(devices: readonly string[]): ReadonlySet<number> | null {
    const numbers = devices.map((device) => this.numberOf({ kind: 'device', device }));
    return numbers.includes(-1) ? null : new Set(numbers);
  }
}

/**
 * Cells that the seen ones speak for without having been seen: where every device of a label reached one of another
 * label's by a service, every one of those was reached, and more than half of all pairs were seen, the others are meant.
 */
export function widened(labels: readonly Group[], seen: readonly Cell[]): readonly Cell[] {
  const byService = new Map<number, Map<number, Set<number>>>();
  for (const { source, destination, service } of seen) {
    const rows = byService.get(service) ?? new Map<number, Set<number>>();
    byService.set(service, rows);
    rows.set(source, (rows.get(source) ?? new Set()).add(destination));
  }
  const cells: Cell[] = [];
  for (const [service, rows] of byService) {
    const reached = new Set([...rows.values()].flatMap((row) => [...row]));
    const senders = labels.filter(({ members }) => includesAll(new Set(rows.keys()), members));
    const receivers = labels.filter(({ members }) => includesAll(reached, members));
    for (const { members: sources } of senders)
      for (const { members: destinations } of receivers) {
        if (sources.size * destinations.size > limits.labelPairs) continue;
        const pairs = [...sources].flatMap((source) =>
          [...destinations]
            .filter((place) => place !== source)
            .map((destination) => ({ source, destination })),
        );
        const hits = pairs.filter(({ source, destination }) => rows.get(source)?.has(destination));
        const everySource = new Set(hits.map(({ source }) => source)).size === sources.size;
        const everyDestination =
          new Set(hits.map(({ destination }) => destination)).size === destinations.size;
        if (everySource && everyDestination && hits.length * 2 > pairs.length)
          cells.push(...pairs.map((pair) => ({ ...pair, service })));
      }
  }
  return cells;
}

export function chunks<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

function grouped<Value>(pairs: readonly (readonly [string, Value])[]): ReadonlyMap<string, readonly Value[]> {
  const groups = new Map<string, Value[]>();
  for (const [name, value] of pairs) {
    const group = groups.get(name) ?? [];
    groups.set(name, group);
    group.push(value);
  }
  return groups;
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}
