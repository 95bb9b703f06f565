import type { DhKeyPair, HashAlgorithm } from './crypto-port.ts';
import type { HostIdentity } from './host-identity.ts';
import type { AssociationKeys, EspKeys, Keymat } from './key-material.ts';
import type { Locator } from './locator.ts';
import type { EspSuite } from './suites.ts';

/** The Diffie-Hellman keys of both ends that KEYMAT comes from. */
export type KeyAgreement = { readonly keyPair: DhKeyPair; readonly peerPublicValue: Uint8Array };

/** What an exchange gives an association to begin with. */
type Agreed = {
  readonly locator: Locator;
  readonly peerIdentity: HostIdentity;
  /** RHASH: HMACs use it for the association's whole life (RFC 7401 §6.4.1). */
  readonly hash: HashAlgorithm;
  readonly keys: AssociationKeys;
  readonly agreement: KeyAgreement;
  readonly suite: EspSuite;
  readonly localSpi: number;
};

/** What the initiator keeps from R1 until R2 comes. */
export type InitiatorExchange = Agreed & {
  /** The Responder's HOST_ID parameter exactly as R1 had it, for HIP_MAC_2 (RFC 7401 §6.4.1). */
  readonly peerHostId: Uint8Array;
  readonly r1Counter: bigint;
};

/** What is left of an association that is being closed. */
export type ClosedAssociation = Pick<
  Association,
  'locator' | 'peerIdentity' | 'hash' | 'keys' | 'suite' | 'localSpi'
>;

/** An UPDATE of ours that the peer has not acknowledged; there is one at a time (RFC 7401 §6.11). */
export type OutstandingUpdate = {
  readonly updateId: number;
  readonly to: Locator;
  /** Proves that the peer receives at `to`, when it comes back from there (RFC 8046 §5.4). */
  readonly echo: Uint8Array;
  /** Whether it carries our ESP_INFO of a rekey, and our LOCATOR_SET. */
  readonly rekeys: boolean;
  readonly announces: boolean;
  /** Undefined while it is being signed. */
  readonly packet?: Uint8Array;
  readonly transmissions: number;
  readonly deadline: number;
};

/** A rekey that is under way (RFC 7402 §6.8 to §6.10). */
export type Rekey = {
  /** What our ESP_INFO says. */
  readonly localSpi: number;
  readonly keymatIndex: number;
  /** A new Diffie-Hellman key of ours, where there is one. */
  readonly keyPair?: DhKeyPair;
  /** Whether the peer has acknowledged it. */
  readonly acknowledged: boolean;
  /** The peer's half, and the keys that both halves give: the inbound security association is installed by then. */
  readonly theirs?: PeerRekey;
  readonly drawn?: DrawnKeys;
  /** When it must have come to an end: a request must not be left open (RFC 7402 §6.8, step 5). */
  readonly deadline: number;
};

export type PeerRekey = {
  readonly spi: number;
  readonly keymatIndex: number;
  readonly publicValue?: Uint8Array;
};

/** ESP keys, and where the next ones come from. */
export type DrawnKeys = {
  readonly incoming: EspKeys;
  readonly outgoing: EspKeys;
  readonly keymat: Keymat;
  readonly agreement: KeyAgreement;
  /** Where the keys start. */
  readonly keymatIndex: number;
};

/** A place where the peer says that it is. `until` is when that ends, in the caller's milliseconds. */
export type PeerLocator = { readonly locator: Locator; readonly until: number };

/** A HIP association with its pair of ESP security associations. */
export type Association = Agreed & {
  readonly role: 'initiator' | 'responder';
  readonly peerSpi: number;
  /** The responder's I2 and R2, to answer a repeated I2 without doing it all again (RFC 7401 §6.9, step 4). */
  readonly answered?: { readonly i2: Uint8Array; readonly r2: Uint8Array };
  /**
   * Only an I2 for an R1 sent after this replaces the association (the caller's milliseconds): of exchanges that cross,
   * one that the peer has given up may arrive last.
   */
  readonly newerThan: number;
  readonly establishedAt: number;

  /** Where ESP keys are drawn from, the octet after the last one drawn, and how often that was done. */
  readonly keymat: Keymat;
  readonly keymatIndex: number;
  readonly draws: number;
  readonly rekeyAt: number;
  readonly rekey?: Rekey | undefined;
  /** Inbound security associations that may still receive what was sent before a rekey. */
  readonly retired: readonly { readonly spi: number; readonly until: number }[];

  /** The Update ID of our next UPDATE, and the one that waits for its acknowledgment. */
  readonly nextUpdateId: number;
  readonly outstanding?: OutstandingUpdate | undefined;
  /** When what an UPDATE should say is tried again, after a signature that could not be had. */
  readonly retryAt?: number | undefined;
  /** The next Update ID of the peer, and those before it that were not processed (RFC 7401 §6.12). */
  readonly peerUpdateId: number;
  readonly peerUpdatesMissed: readonly number[];
  /** What acknowledged the peer's latest UPDATE, to be sent again when that is repeated. */
  readonly answer?: {
    readonly updateId: number;
    readonly packet: Uint8Array;
    readonly to: Locator;
    readonly sentAt: number;
  };

  /** This host's addresses as the peer is to know them, and whether it has yet to be told. */
  readonly ownAddresses: readonly string[];
  readonly announce: boolean;
  /** Where else the peer says that it is, best first. */
  readonly peerLocators: readonly PeerLocator[];
  /** Where the peer seems to be now, as long as that is not proven. */
  readonly candidate?: Locator | undefined;
  /** The echo that proves a place where the peer receives, whatever acknowledges the UPDATE. */
  readonly check?: { readonly to: Locator; readonly echo: Uint8Array } | undefined;
  readonly checkedAt: number;

  /** When something authentic last came from the peer. */
  readonly heardAt: number;
  /** Whether the peer does not answer at `locator`. */
  readonly isSilent: boolean;
  readonly keepaliveAt: number;
  /** The NAT keepalive, signed once and sent again and again (RFC 9028 §5.3). */
  readonly keepalive?: Uint8Array;
};
