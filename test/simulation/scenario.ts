/** A run as data: the network, and what happens to it when. Plain JSON, so that a failure can be kept and run again. */
export type Scenario = {
  readonly seed: number;
  readonly gateways: readonly GatewayPlan[];
  readonly nats: readonly NatPlan[];
  readonly pairs: readonly PairPlan[];
  /** When ESP keys are replaced. */
  readonly rekey: { readonly seconds: number; readonly mebibytes: number };
  /** Before `healAt`, in any order. */
  readonly events: readonly PlannedEvent[];
  /** Milliseconds between two packets of a flow; every pair has a flow in each direction. */
  readonly trafficMs: number;
  /** From here on nothing is lost, nobody attacks, and every machine is up. */
  readonly healAt: number;
};

export type GatewayPlan = {
  readonly name: string;
  /** Most preferred first; private ones behind a NAT. */
  readonly addresses: readonly string[];
  /** The NAT that it is behind, or null. */
  readonly behind: string | null;
  /** Whether peers know it by name, which follows its addresses after a while, and not by its first address. */
  readonly hasName: boolean;
  readonly link: LinkConditions;
  /** The longest that a signature and a command take, in milliseconds. */
  readonly longestSignatureMs: number;
  readonly longestCommandMs: number;
};

/** Two gateways that are each other's peers, and how their settings have it. */
export type PairPlan = {
  readonly ends: readonly [string, string];
  readonly connect: 'always' | 'on-demand';
  readonly framing: 'udp' | 'raw';
};

export type LinkConditions = {
  /** Probabilities a packet. */
  readonly loss: number;
  readonly duplication: number;
  readonly latencyMs: number;
  /** A packet takes up to this longer, so that packets overtake each other. */
  readonly jitterMs: number;
};

export type NatPlan = {
  readonly name: string;
  readonly address: string;
  /** RFC 4787 §4.1 and §5: whether another destination gets another outer port, and who may answer. */
  readonly mapping: 'endpoint-independent' | 'endpoint-dependent';
  readonly filtering: 'endpoint-independent' | 'endpoint-dependent';
  readonly timeoutMs: number;
  /** The gateway that UDP 10500 is forwarded to, or null. */
  readonly forwardsTo: string | null;
  readonly link: LinkConditions;
};

export type AttackKind =
  /** Recorded datagrams, to where they went, as from where they came. */
  | 'replay'
  /** Recorded datagrams, from an address of the attacker's own. */
  | 'readdress'
  /** Recorded datagrams, back to their sender. */
  | 'reflect'
  /** Recorded datagrams, to another gateway. */
  | 'misdeliver'
  /** Recorded datagrams with octets changed, cut off or added. */
  | 'mutate'
  /** I1s of a peer's HIT from ever other addresses. */
  | 'flood-i1'
  /** Recorded I2s with another solution, from ever other addresses. */
  | 'flood-i2'
  /** ESP of an SPI that was seen, under a key of the attacker's. */
  | 'forge-esp';

export type PlannedEvent = { readonly at: number } & (
  | { readonly type: 'crash'; readonly gateway: string; readonly downMs: number }
  /** The runtime alone ends and starts again; the kernel keeps what it has. */
  | { readonly type: 'restart'; readonly gateway: string; readonly downMs: number }
  | { readonly type: 'sleep'; readonly gateway: string; readonly forMs: number }
  | { readonly type: 'readdress'; readonly gateway: string; readonly addresses: readonly string[] }
  | { readonly type: 'link'; readonly of: string; readonly link: LinkConditions }
  /** Cuts these from all the others. */
  | { readonly type: 'partition'; readonly of: readonly string[]; readonly forMs: number }
  /** A NAT forgets its mappings, and has another outer address if one is given. */
  | { readonly type: 'rebind'; readonly nat: string; readonly address?: string }
  /** The settings lose a peer for a while. */
  | { readonly type: 'unpair'; readonly gateway: string; readonly peer: string; readonly forMs: number }
  | { readonly type: 'attack'; readonly kind: AttackKind; readonly count: number; readonly overMs: number }
  /**
   * An engine that plays another gateway exchanges with a victim. It `intercepts` when it gets what is meant for whom it
   * plays. What it has: nothing but the other's public key; signed R1s, too, whose Diffie-Hellman value it knows; or a
   * host identity of its own under the other's HIT.
   */
  | {
      readonly type: 'impostor';
      readonly plays: string;
      readonly victim: string;
      readonly intercepts: boolean;
      readonly has: 'public-key' | 'signed-r1s' | 'own-key';
      readonly forMs: number;
    }
);

/** What a run found out. */
export type Outcome = {
  /** The first thing that must not happen, or null. */
  readonly fault: Fault | null;
  /** When every pair carried again after healing, in milliseconds from then; null where that never came. */
  readonly convergedMs: number | null;
  readonly counts: Counts;
};

export type Fault = { readonly at: number; readonly invariant: string; readonly detail: string };

/** How much happened: a simulation in which nothing does would find nothing. */
export type Counts = {
  associations: number;
  datagrams: number;
  sent: number;
  delivered: number;
  /** ESP that a kernel refused: no such SPI, another key, or seen before. */
  refused: number;
  hostile: number;
};
