import {
  type AddressRanges,
  findRange,
  formatAddress,
  formatRange,
  parseAddress,
  parseAddressRange,
} from './address-line.ts';
import type { Classes, Layer } from './classes.ts';
import type { CompiledPolicy } from './compile.ts';
import { type Decision, evaluate, type Match } from './evaluate.ts';
import { type PolicyInput, type Rule, thisGateway } from './policy.ts';
import { ruleOfMark } from './rule-numbers.ts';
import { isActive, type MinuteOfWeek } from './schedule.ts';
import { type ServiceProtocol, servicePlaces } from './services.ts';

/** Ends are devices or peers by name, HITs of peers, addresses, or `this`, the gateway itself. The port is the destination's, 0 where there is none. */
export type ExplainQuery = {
  readonly from: string;
  readonly to: string;
  readonly protocol: ServiceProtocol;
  readonly port: number;
};

export type ExplainedEnd = {
  readonly given: string;
  readonly address: string;
  readonly devices: readonly string[];
  /** `this`, or the peer that it is behind. */
  readonly gateway: string;
  readonly hit: string | null;
  readonly labels: readonly string[];
  /** The gateway itself. */
  readonly own: boolean;
};

/** A part of the key that was looked up: `any` has no class, class 0 is in no set. */
type ExplainedClass = { readonly layer: Layer; readonly class: number; readonly set: readonly string[] };

export type ExplainedRule = { readonly id: string; readonly verb: Rule['verb']; readonly mode: string };

export type Explanation = {
  readonly from: ExplainedEnd;
  readonly to: ExplainedEnd;
  readonly protocol: ServiceProtocol;
  readonly port: number;
  readonly verdict: 'allow' | 'deny';
  /**
   * `not-forwarded`: both ends are behind peers, or the gateway itself begins it: no rule speaks of that. `switched`: both
   * are on one LAN whose ports are not kept apart.
   */
  readonly reason: Decision['reason'] | 'not-forwarded' | 'switched';
  readonly rule: ExplainedRule | null;
  /** The entry that decided: its table and the sets of addresses and services whose classes are its key. */
  readonly matched: {
    readonly table: string;
    readonly source: ExplainedClass;
    readonly destination: ExplainedClass;
    readonly service: ExplainedClass;
  } | null;
  /** The staged rule that speaks of it, which changes nothing. */
  readonly staged: ExplainedRule | null;
  /** What each gateway on the way says. A peer decides by its own rules, which this one does not have. */
  readonly ends: readonly {
    readonly gateway: string;
    readonly hit: string | null;
    readonly verdict: 'allow' | 'deny' | 'not known';
  }[];
};

export type ExplainResult =
  | { readonly ok: true; readonly value: Explanation }
  | { readonly ok: false; readonly problem: string };

/** A network of this gateway's hosts. */
export type ExplainedLan = {
  readonly ranges: AddressRanges;
  /** Whether the policy decides between its ports. */
  readonly isApart: boolean;
  /** Whether the gateway tells it the time. */
  readonly servesTime?: boolean;
  /** The gateway's own addresses there. */
  readonly own: AddressRanges;
};

type Known = {
  readonly input: PolicyInput;
  readonly compiled: CompiledPolicy;
  readonly lans: readonly ExplainedLan[];
};

/** How many ranges of a set are named: a person reads no more. */
const rangesNamed = 8;

/** Why a connection would be let through or not. */
export function explain(known: Known, { from, to, protocol, port }: ExplainQuery): ExplainResult {
  const { input, compiled, lans } = known;
  const [froms, tos] = [placesOf(known, from), placesOf(known, to)];
  for (const [given, found] of [
    [from, froms],
    [to, tos],
  ] as const)
    if (found.length === 0)
      return { ok: false, problem: `${given} is no address, device or peer of which an address is known` };
  const pair = froms
    .flatMap((source) => tos.map((destination) => ({ source, destination })))
    .find(({ source, destination }) => isIpv4(source) === isIpv4(destination));
  if (pair === undefined) return { ok: false, problem: `${from} and ${to} have no addresses of one family` };
  const { source, destination } = pair;
  const ends = {
    from: describeEnd(known, from, source),
    to: describeEnd(known, to, destination),
  };
  const remote = { source: ends.from.gateway !== thisGateway, destination: ends.to.gateway !== thisGateway };
  const lanOf = (place: bigint) => lans.findIndex(({ ranges }) => findRange(ranges, place) >= 0);
  const local = {
    source: !remote.source && lanOf(source) >= 0,
    destination: !remote.destination && lanOf(destination) >= 0,
  };
  const decision = evaluate(compiled, {
    ...{ source, destination, protocol, port, local },
    own: ends.to.own,
    servesTime: lans[lanOf(source)]?.servesTime ?? false,
  });
  const undecided = ends.from.own
    ? 'not-forwarded'
    : ends.to.own
      ? null
      : remote.source && remote.destination
        ? 'not-forwarded'
        : local.source && lanOf(source) === lanOf(destination) && !lans[lanOf(source)]?.isApart
          ? 'switched'
          : null;
  const verdict = undecided === null ? decision.verdict : undecided === 'switched' ? 'allow' : 'deny';
  const peerEnd = [ends.from, ends.to].find(({ gateway }) => gateway !== thisGateway);
  const ruleOf = (match: Match | null) => (match === null ? null : describeRule(input, compiled, match));
  return {
    ok: true,
    value: {
      ...ends,
      ...{ protocol, port, verdict },
      reason: undecided ?? decision.reason,
      rule: undecided === null ? ruleOf(decision.match) : null,
      matched: undecided === null && decision.match !== null ? describeMatch(compiled, decision.match) : null,
      staged: undecided === null ? ruleOf(decision.staged) : null,
      ends: [
        { gateway: thisGateway, hit: null, verdict },
        ...(peerEnd === undefined
          ? []
          : [{ gateway: peerEnd.gateway, hit: peerEnd.hit, verdict: 'not known' as const }]),
      ],
    },
  };
}

/** One sentence for a person. */
export function sayWhy(
  { verdict, reason, rule, staged, to, from }: Explanation,
  rules: readonly Rule[],
  now: MinuteOfWeek,
): string {
  const asleep = rules.filter((other) => !isActive(other, now)).length;
  const later = asleep === 0 ? '' : ` Rules outside their schedules now: ${asleep}.`;
  const pending = staged === null ? '' : ` The staged rule ${staged.id} would ${staged.verb} it.`;
  switch (reason) {
    case 'rule':
      return `${verdict === 'allow' ? 'Allowed' : 'Denied'} by rule ${rule?.id ?? ''}${rule?.mode === 'observe' ? ', which only observes' : ''}.${pending}`;
    case 'default':
      return `Denied: no rule allows it.${pending}${later}`;
    case 'quarantine': {
      const unknown = [from, to].filter(
        ({ gateway, devices, own }) => gateway === thisGateway && devices.length === 0 && !own,
      );
      const who = unknown.map(({ address }) => address).join(' and ');
      return `Denied: ${who} is in quarantine, since policy.devices has no device with this address.`;
    }
    case 'served':
      return `Allowed: the gateway serves it to its hosts, and no rule denies it.${pending}${later}`;
    case 'not-served':
      return `Denied: the gateway serves nothing there.${pending}`;
    case 'switched':
      return 'Nothing is denied between these two: they are on one LAN, whose ports are as those of a switch (segmentation "none").';
    case 'not-forwarded':
      return from.gateway === thisGateway
        ? 'No rule speaks of what the gateway itself begins.'
        : 'This gateway carries nothing between these two: both are behind peers.';
  }
}

const ipv4Start = parseAddress('0.0.0.0') ?? 0n;

function isIpv4(place: bigint): boolean {
  return place >= ipv4Start;
}

/** First addresses of what a text names: the gateway itself, a device, a peer, or an address. */
function placesOf({ input: { peers }, compiled, lans }: Known, text: string): readonly bigint[] {
  if (text === thisGateway) return lans.flatMap(({ own }) => own.map(({ from }) => from));
  const { endpoints } = compiled;
  const device = endpoints.rangesOfDevice(text);
  if (device !== undefined) return device.map(({ from }) => from);
  const place = parseAddress(text);
  // Only what is a host identity tag (RFC 7343 §6) is worth reading all peers' for.
  const isTag = place !== undefined && place >> 100n === 0x200_1002n;
  const peer = peers.find(({ name, hit }) => name === text || (isTag && parseAddress(hit) === place));
  if (peer === undefined) return place === undefined ? [] : [place];
  return peer.protectedPrefixes
    .map(parseAddressRange)
    .filter((range) => range !== undefined)
    .map(({ from }) => from);
}

function describeEnd(
  { input: { peers }, compiled, lans }: Known,
  given: string,
  place: bigint,
): ExplainedEnd {
  const { endpoints } = compiled;
  const gateway = endpoints.gatewayAt(place);
  const devices = endpoints.devicesAt(place);
  const labels = [...devices.flatMap((device) => device.labels ?? []), ...endpoints.labelsOf(gateway)];
  return {
    given,
    address: formatAddress(place),
    devices: devices.map(({ name }) => name),
    gateway,
    hit: peers.find(({ name }) => name === gateway)?.hit ?? null,
    labels: [...new Set(labels)],
    own: lans.some(({ own }) => findRange(own, place) >= 0),
  };
}

function describeRule(
  { policy }: PolicyInput,
  { numbers }: CompiledPolicy,
  match: Match,
): ExplainedRule | null {
  const rule = policy.rules.find(({ id }) => id === ruleOfMark(numbers, match.rule));
  return rule === undefined ? null : { id: rule.id, verb: rule.verb, mode: rule.mode ?? 'enforce' };
}

function describeMatch(
  { sources, destinations, services }: CompiledPolicy,
  { category, classes }: Match,
): Explanation['matched'] {
  const part = (
    from: Classes,
    { layer, class: number }: Match['classes']['source'],
    isService: boolean,
  ): ExplainedClass => ({
    ...{ layer, class: number },
    set:
      layer === 'any'
        ? ['any']
        : from.ranges[layer]
            .filter((range) => range.class === number)
            .slice(0, rangesNamed)
            .map((range) => (isService ? formatService(range) : formatRange(range))),
  });
  return {
    table: [category, ...Object.values(classes).map(({ layer }) => layer)].join(' '),
    source: part(sources, classes.source, false),
    destination: part(destinations, classes.destination, false),
    service: part(services, classes.service, true),
  };
}

function formatService({ from, to }: { readonly from: bigint; readonly to: bigint }): string {
  const [first, last] = [Number(from & 0xffffn), Number(to & 0xffffn)];
  const protocol = servicePlaces[Number(from >> 16n)] ?? 'other';
  if (protocol === 'icmp') return protocol;
  return `${protocol} ${first === last ? first : `${first}-${last}`}`;
}
