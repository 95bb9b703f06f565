import { type AddressRanges, unionOf } from './address-line.ts';
import { type Classes, type ClassRange, classify, type KeyedLayer, type Layer } from './classes.ts';
import type { Rule, Service } from './policy.ts';

/** Protocols that rules tell apart, in the order in which their ports lie on one line, 65,536 places each. */
export const servicePlaces = ['tcp', 'udp', 'icmp', 'other'] as const;
export type ServiceProtocol = (typeof servicePlaces)[number];

const places = 65_536n;

/** Where a packet's protocol and destination port are on the line; what has no ports is at its protocol's first place. */
export function servicePlace(protocol: ServiceProtocol, port: number): bigint {
  const base = BigInt(servicePlaces.indexOf(protocol)) * places;
  return protocol === 'tcp' || protocol === 'udp' ? base + BigInt(port) : base;
}

/** The layer and classes that a service of a rule is looked up by. */
export type ServiceKey = { readonly layer: Layer; readonly classes: readonly number[] };

/** Wide classes are the protocols: TCP is 1, UDP 2, ICMP 3. What has ports is in the narrow layer. */
export class ServiceClasses {
  readonly classes: Classes;
  readonly #index: ReadonlyMap<string, number>;

  constructor(rules: readonly Rule[]) {
    const texts = new Map<string, AddressRanges>();
    for (const { services } of rules) {
      if (services === undefined || services === 'any') continue;
      for (const service of services)
        if (service.ports !== undefined) texts.set(textOf(service), portRanges(service));
    }
    this.#index = new Map([...texts.keys()].map((text, index) => [text, index]));
    const { ranges, sets } = classify([...texts.values()], Number.POSITIVE_INFINITY);
    const wide: ClassRange[] = (['tcp', 'udp', 'icmp'] as const).map((protocol, index) => {
      const from = servicePlace(protocol, 0);
      return { from, to: from + places - 1n, class: index + 1 };
    });
    this.classes = { ranges: { narrow: ranges.narrow, wide }, sets };
  }

  /** What a rule speaks of, each part with its key. */
  keysOf({ services }: Rule): readonly ServiceKey[] {
    if (services === undefined || services === 'any') return [{ layer: 'any', classes: [] }];
    return services.map((service): ServiceKey => {
      if (service.protocol === 'any') return { layer: 'any', classes: [] };
      if (service.ports === undefined)
        return { layer: 'wide', classes: [servicePlaces.indexOf(service.protocol) + 1] };
      const layer: KeyedLayer = 'narrow';
      return { layer, classes: this.classes.sets[this.#index.get(textOf(service)) ?? -1]?.classes ?? [] };
    });
  }
}

/** The first and the last port of `443` or `8000-8099`, or undefined where that is none. */
export function parsePorts(ports: number | string): readonly [number, number] | undefined {
  const [, first = '', last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(ports)) ?? [];
  const [from, to] = [Number(first), Number(last)];
  return first !== '' && from <= to && to <= 65_535 ? [from, to] : undefined;
}

function portRanges({ protocol, ports = [] }: Service): AddressRanges {
  if (protocol !== 'tcp' && protocol !== 'udp') return [];
  return unionOf(
    ports.flatMap((text) => {
      const range = parsePorts(text);
      if (range === undefined) return [];
      return [{ from: servicePlace(protocol, range[0]), to: servicePlace(protocol, range[1]) }];
    }),
  );
}

function textOf({ protocol, ports = [] }: Service): string {
  return `${protocol} ${ports.join()}`;
}
