import { type AddressRanges, findRange, parseAddress } from '../policy/address-line.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { evaluate } from '../policy/evaluate.ts';
import { flowMarks } from '../policy/flow-marks.ts';
import { type PolicyInput, thisGateway } from '../policy/policy.ts';
import type { FlowDirection, FlowEnd, FlowRecord } from './flow-record.ts';
import { limits } from './limits.ts';

/** A policy as it came in force, with what its connections are told by. */
export type KnownPolicy = {
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly input: PolicyInput;
  readonly compiled: CompiledPolicy;
  /** Addresses of this gateway's hosts: its networks, and those behind routers in them. */
  readonly networks: AddressRanges;
  /** The gateway's own addresses in those networks. */
  readonly own: readonly string[];
};

/** A connection by its ends, as far as it takes to tell who they are. */
export type Ends = {
  readonly from: string;
  readonly to: string;
  /** IANA's number. */
  readonly protocol: number;
  readonly port: number;
};

type KnownEnd = { readonly place: bigint; readonly end: FlowEnd; readonly isOwn: boolean };

const protocolNames = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [1, 'icmp'],
  [58, 'icmp'],
] as const);

/** Tells by one policy who the ends of flows are and which rules speak of them. */
export class Attribution {
  readonly since: number;
  readonly #known: Pick<KnownPolicy, 'networks'> & Pick<CompiledPolicy, 'endpoints'>;
  readonly #rules: ReadonlyMap<number, { readonly id: string; readonly observes: boolean }>;
  readonly #facts: ReadonlyMap<string | null, Pick<FlowEnd, 'platform' | 'attestation'>>;
  readonly #own: ReadonlySet<string>;
  /** Kept only where a staged rule is to be asked, since a large policy takes megabytes. */
  readonly #staged: CompiledPolicy | null;
  readonly #ends = new Map<string, KnownEnd>();

  constructor({ since, input, compiled, networks, own }: KnownPolicy) {
    this.since = since;
    this.#known = { networks, endpoints: compiled.endpoints };
    const observing = new Set(input.policy.rules.flatMap(({ id, mode }) => (mode === 'observe' ? [id] : [])));
    this.#rules = new Map(
      [...compiled.numbers].map(([id, number]) => [number, { id, observes: observing.has(id) }]),
    );
    const factsOf = ({ platform, attestation }: PolicyInput['own']) => ({
      ...(platform === undefined ? {} : { platform }),
      ...(attestation === undefined ? {} : { attestation }),
    });
    this.#facts = new Map([
      [thisGateway, factsOf(input.own)],
      ...input.peers.map((peer) => [peer.name, factsOf(peer)] as const),
    ]);
    this.#own = new Set(own);
    this.#staged = compiled.tables.some(({ category }) => category.includes('staged')) ? compiled : null;
  }

  /** The rule that a mark names. */
  ruleOf(mark: number): { readonly id: string; readonly observes: boolean } | undefined {
    return this.#rules.get((mark & flowMarks.ruleMask) >>> 0);
  }

  /** `isOwn`: an end is the gateway itself. */
  describe(ends: Ends): Pick<FlowRecord, 'from' | 'to' | 'protocol' | 'port' | 'direction' | 'staged'> & {
    readonly isOwn: boolean;
  } {
    const [from, to] = [this.#endOf(ends.from), this.#endOf(ends.to)];
    return {
      ...{ from: from.end, to: to.end, port: ends.port },
      protocol: protocolNames.get(ends.protocol as 6) ?? String(ends.protocol),
      direction: directionOf(from.end, to.end),
      staged: this.#stagedOf(from, to, ends),
      isOwn: from.isOwn || to.isOwn,
    };
  }

  #endOf(address: string): KnownEnd {
    const known = this.#ends.get(address);
    if (known !== undefined) return known;
    if (this.#ends.size >= limits.ends) this.#ends.clear();
    const found = this.#lookUp(address);
    this.#ends.set(address, found);
    return found;
  }

  #lookUp(address: string): KnownEnd {
    const { endpoints, networks } = this.#known;
    const place = parseAddress(address) ?? 0n;
    const devices = endpoints.devicesAt(place);
    const behind = endpoints.gatewayAt(place);
    const isHere = behind !== thisGateway || devices.length > 0 || findRange(networks, place) >= 0;
    const gateway = isHere ? behind : null;
    const labels = [
      ...devices.flatMap((device) => device.labels ?? []),
      ...(gateway === null ? [] : endpoints.labelsOf(gateway)),
    ];
    const end: FlowEnd = {
      address,
      devices: devices.map(({ name }) => name),
      gateway,
      labels: [...new Set(labels)],
      ...(gateway === null ? {} : this.#facts.get(gateway)),
    };
    return { place, end, isOwn: this.#own.has(address) };
  }

  /** What a staged rule would do: the kernel logs it too, though not more often than its rate. */
  #stagedOf(from: KnownEnd, to: KnownEnd, { protocol, port }: Ends): FlowRecord['staged'] {
    if (this.#staged === null) return null;
    const { staged } = evaluate(this.#staged, {
      ...{ source: from.place, destination: to.place, port },
      protocol: protocolNames.get(protocol as 6) ?? 'other',
      local: { source: from.end.gateway === thisGateway, destination: to.end.gateway === thisGateway },
      own: to.isOwn,
    });
    const rule = staged === null ? undefined : this.ruleOf(staged.rule);
    if (staged === null || rule === undefined) return null;
    return { rule: rule.id, verdict: staged.category.endsWith('deny') ? 'deny' : 'allow' };
  }
}

function directionOf(from: FlowEnd, to: FlowEnd): FlowDirection {
  if (from.gateway === null || to.gateway === null) return 'internet';
  if (from.gateway !== thisGateway) return 'inbound';
  return to.gateway === thisGateway ? 'local' : 'outbound';
}
