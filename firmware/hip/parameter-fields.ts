/**
 * The fields of every parameter in the catalogue, without what can only be zero or follows from the rest. Byte fields
 * are views of the datagram they were read from.
 */
export type ParameterFields = {
  ESP_INFO: { readonly keymatIndex: number; readonly oldSpi: number; readonly newSpi: number };
  /** `reserved` is kept because I2 echoes it verbatim. */
  R1_COUNTER: { readonly reserved: number; readonly counter: bigint };
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
  TRANSPORT_FORMAT_LIST: { readonly formats: readonly number[] };
  ESP_TRANSFORM: { readonly suites: readonly number[] };
  HIP_MAC: { readonly mac: Uint8Array };
  HIP_MAC_2: { readonly mac: Uint8Array };
  HIP_SIGNATURE_2: { readonly algorithm: number; readonly signature: Uint8Array };
  HIP_SIGNATURE: { readonly algorithm: number; readonly signature: Uint8Array };
  ECHO_RESPONSE_UNSIGNED: { readonly data: Uint8Array };
  ECHO_REQUEST_UNSIGNED: { readonly data: Uint8Array };
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
