import type { AttestationVerdict } from '../policy/policy.ts';

/** One end of a flow, as it was known when the flow began. */
export type FlowEnd = {
  readonly address: string;
  /** Names of the devices that the settings know by this address. */
  readonly devices: readonly string[];
  /** `this`, the name of the peer that it is behind, or null where it is behind none. */
  readonly gateway: string | null;
  readonly labels: readonly string[];
  readonly platform?: string | undefined;
  readonly attestation?: AttestationVerdict | undefined;
};

/**
 * - `outbound`: from this gateway's networks to a peer.
 * - `inbound`: from a peer to this gateway's networks.
 * - `local`: between this gateway's networks, and to and from the box itself.
 * - `internet`: to or from the underlay.
 */
export const flowDirections = ['outbound', 'inbound', 'local', 'internet'] as const;
export type FlowDirection = (typeof flowDirections)[number];

/**
 * Why a flow has its verdict. `rule`: an enforced rule says so. `observed`: only a rule that observes lets it through.
 * `default`: no rule lets it through. `quarantine`: its device has not been accepted. `spoofed`: from a device's
 * address, and not from its MAC. `replaced`: a new policy denies what an older one let through, and it was cut.
 * `firewall`: rules are not asked: what the gateway itself serves and sends, and its hosts' way to the underlay.
 */
export const flowReasons = [
  ...(['rule', 'observed', 'default', 'quarantine', 'spoofed', 'replaced', 'firewall'] as const),
] as const;
export type FlowReason = (typeof flowReasons)[number];

export type FlowCount = { readonly packets: number; readonly bytes: number };

/**
 * What went between two ends by one protocol and to one port: a connection, or denied packets of the same kind within
 * some seconds. A connection that lasts is recorded in pieces, each of which begins where the one before ended and has
 * its own counts, so that sums are right and what never ends is seen. Of denied packets the kernel tells at most some
 * hundred a second, so their counts are the least that there were.
 */
export type FlowRecord = {
  /** Milliseconds since 1970. */
  readonly start: number;
  /** Milliseconds since 1970; null as long as it lives. */
  readonly end: number | null;
  readonly from: FlowEnd;
  readonly to: FlowEnd;
  /** `tcp`, `udp`, `icmp` (ICMPv6 too), or the number of another protocol. */
  readonly protocol: string;
  /** The destination's; 0 where the protocol has none. */
  readonly port: number;
  readonly direction: FlowDirection;
  readonly verdict: 'allow' | 'deny';
  /** Id of the rule that decided; null where none did. */
  readonly rule: string | null;
  readonly reason: FlowReason;
  /** Id of the staged rule that would decide otherwise, and what it would say. */
  readonly staged: { readonly rule: string; readonly verdict: 'allow' | 'deny' } | null;
  readonly sent: FlowCount;
  /** Back to where it began; nothing where it was denied. */
  readonly received: FlowCount;
};
