import {
  type AddressRange,
  type AddressRanges,
  differenceOf,
  everyAddress,
  findRange,
  intersectionOf,
  parseAddressRange,
  unionOf,
} from './address-line.ts';
import { type Part, partition } from './classes.ts';
import {
  type Device,
  type GatewayFacts,
  type PolicyInput,
  type PolicyPeer,
  type Selector,
  type Side,
  thisGateway,
} from './policy.ts';

type Gateway = GatewayFacts & {
  readonly name: string;
  readonly labels: readonly string[];
  readonly ranges: AddressRanges;
};

/** Who is where: the addresses that a selector means. */
export class Endpoints {
  readonly #gateways: readonly Gateway[];
  readonly #gatewayNamed: ReadonlyMap<string, Gateway>;
  readonly #policyDevices: readonly Device[];
  readonly #devices: ReadonlyMap<string, AddressRanges>;
  /** Made when somebody asks. */
  #deviceParts: readonly Part[] | undefined;
  #gatewayParts: readonly Part[] | undefined;
  /** Of all that carries a label. */
  readonly #labels = new Map<string, AddressRanges>();
  readonly #known = new Map<string, AddressRanges>();
  /** All addresses that devices have. */
  readonly devices: AddressRanges;

  constructor({ policy, own, peers, learned = new Map() }: PolicyInput) {
    const behind = peerRanges(peers);
    const remote = unionOf([...behind.values()].flat());
    this.#gateways = [
      {
        ...{ platform: own.platform, attestation: own.attestation },
        ...{ name: thisGateway, labels: policy.labels, ranges: differenceOf(everyAddress, remote) },
      },
      ...peers.map((peer) => ({
        ...peer,
        labels: Object.hasOwn(policy.peerLabels, peer.name) ? (policy.peerLabels[peer.name] ?? []) : [],
        ranges: behind.get(peer.name) ?? [],
      })),
    ];
    this.#gatewayNamed = new Map(this.#gateways.map((gateway) => [gateway.name, gateway]));
    this.#policyDevices = policy.devices;
    this.#devices = new Map(policy.devices.map((device) => [device.name, deviceRanges(device, learned)]));
    this.devices = unionOf([...this.#devices.values()].flat());
    const labelled = new Map<string, AddressRanges[]>();
    const note = (labels: readonly string[], ranges: AddressRanges) => {
      for (const label of labels) {
        const list = labelled.get(label) ?? [];
        labelled.set(label, list);
        list.push(ranges);
      }
    };
    for (const { name, labels = [] } of policy.devices) note(labels, this.#devices.get(name) ?? []);
    for (const { labels, ranges } of this.#gateways) note(labels, ranges);
    for (const [label, ranges] of labelled) this.#labels.set(label, unionOf(ranges.flat()));
  }

  /** The addresses of a device, or undefined where there is none of that name. */
  rangesOfDevice(name: string): AddressRanges | undefined {
    return this.#devices.get(name);
  }

  /** The devices that an address is. */
  devicesAt(place: bigint): readonly Device[] {
    this.#deviceParts ??= partition([...this.#devices.values()]);
    return membersAt(this.#deviceParts, place).flatMap((index) => this.#policyDevices[index] ?? []);
  }

  /** The gateway that an address is behind: a peer's name, or `this`. */
  gatewayAt(place: bigint): string {
    this.#gatewayParts ??= partition(this.#gateways.map(({ ranges }) => ranges));
    const [index = 0] = membersAt(this.#gatewayParts, place);
    return this.#gateways[index]?.name ?? thisGateway;
  }

  /** Labels of a gateway, which everything behind it has too. */
  labelsOf(gateway: string): readonly string[] {
    return this.#gatewayNamed.get(gateway)?.labels ?? [];
  }

  /** The addresses of one side of a rule. */
  rangesOf(side: Side): AddressRanges {
    if (side === 'any') return everyAddress;
    const selectors = selectorsOf(side);
    const text = JSON.stringify(selectors);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const [first] = selectors;
    const ranges =
      selectors.length === 1 && first !== undefined
        ? this.selected(first)
        : unionOf(selectors.flatMap((selector) => this.selected(selector)));
    this.#known.set(text, ranges);
    return ranges;
  }

  /** The addresses of which all holds that the selector says. */
  selected({ device, gateway, labels, platform, attestation, addresses }: Selector): AddressRanges {
    const conditions: AddressRanges[] = [];
    if (device !== undefined) conditions.push(this.#devices.get(device) ?? []);
    for (const label of labels ?? []) conditions.push(this.#labels.get(label) ?? []);
    if (addresses !== undefined) conditions.push(readRanges(addresses));
    if (gateway !== undefined) conditions.push(this.#gatewayNamed.get(gateway)?.ranges ?? []);
    if (platform !== undefined) conditions.push(this.#behind((facts) => facts.platform === platform));
    if (attestation !== undefined)
      conditions.push(this.#behind((facts) => (facts.attestation ?? 'unknown') === attestation));
    const [first = everyAddress, ...rest] = conditions;
    return rest.reduce(intersectionOf, first);
  }

  #behind(fits: (gateway: Gateway) => boolean): AddressRanges {
    return unionOf(this.#gateways.filter(fits).flatMap(({ ranges }) => ranges));
  }
}

function selectorsOf(side: Exclude<Side, 'any'>): readonly Selector[] {
  return Array.isArray(side) ? side : [side as Selector];
}

function deviceRanges(
  { addresses, mac }: Device,
  learned: ReadonlyMap<string, readonly string[]>,
): AddressRanges {
  return readRanges(addresses ?? (mac === undefined ? [] : (learned.get(mac) ?? [])));
}

/** The addresses behind each peer, by its name. Of networks within one another the nearer counts, as for routes. */
function peerRanges(peers: readonly PolicyPeer[]): ReadonlyMap<string, AddressRanges> {
  const networks = peers
    .flatMap(({ name, protectedPrefixes }) =>
      protectedPrefixes
        .map(parseAddressRange)
        .filter((range) => range !== undefined)
        .map((range) => ({ name, ...range, inner: [] as AddressRange[] })),
    )
    .toSorted((left, right) => compare(left.from, right.from) || compare(right.to, left.to));
  // Networks hold one another or have nothing in common, so those around the next one are a stack.
  const around: typeof networks = [];
  for (const network of networks) {
    while (around.length > 0 && (around.at(-1)?.to ?? 0n) < network.from) around.pop();
    around.at(-1)?.inner.push(network);
    around.push(network);
  }
  const owned = new Map<string, AddressRange[]>(peers.map(({ name }) => [name, []]));
  for (const { name, from, to, inner } of networks) {
    owned.get(name)?.push(...differenceOf([{ from, to }], unionOf(inner)));
  }
  return new Map([...owned].map(([name, ranges]) => [name, unionOf(ranges)]));
}

function compare(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function membersAt(parts: readonly Part[], place: bigint): readonly number[] {
  return parts[findRange(parts, place)]?.members ?? [];
}

function readRanges(texts: readonly string[]): AddressRanges {
  return unionOf(texts.map(parseAddressRange).filter((range) => range !== undefined));
}
