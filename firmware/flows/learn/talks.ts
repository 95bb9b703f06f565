import { type AddressRanges, parseAddress, parseAddressRange } from '../../policy/address-line.ts';
import { type CompiledPolicy, compilePolicy } from '../../policy/compile.ts';
import type { Endpoints } from '../../policy/endpoints.ts';
import { evaluate } from '../../policy/evaluate.ts';
import type { PolicyInput } from '../../policy/policy.ts';
import { numberRules } from '../../policy/rule-numbers.ts';
import type { FlowEnd, FlowRecord } from '../flow-record.ts';
import { limits } from './limits.ts';

/** Who sent or received: a device of the settings, or an address that is none's. */
export type LearnedEnd =
  | { readonly kind: 'device'; readonly device: string }
  | { readonly kind: 'address'; readonly address: string; readonly gateway: string };

/** What rules can name of a flow's packets. */
export type LearnedService = { readonly protocol: 'tcp' | 'udp' | 'icmp'; readonly port: number };

/** Why a flow is not learned from. */
export const unlearned = [
  'quarantine',
  'firewall',
  'spoofed',
  'replaced',
  'denied',
  'allowed',
  'staged',
  'protocol',
  'too-many',
] as const;
export type Unlearned = (typeof unlearned)[number];

export type Evidence = {
  readonly flows: number;
  /** Of these, how many no rule let through. */
  readonly denied: number;
  /** Milliseconds since 1970. */
  readonly first: number;
  readonly last: number;
  readonly packets: number;
  readonly bytes: number;
};

/** All flows of one kind: the same ends, the same service. */
export type Talk = Evidence & {
  readonly from: LearnedEnd;
  readonly to: LearnedEnd;
  readonly service: LearnedService;
  /** Of the first flow. */
  readonly example: { readonly from: string; readonly to: string };
};

type Kind = Pick<Talk, 'from' | 'to' | 'service'> & { readonly key: string };

export type Talks = {
  readonly talks: readonly Talk[];
  /** Flows that were left out, by why. */
  readonly left: Readonly<Record<Unlearned, number>>;
};

/**
 * - `undecided`: what no enforced rule decides, but observing rules and the default.
 * - `all`: what enforced and staged rules let through too, to write the policy anew.
 */
export type LearnFrom = 'undecided' | 'all';

/** Takes the flows of a window one by one and keeps what rules would be made of. */
export class TalkCollector {
  readonly #policy: CompiledPolicy | null;
  readonly #endpoints: Endpoints;
  readonly #from: LearnFrom;
  readonly #talks = new Map<string, Talk>();
  readonly #kinds = new Map<string, Kind | Unlearned>();
  readonly #left = Object.fromEntries(unlearned.map((why) => [why, 0])) as Record<Unlearned, number>;

  /** `endpoints` are those of `input`. Schedules do not count: a rule that sleeps has decided all the same. */
  constructor(input: PolicyInput, endpoints: Endpoints, from: LearnFrom) {
    const rules = input.policy.rules.map(({ schedule: _, ...rule }) => rule);
    const numbers = numberRules(
      new Map(),
      rules.map(({ id }) => id),
    ).numbers;
    const compiled = compilePolicy({ ...input, policy: { ...input.policy, rules } }, numbers, 0);
    this.#policy = compiled.ok ? compiled.value : null;
    this.#endpoints = endpoints;
    this.#from = from;
  }

  add(record: FlowRecord): void {
    const kind = this.#kindOf(record);
    if (typeof kind === 'string') {
      this.#left[kind] += 1;
      return;
    }
    const { key, from, to, service } = kind;
    const known = this.#talks.get(key);
    if (known === undefined && this.#talks.size >= limits.talks) {
      this.#left['too-many'] += 1;
      return;
    }
    const { sent, received, verdict } = record;
    const last = record.end ?? record.start;
    this.#talks.set(key, {
      ...{ from, to, service },
      flows: (known?.flows ?? 0) + 1,
      denied: (known?.denied ?? 0) + (verdict === 'deny' ? 1 : 0),
      first: Math.min(known?.first ?? record.start, record.start),
      last: Math.max(known?.last ?? last, last),
      packets: (known?.packets ?? 0) + sent.packets + received.packets,
      bytes: (known?.bytes ?? 0) + sent.bytes + received.bytes,
      example: known?.example ?? { from: record.from.address, to: record.to.address },
    });
  }

  /** In an order that does not depend on that of the flows. */
  finish(): Talks {
    const keys = [...this.#talks.keys()].toSorted();
    return { talks: keys.flatMap((key) => this.#talks.get(key) ?? []), left: this.#left };
  }

  /** Deciding costs far more than remembering, and most flows are like one before. */
  #kindOf(record: FlowRecord): Kind | Unlearned {
    const { from, to, protocol, port, reason, verdict } = record;
    const text = JSON.stringify([
      from.address,
      to.address,
      from.devices,
      to.devices,
      protocol,
      port,
      reason,
      verdict,
    ]);
    const known = this.#kinds.get(text);
    if (known !== undefined) return known;
    const kind = this.#decide(record);
    if (this.#kinds.size < limits.talks) this.#kinds.set(text, kind);
    return kind;
  }

  #decide(record: FlowRecord): Kind | Unlearned {
    const why = this.#refusal(record);
    const service = serviceOf(record);
    if (why !== null || service === null) return why ?? 'protocol';
    const [from, to] = [this.#endOf(record.from), this.#endOf(record.to)];
    const key = `${endKey(from)} ${endKey(to)} ${service.protocol} ${service.port}`;
    return { key, from, to, service };
  }

  #refusal(record: FlowRecord): Unlearned | null {
    const { reason } = record;
    if (reason !== 'rule' && reason !== 'observed' && reason !== 'default') return reason;
    const service = serviceOf(record);
    const [source, destination] = [parseAddress(record.from.address), parseAddress(record.to.address)];
    if (service === null || source === undefined || destination === undefined) return 'protocol';
    if (reason === 'rule' && record.verdict === 'deny') return 'denied';
    if (this.#policy === null) return null;
    const local = { source: false, destination: false };
    const { verdict, match, staged } = evaluate(this.#policy, { source, destination, ...service, local });
    // No rule that allows would help.
    if (verdict === 'deny' && match !== null) return 'denied';
    if (this.#from === 'all') return null;
    if (match?.category === 'allow') return 'allowed';
    return staged?.category === 'staged-allow' ? 'staged' : null;
  }

  /** As it was known then, if the settings still know it; else as they know the address now. */
  #endOf({ address, devices }: FlowEnd): LearnedEnd {
    const place = parseAddress(address) ?? 0n;
    const still = devices.filter((name) => this.#endpoints.rangesOfDevice(name) !== undefined);
    const names = still.length > 0 ? still : this.#endpoints.devicesAt(place).map(({ name }) => name);
    // The nearest: a device may be a network that others are in.
    const [device] = names.toSorted(
      (left, right) => this.#compareSizes(left, right) || (left < right ? -1 : 1),
    );
    if (device !== undefined) return { kind: 'device', device };
    return { kind: 'address', address, gateway: this.#endpoints.gatewayAt(place) };
  }

  #compareSizes(left: string, right: string): number {
    const difference = this.#sizeOf(left) - this.#sizeOf(right);
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }

  #sizeOf(device: string): bigint {
    const ranges = this.#endpoints.rangesOfDevice(device) ?? [];
    return ranges.reduce((sum, { from, to }) => sum + to - from + 1n, 0n);
  }
}

/** The same for the same end, and different for others. */
export function endKey(end: LearnedEnd): string {
  return end.kind === 'device' ? `device ${JSON.stringify(end.device)}` : `address ${end.address}`;
}

/** The addresses that rules mean when they name it. */
export function rangesOfEnd(end: LearnedEnd, endpoints: Endpoints): AddressRanges {
  if (end.kind === 'device') return endpoints.rangesOfDevice(end.device) ?? [];
  const range = parseAddressRange(end.address);
  return range === undefined ? [] : [range];
}

function serviceOf({ protocol, port }: FlowRecord): LearnedService | null {
  if (protocol === 'tcp' || protocol === 'udp') return { protocol, port };
  return protocol === 'icmp' ? { protocol, port: 0 } : null;
}
