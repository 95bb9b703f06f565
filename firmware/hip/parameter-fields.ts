/** Where a LOCATOR_SET says that its sender is reachable. Addresses are IPv6, or IPv4 mapped into IPv6 (RFC 8046 §4.2). */
export type AnnouncedAddress =
  | { readonly kind: 'address'; readonly address: Uint8Array }
  | { readonly kind: 'esp'; readonly spi: number; readonly address: Uint8Array }
  /** A candidate of RFC 9028 §5.7; `protocol` is 17, and `candidateKind` 0 host, 1 server or 2 peer reflexive, 3 relayed. */
  | {
      readonly kind: 'transport';
      readonly port: number;
      readonly protocol: number;
      readonly candidateKind: number;
      readonly priority: number;
      readonly spi: number;
      readonly address: Uint8Array;
    }
  /** `locator` is a multiple of four octets. */
  | { readonly kind: 'unknown'; readonly locatorType: number; readonly locator: Uint8Array };

/** One locator of a LOCATOR_SET: `trafficType` is 0 for all, 1 for HIP packets, 2 for data; `lifetime` is in seconds (RFC 8046 §4). */
export type AnnouncedLocator = AnnouncedAddress & {
  readonly trafficType: number;
  readonly preferred: boolean;
  readonly lifetime: number;
};

/** An address with its port and IP protocol: 17 and the port, or zeros where there is no UDP (RFC 9028 §5.6). */
export type TransportAddress = {
  readonly port: number;
  readonly protocol: number;
  readonly address: Uint8Array;
};

/** What a relay shall forward: its own address for us (`relay`), the peer's, and the SPIs in both directions (RFC 9028 §5.13). */
export type PeerPermission = {
  readonly relayPort: number;
  readonly peerPort: number;
  readonly protocol: number;
  readonly relayAddress: Uint8Array;
  readonly peerAddress: Uint8Array;
  readonly outboundSpi: number;
  readonly inboundSpi: number;
};

/** Lifetimes are exponents: 2^((lifetime − 64)/8) seconds, and 0 cancels (RFC 8003 §4.1). */
type Registration = { readonly lifetime: number; readonly types: readonly number[] };

/**
 * The fields of every parameter in the catalogue, without what can only be zero or follows from the rest. Byte fields
 * are views of the datagram they were read from.
 */
export type ParameterFields = {
  ESP_INFO: { readonly keymatIndex: number; readonly oldSpi: number; readonly newSpi: number };
  /** `reserved` is kept because I2 echoes it verbatim. */
  R1_COUNTER: { readonly reserved: number; readonly counter: bigint };
  /** None at all deprecates every address of the sender. */
  LOCATOR_SET: { readonly locators: readonly AnnouncedLocator[] };
  PUZZLE: {
    readonly difficulty: number;
    readonly lifetime: number;
    readonly opaque: number;
    readonly random: Uint8Array;
  };
  SOLUTION: {
    readonly difficulty: number;
    readonly opaque: number;
    readonly random: Uint8Array;
    readonly solution: Uint8Array;
  };
  SEQ: { readonly updateId: number };
  ACK: { readonly updateIds: readonly number[] };
  DH_GROUP_LIST: { readonly groups: readonly number[] };
  DIFFIE_HELLMAN: { readonly group: number; readonly publicValue: Uint8Array };
  HIP_CIPHER: { readonly ciphers: readonly number[] };
  NAT_TRAVERSAL_MODE: { readonly modes: readonly number[] };
  /** The least pacing of connectivity checks, in milliseconds. */
  TRANSACTION_PACING: { readonly value: number };
  /** Initialization vector ‖ ciphertext: where one ends, the negotiated cipher tells. */
  ENCRYPTED: { readonly data: Uint8Array };
  HOST_ID: {
    readonly algorithm: number;
    readonly identity: Uint8Array;
    readonly domainType: number;
    readonly domain: Uint8Array;
  };
  /** Eight-bit encodings, 0x20 for suite 2. */
  HIT_SUITE_LIST: { readonly suites: readonly number[] };
  CERT: {
    readonly group: number;
    readonly count: number;
    readonly id: number;
    readonly certificateType: number;
    readonly certificate: Uint8Array;
  };
  NOTIFICATION: { readonly messageType: number; readonly data: Uint8Array };
  ECHO_REQUEST_SIGNED: { readonly data: Uint8Array };
  ECHO_RESPONSE_SIGNED: { readonly data: Uint8Array };
  REG_INFO: {
    readonly minLifetime: number;
    readonly maxLifetime: number;
    readonly types: readonly number[];
  };
  REG_REQUEST: Registration;
  REG_RESPONSE: Registration;
  REG_FAILED: { readonly failure: number; readonly types: readonly number[] };
  REG_FROM: TransportAddress;
  TRANSPORT_FORMAT_LIST: { readonly formats: readonly number[] };
  ESP_TRANSFORM: { readonly suites: readonly number[] };
  RELAYED_ADDRESS: TransportAddress;
  MAPPED_ADDRESS: TransportAddress;
  PEER_PERMISSION: { readonly permissions: readonly PeerPermission[] };
  CANDIDATE_PRIORITY: { readonly value: number };
  /** The value is reserved. */
  NOMINATE: { readonly value: number };
  HIP_MAC: { readonly mac: Uint8Array };
  HIP_MAC_2: { readonly mac: Uint8Array };
  HIP_SIGNATURE_2: { readonly algorithm: number; readonly signature: Uint8Array };
  HIP_SIGNATURE: { readonly algorithm: number; readonly signature: Uint8Array };
  ECHO_RESPONSE_UNSIGNED: { readonly data: Uint8Array };
  ECHO_REQUEST_UNSIGNED: { readonly data: Uint8Array };
  RELAY_FROM: TransportAddress;
  RELAY_TO: TransportAddress;
  FROM: { readonly address: Uint8Array };
  RVS_HMAC: { readonly mac: Uint8Array };
  VIA_RVS: { readonly addresses: readonly Uint8Array[] };
  RELAY_HMAC: { readonly mac: Uint8Array };
};

export type ParameterName = keyof ParameterFields;

/** One parameter of the catalogue: its name and its fields. */
export type KnownParameter = {
  readonly [Name in ParameterName]: { readonly name: Name } & ParameterFields[Name];
}[ParameterName];

/** A parameter whose type is not in the catalogue; its type's low bit says whether it is critical. */
export type UnknownParameter = {
  readonly name: 'unknown';
  readonly type: number;
  readonly contents: Uint8Array;
};

export type Parameter = KnownParameter | UnknownParameter;

/** The parameter of one name. */
export type ParameterOf<Name extends ParameterName> = Extract<Parameter, { readonly name: Name }>;
