import type { Association, ClosedAssociation, InitiatorExchange } from './association-contents.ts';
import type { HipCrypto } from './crypto-port.ts';
import type { HostIdentityTag } from './host-identity-tag.ts';
import type { EspKeys } from './key-material.ts';
import type { Locator } from './locator.ts';
import type { OwnIdentity } from './own-identity.ts';
import type { Packet } from './packet.ts';
import type { Parameter } from './parameter-fields.ts';
import type { RecognisedSolution, Responder } from './responder.ts';
import type { EspSuite, Offers } from './suites.ts';

/** What the machine is given besides its input: who both ends are, and the ports it uses. */
export type AssociationContext = {
  readonly crypto: HipCrypto;
  readonly own: OwnIdentity;
  readonly peer: HostIdentityTag;
  readonly responder: Pick<Responder, 'recognise'>;
  /** The same that the responder has. `defaultOffers` where there is none. */
  readonly offers?: Offers;
  /** An SPI that no other security association of this host receives on: see `localSpis`. */
  newSpi(): number;
  /** Milliseconds after which ESP keys are replaced, less up to a tenth at random. `limits.rekeyMs` where there is none. */
  readonly rekeyMs?: number;
};

/** A packet of ours that waits for the host identity's signature. */
type Unsigned = {
  /** What is to be signed. */
  readonly message: Uint8Array;
  /** The packet up to where HIP_SIGNATURE goes. */
  readonly unsigned: Uint8Array;
};

/** A message whose signature changes the state. There is one at a time. */
export type Pending = Unsigned &
  (
    | {
        readonly kind: 'I2';
        readonly exchange: InitiatorExchange;
        readonly unsignedEchoes: readonly Parameter[];
      }
    | { readonly kind: 'R2'; readonly association: Association; readonly i2: Uint8Array }
    | { readonly kind: 'CLOSE'; readonly echo: Uint8Array }
    | { readonly kind: 'CLOSE_ACK'; readonly to: Locator }
  );

/** A message that goes out beside whatever else happens. */
export type Draft = Unsigned & { readonly to: Locator } & (
    | {
        readonly kind: 'UPDATE';
        /** The Update ID of ours in it, where it has one. */
        readonly updateId?: number;
        /** The peer's Update ID that it acknowledges. */
        readonly answers?: number;
      }
    | { readonly kind: 'NOTIFY' }
    | { readonly kind: 'keepalive' }
  );

type Common = {
  /** Exchanges that failed in a row. */
  readonly failures: number;
  readonly pending?: Pending;
  readonly drafts?: readonly Draft[];
  /** The R1 generation counter of the peer's last exchange: smaller ones are old R1s (RFC 7401 §4.1.4). */
  readonly r1Counter?: bigint;
  /** When an I1 last followed a sign of the peer from somewhere, and when a NOTIFY last told it of an error. */
  readonly hintedAt?: number;
  readonly notifiedAt?: number;
};

/** The states of RFC 7401 §4.4.2. `deadline` is when the runner must bring a `timeout`, in its milliseconds. */
export type AssociationState = Common &
  (
    | { readonly name: 'UNASSOCIATED' }
    | {
        readonly name: 'I1-SENT';
        readonly to: Locator;
        readonly transmissions: number;
        readonly deadline: number;
      }
    | {
        readonly name: 'I2-SENT';
        readonly exchange: InitiatorExchange;
        readonly i2: Uint8Array;
        readonly transmissions: number;
        readonly deadline: number;
      }
    | { readonly name: 'R2-SENT'; readonly association: Association; readonly deadline: number }
    | { readonly name: 'ESTABLISHED'; readonly association: Association; readonly deadline: number }
    | {
        readonly name: 'CLOSING';
        readonly association: ClosedAssociation;
        readonly close: Uint8Array;
        readonly echo: Uint8Array;
        readonly transmissions: number;
        readonly deadline: number;
      }
    | {
        readonly name: 'CLOSED';
        readonly association: ClosedAssociation;
        /** The CLOSE that we sent too, when both closed at once. */
        readonly echo?: Uint8Array;
        /** Whether an I1 was sent from here, so that an R1 is expected (RFC 7401 §4.4.3, table 8). */
        readonly reconnecting: boolean;
        readonly deadline: number;
      }
    | { readonly name: 'E-FAILED'; readonly reason: string; readonly deadline: number }
  );

export type StateName = AssociationState['name'];

export type AssociationInput =
  /** Traffic or settings want an association with this peer at this locator. */
  | { readonly type: 'connect'; readonly to: Locator }
  | { readonly type: 'packet'; readonly packet: Packet; readonly from: Locator }
  | { readonly type: 'signed'; readonly message: Uint8Array; readonly signature: Uint8Array }
  | { readonly type: 'sign-failed'; readonly message: Uint8Array }
  | { readonly type: 'timeout' }
  /**
   * New ESP keys are wanted before the machine's own time for them: the kernel's soft limit of octets, packets or
   * sequence numbers.
   */
  | { readonly type: 'rekey' }
  /**
   * This host's underlay addresses towards this peer, as canonical text, the one to be used first. `moved` says that
   * the security associations' own address is no longer that one, so that they have to be replaced.
   */
  | { readonly type: 'own-addresses'; readonly addresses: readonly string[]; readonly moved: boolean }
  /** ESP that was authentic and new came from another outer address or port: the kernel's mapping event. */
  | { readonly type: 'mapping'; readonly from: Locator }
  /** Whether ESP was sent to this peer and received from it since the last such input; some seconds apart. */
  | { readonly type: 'traffic'; readonly sent: boolean; readonly received: boolean }
  /** End the association and tell the peer. */
  | { readonly type: 'close' }
  /** End it without a word: the peer cannot be told, or a new exchange follows at once. */
  | { readonly type: 'abandon' };

export type InboundSecurityAssociation = {
  readonly spi: number;
  readonly suite: EspSuite;
  readonly keys: EspKeys;
  readonly from: Locator;
};
export type OutboundSecurityAssociation = {
  readonly spi: number;
  readonly suite: EspSuite;
  readonly keys: EspKeys;
  readonly to: Locator;
};

export type AssociationEffect =
  /** Send a packet; its checksum is zero, as UDP wants it. */
  | { readonly type: 'send'; readonly packet: Uint8Array; readonly to: Locator }
  /** Send the responder's R1 for this I1, if the rate limit allows. */
  | { readonly type: 'answer-i1'; readonly i1: Packet; readonly to: Locator }
  /** Sign with the host identity and bring `signed` or `sign-failed`. */
  | { readonly type: 'sign'; readonly message: Uint8Array }
  /** The responder must never accept this solution again. */
  | { readonly type: 'accept-solution'; readonly solution: RecognisedSolution }
  /** What came with this solution was wrong. */
  | { readonly type: 'refuse-solution'; readonly solution: RecognisedSolution }
  /** Comes before the packet that lets the peer use it. After a rekey the older ones stay until `remove-inbound`. */
  | { readonly type: 'install-inbound'; readonly association: InboundSecurityAssociation }
  /** From now on everything is sent with it. `replaces` is the SPI of the one that goes at the same moment. */
  | {
      readonly type: 'install-outbound';
      readonly association: OutboundSecurityAssociation;
      readonly replaces?: number;
    }
  /** An inbound security association that a rekey replaced, or that one did not finish, is used no more. The policies stay. */
  | { readonly type: 'remove-inbound'; readonly spi: number }
  /**
   * The peer receives at another locator: the outbound security association `spi` keeps its key, and must not repeat a
   * sequence number. `localSpi` is the inbound one that belongs to it.
   */
  | {
      readonly type: 'move-outbound';
      readonly spi: number;
      readonly localSpi: number;
      readonly to: Locator;
    }
  /** Removes the pair, its policies too. What else there is gets a `remove-inbound` of its own, before. */
  | {
      readonly type: 'remove-esp';
      readonly localSpi: number;
      readonly peerSpi?: number;
      readonly locator: Locator;
    }
  /** A packet was dropped, or something happened that a person may want to know. Never holds a key. */
  | { readonly type: 'report'; readonly level: 'debug' | 'info' | 'warning'; readonly message: string };

export type Transition = { readonly state: AssociationState; readonly effects: readonly AssociationEffect[] };

/** Where every association starts. */
export const unassociated: AssociationState = { name: 'UNASSOCIATED', failures: 0 };

/** Stays as it was and says why a packet was dropped. */
export function dropped(
  state: AssociationState,
  reason: string,
  level: 'debug' | 'warning' = 'debug',
): Transition {
  return { state, effects: [{ type: 'report', level, message: reason }] };
}

/** A state in which the kernel has a pair of security associations. */
export type Carrying = Extract<AssociationState, { readonly name: 'R2-SENT' | 'ESTABLISHED' }>;
export type Established = Extract<AssociationState, { readonly name: 'ESTABLISHED' }>;

/** Whether ESP passes in this state. */
export function isCarrying(state: AssociationState): state is Carrying {
  return state.name === 'R2-SENT' || state.name === 'ESTABLISHED';
}

/** The SPIs that a state receives on, or will once the peer agrees: a new one must differ from all of them. */
export function localSpis(state: AssociationState): readonly number[] {
  if (state.pending?.kind === 'I2') return [state.pending.exchange.localSpi, ...installedSpis(state)];
  if (state.pending?.kind === 'R2') return [state.pending.association.localSpi, ...installedSpis(state)];
  return installedSpis(state);
}

function installedSpis(state: AssociationState): readonly number[] {
  if (state.name === 'I2-SENT') return [state.exchange.localSpi];
  if (state.name !== 'R2-SENT' && state.name !== 'ESTABLISHED') return [];
  const { localSpi, rekey, retired } = state.association;
  return [localSpi, ...(rekey === undefined ? [] : [rekey.localSpi]), ...retired.map(({ spi }) => spi)];
}

/** Removes whatever ESP associations a state has (RFC 7402 §6.7). */
export function leaveEsp(state: AssociationState): AssociationEffect[] {
  switch (state.name) {
    case 'I2-SENT':
      return [{ type: 'remove-esp', localSpi: state.exchange.localSpi, locator: state.exchange.locator }];
    case 'R2-SENT':
    case 'ESTABLISHED': {
      const { localSpi, peerSpi, locator, rekey, retired } = state.association;
      const others = retired.map(({ spi }) => spi);
      if (rekey?.drawn !== undefined) others.push(rekey.localSpi);
      return [
        ...others.map((spi): AssociationEffect => ({ type: 'remove-inbound', spi })),
        { type: 'remove-esp', localSpi, peerSpi, locator },
      ];
    }
    case 'UNASSOCIATED':
    case 'I1-SENT':
    case 'CLOSING':
    case 'CLOSED':
    case 'E-FAILED':
      return [];
  }
}

/** A message to be signed that outlives a change of state: R2, whose I2 can never be accepted a second time. */
export function unansweredI2(state: AssociationState): { readonly pending?: Pending } {
  return state.pending?.kind === 'R2' ? { pending: state.pending } : {};
}
