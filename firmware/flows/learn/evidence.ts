import {
  type AddressRange,
  type AddressRanges,
  findRange,
  intersectionOf,
} from '../../policy/address-line.ts';
import type { Endpoints } from '../../policy/endpoints.ts';
import type { PolicyInput, Rule, Selector, Side } from '../../policy/policy.ts';
import { parsePorts } from '../../policy/services.ts';
import { limits } from './limits.ts';
import {
  type Evidence,
  endKey,
  type LearnedEnd,
  type LearnedService,
  rangesOfEnd,
  type Talk,
} from './talks.ts';

/** What a proposed rule would allow that was not seen. */
export type Beyond = {
  /** Services between two known ends, a device or an address that was seen, that nobody used. */
  readonly talks: number;
  /** Peers behind which it means everybody, known or not. */
  readonly gateways: readonly string[];
};

export type Proposal = {
  /** In the form of the settings, staged. The same ends and services have the same id. */
  readonly rule: Rule;
  /** Of the flows that it allows; other proposals may allow some of them too. */
  readonly evidence: Evidence & {
    /** Different talks: the same ends and service. */
    readonly talks: number;
    readonly examples: readonly ({ readonly from: string; readonly to: string } & LearnedService)[];
  };
  readonly beyond: Beyond;
};

/** Tells of a rule what it would allow, by what its selectors mean in the policy and not by how it was found. */
export class Witness {
  readonly #endpoints: Endpoints;
  readonly #known: ReadonlyMap<string, AddressRanges>;
  /** By who began them. */
  readonly #talks = new Map<string, { readonly talk: Talk; readonly to: string }[]>();
  readonly #meantBy = new Map<string, ReadonlySet<string>>();

  /** Known ends are all that were seen, and devices of the settings that were not. */
  constructor({ policy }: PolicyInput, endpoints: Endpoints, talks: readonly Talk[]) {
    const devices = policy.devices.map(({ name }): LearnedEnd => ({ kind: 'device', device: name }));
    const ends = [...devices, ...talks.flatMap(({ from, to }) => [from, to])];
    this.#known = new Map(ends.map((end) => [endKey(end), rangesOfEnd(end, endpoints)]));
    this.#endpoints = endpoints;
    for (const talk of talks) {
      const from = endKey(talk.from);
      const list = this.#talks.get(from) ?? [];
      this.#talks.set(from, list);
      list.push({ talk, to: endKey(talk.to) });
    }
  }

  proposalOf(rule: Rule): Proposal {
    const [sources, destinations] = [this.#meant(rule.subject), this.#meant(rule.object)];
    const includes = serviceTest(rule);
    const found = [...sources].flatMap((from) =>
      (this.#talks.get(from) ?? [])
        .filter(({ talk, to }) => destinations.has(to) && includes(talk.service))
        .map(({ talk, to }) => ({ talk, isToItself: to === from })),
    );
    const talks = found.map(({ talk }) => talk);
    const both = [...sources].filter((end) => destinations.has(end)).length;
    const pairs = sources.size * destinations.size - both;
    const betweenOthers = found.filter(({ isToItself }) => !isToItself).length;
    const sum = (of: (talk: Talk) => number) => talks.reduce((total, talk) => total + of(talk), 0);
    return {
      rule,
      evidence: {
        talks: talks.length,
        flows: sum(({ flows }) => flows),
        denied: sum(({ denied }) => denied),
        first: talks.reduce((least, { first }) => Math.min(least, first), Number.POSITIVE_INFINITY),
        last: talks.reduce((most, { last }) => Math.max(most, last), Number.NEGATIVE_INFINITY),
        packets: sum(({ packets }) => packets),
        bytes: sum(({ bytes }) => bytes),
        examples: talks
          .toSorted((one, other) => other.flows - one.flows)
          .slice(0, limits.examples)
          .map(({ example, service }) => ({ ...example, ...service })),
      },
      beyond: {
        talks: pairs * serviceCount(rule) - betweenOthers,
        gateways: gatewaysOf(rule),
      },
    };
  }

  /** Keys of the known ends that a side means, wholly or in part. */
  #meant(side: Side): ReadonlySet<string> {
    const text = JSON.stringify(side);
    const known = this.#meantBy.get(text);
    if (known !== undefined) return known;
    const ranges = this.#endpoints.rangesOf(side);
    const meant = [...this.#known].filter(([, own]) => own.some((range) => intersects(ranges, range)));
    const keys = new Set(meant.map(([key]) => key));
    this.#meantBy.set(text, keys);
    return keys;
  }
}

function serviceTest({ services }: Rule): (service: LearnedService) => boolean {
  return ({ protocol, port }) =>
    services !== undefined &&
    services !== 'any' &&
    services.some(
      (service) =>
        service.protocol === protocol &&
        (service.ports === undefined ||
          service.ports.some((ports) => {
            const [first, last] = parsePorts(ports) ?? [1, 0];
            return first <= port && port <= last;
          })),
    );
}

function serviceCount({ services }: Rule): number {
  if (services === undefined || services === 'any') return 0;
  return services
    .flatMap(({ ports }) => (ports === undefined ? [1] : ports.map(sizeOf)))
    .reduce((sum, size) => sum + size, 0);
}

function sizeOf(ports: number | string): number {
  const [first, last] = parsePorts(ports) ?? [1, 0];
  return last - first + 1;
}

function gatewaysOf({ subject, object }: Rule): readonly string[] {
  const selectors = [subject, object].flatMap((side): readonly Selector[] =>
    side === 'any' ? [] : Array.isArray(side) ? side : [side as Selector],
  );
  return [...new Set(selectors.flatMap(({ gateway }) => gateway ?? []))].toSorted();
}

function intersects(ranges: AddressRanges, range: AddressRange): boolean {
  return (
    findRange(ranges, range.from) >= 0 ||
    (range.to > range.from && intersectionOf(ranges, [range]).length > 0)
  );
}
