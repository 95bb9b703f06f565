import { Endpoints } from '../../policy/endpoints.ts';
import { limits as policyLimits } from '../../policy/limits.ts';
import type { PolicyInput, Rule, Selector, Side } from '../../policy/policy.ts';
import type { FlowRecord } from '../flow-record.ts';
import { type Box, type Cell, coverByBoxes } from './cover.ts';
import { type Proposal, Witness } from './evidence.ts';
import { chunks, KnownEnds, widened } from './groups.ts';
import { mergeServices } from './merge-services.ts';
import { type LearnedService, type LearnFrom, TalkCollector, type Unlearned } from './talks.ts';

export type Learned = {
  /** What explains most flows first. */
  readonly proposals: readonly Proposal[];
  /** Flows that they speak of. */
  readonly flows: number;
  /** Flows that nothing was learned from, by why. */
  readonly left: Readonly<Record<Unlearned, number>>;
};

export type LearnOptions = {
  readonly from: LearnFrom;
  /** Nothing between known ends that was not seen, also where labels speak for it. */
  readonly exact: boolean;
};

/** Reads the flows of a window, in any order, and proposes rules for them. `input` is the policy in force. */
export class Learner {
  readonly #input: PolicyInput;
  readonly #endpoints: Endpoints;
  readonly #collector: TalkCollector;
  readonly #exact: boolean;

  constructor(input: PolicyInput, { from, exact }: LearnOptions) {
    this.#input = input;
    this.#endpoints = new Endpoints(input);
    this.#collector = new TalkCollector(input, this.#endpoints, from);
    this.#exact = exact;
  }

  add(record: FlowRecord): void {
    this.#collector.add(record);
  }

  /** As few rules as allow what was seen, and of what was not only what labels and peers that all did it speak for. */
  propose(): Learned {
    const { talks, left } = this.#collector.finish();
    const known = new KnownEnds(
      talks.flatMap(({ from, to }) => [from, to]),
      this.#input,
      this.#endpoints,
    );
    const services = [...new Map(talks.map(({ service }) => [serviceKey(service), service])).values()];
    const numbers = new Map(services.map((service, number) => [serviceKey(service), number]));
    const seen = talks.map(
      ({ from, to, service }): Cell => ({
        source: known.numberOf(from),
        destination: known.numberOf(to),
        service: numbers.get(serviceKey(service)) ?? -1,
      }),
    );
    const allowed = [...toThemselves(seen), ...(this.#exact ? [] : widened(known.labels, seen))];
    const witness = new Witness(this.#input, this.#endpoints, talks);
    return {
      proposals: coverByBoxes(seen, allowed)
        .flatMap((box) => rulesOf(box, known, services))
        .map((rule) => witness.proposalOf(rule))
        .toSorted(byFlows),
      flows: talks.reduce((sum, talk) => sum + talk.flows, 0),
      left,
    };
  }
}

/**
 * Nobody is forwarded to itself, so a rule from some devices to the same devices says nothing that was not seen. Only
 * where an end is seen on both sides of a service: elsewhere it would tell ends apart that did the same.
 */
function toThemselves(seen: readonly Cell[]): readonly Cell[] {
  const places = (part: 'source' | 'destination') =>
    new Map(
      seen.map((cell) => [`${cell[part]} ${cell.service}`, { end: cell[part], service: cell.service }]),
    );
  const destinations = places('destination');
  return [...places('source')]
    .filter(([key]) => destinations.has(key))
    .map(([, { end, service }]) => ({ source: end, destination: end, service }));
}

/** The rule of a box, or several where one may not name as much. */
function rulesOf(
  { sources, destinations, services: numbers }: Box,
  known: KnownEnds,
  services: readonly LearnedService[],
): readonly Rule[] {
  const sides = (ends: readonly number[]) => chunks(known.describe(ends), policyLimits.selectors).map(sideOf);
  const merged = mergeServices(
    numbers.flatMap((number) => services[number] ?? []),
    policyLimits.services,
  );
  return sides(sources).flatMap((subject) =>
    sides(destinations).flatMap((object) =>
      chunks(merged, policyLimits.services).map((some): Rule => {
        const id = `learned-${fingerprint(JSON.stringify([subject, object, some]))}`;
        return { id, subject, verb: 'allow', object, services: some, mode: 'staged' };
      }),
    ),
  );
}

function sideOf(selectors: readonly Selector[]): Side {
  const [only, ...others] = selectors;
  return only !== undefined && others.length === 0 ? only : selectors;
}

function byFlows(one: Proposal, other: Proposal): number {
  return other.evidence.flows - one.evidence.flows || (one.rule.id < other.rule.id ? -1 : 1);
}

function serviceKey({ protocol, port }: LearnedService): string {
  return `${protocol} ${port}`;
}

/** FNV-1a of 64 bits over code units: the same rule has the same name everywhere, and nobody gains by another's. */
function fingerprint(text: string): string {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (let place = 0; place < text.length; place += 1)
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(place))) * 0x100_0000_01b3n);
  return hash.toString(16).padStart(16, '0');
}
