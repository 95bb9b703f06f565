import type { limits } from './limits.ts';
import type { OwnServiceMode } from './own-services.ts';

export const protocols = ['any', 'tcp', 'udp', 'icmp'] as const;
export type Protocol = (typeof protocols)[number];

/** The days of a schedule in the order of the week. */
export const weekDays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type WeekDay = (typeof weekDays)[number];

export const verdictsOfAttestation = ['passed', 'failed', 'unknown'] as const;
export type AttestationVerdict = (typeof verdictsOfAttestation)[number];

/** How the settings call the gateway that reads them. */
export const thisGateway = 'this';

/** All of what is given must hold; of a list one suffices, except of `labels`, which must all be there. */
export type Selector = {
  readonly device?: string | undefined;
  /** A peer's name, or `this`. */
  readonly gateway?: string | undefined;
  readonly labels?: readonly string[] | undefined;
  /** Of the gateway that the address is behind. */
  readonly platform?: string | undefined;
  readonly attestation?: AttestationVerdict | undefined;
  /** Addresses and networks, IPv4 or IPv6. */
  readonly addresses?: readonly string[] | undefined;
  /** What the gateway itself serves (own-services.ts). Stands alone, as a rule's object; `any` does not mean it. */
  readonly own?: true | undefined;
};

/** One side of a rule: one of the selectors suffices. */
export type Side = 'any' | Selector | readonly Selector[];

export type Service = {
  readonly protocol: Protocol;
  /** Destination ports, `443` or `"8000-8099"`; of TCP and UDP alone. All where they are not given. */
  readonly ports?: readonly (number | string)[] | undefined;
};

/** Whether a rule speaks of what the gateway itself serves. */
export function speaksOfOwn({ object }: Pick<Rule, 'object'>): boolean {
  return object !== 'any' && !Array.isArray(object) && (object as Selector).own === true;
}

/** When a rule counts, in UTC. Where `to` is not after `from`, it lasts into the next day. */
export type Schedule = {
  readonly days?: readonly WeekDay[] | undefined;
  /** `HH:MM`; `to` may be `24:00`. */
  readonly from: string;
  readonly to: string;
};

/**
 * - `enforce`: the rule decides.
 * - `staged`: nothing changes; what the rule would decide is counted and recorded.
 * - `observe`: lets through what no enforced rule decides, and the records of it say so: to learn from.
 */
export const ruleModes = ['enforce', 'staged', 'observe'] as const;
export type RuleMode = (typeof ruleModes)[number];

export type Rule = {
  readonly id: string;
  readonly subject: Side;
  readonly verb: 'allow' | 'deny';
  readonly object: Side;
  /** `any` where it is not given. */
  readonly services?: 'any' | readonly Service[] | undefined;
  readonly schedule?: Schedule | undefined;
  /** `enforce` where it is not given. */
  readonly mode?: RuleMode | undefined;
  /** Whether denied packets are recorded, as they are unless told otherwise. */
  readonly log?: boolean | undefined;
};

export type Device = {
  readonly name: string;
  /** Wherever it is: which gateway it is behind follows from the peers' prefixes. */
  readonly addresses?: readonly string[] | undefined;
  /**
   * `00:11:22:33:44:55`. Nobody else on this gateway's LAN may speak from the device's addresses; where it has none, they
   * are those that this MAC is seen with.
   */
  readonly mac?: string | undefined;
  readonly labels?: readonly string[] | undefined;
};

/** The section `policy` of the settings. At most {@link limits} of each. */
export type Policy = {
  /** Labels of this gateway, and so of everything behind it. */
  readonly labels: readonly string[];
  /** Labels of peers by name, and so of everything behind them. */
  readonly peerLabels: Readonly<Record<string, readonly string[]>>;
  readonly devices: readonly Device[];
  readonly rules: readonly Rule[];
  /** What becomes of a device on this gateway's LAN that `devices` does not name: no rule lets it through, or rules do. */
  readonly unknownDevices: 'quarantine' | 'permitted';
  /** Who may use what the gateway itself serves; `accepted` where it is not given. */
  readonly ownServices?: OwnServiceMode | undefined;
};

/** What is known of a gateway besides its settings. */
export type GatewayFacts = {
  readonly platform?: string | undefined;
  readonly attestation?: AttestationVerdict | undefined;
};

/** A peer as far as the policy is concerned. */
export type PolicyPeer = GatewayFacts & {
  readonly name: string;
  readonly hit: string;
  /** Networks, the nearer of two that overlap being whose address it is. */
  readonly protectedPrefixes: readonly string[];
};

/** All that a compiled policy depends on, but for the time. */
export type PolicyInput = {
  readonly policy: Policy;
  readonly own: GatewayFacts;
  /** Addresses on the LAN that MACs are seen with. */
  readonly learned?: ReadonlyMap<string, readonly string[]>;
  readonly peers: readonly PolicyPeer[];
};
