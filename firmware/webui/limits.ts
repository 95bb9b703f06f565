/** Bounds of the page and its API. Each protects a box of 256 MiB from a client that is slow, greedy or hostile. */
export const limits = {
  /** Characters of an end that policies are asked about: the longest name or address. */
  policyEndLength: 63,
  /** The largest request body, in octets: a claim is under 40. */
  bodyBytes: 4096,
  /** Of a request from the box itself that carries a settings document: the largest one (8 MiB), and what is around it. */
  settingsBodyBytes: 8 * 1024 * 1024 + 4096,
  /** Seconds that a change of settings may be on trial: time to see that it works, and to walk to the box. */
  trialSeconds: [5, 3600],
  trialSecondsUnlessTold: 60,
  /** Code units of who made a change, and of a path to a setting; the store has the same bounds. */
  authorLength: 63,
  settingsPathLength: 300,
  /** A browser sends about 1 KiB of headers; Node's own default is 16 KiB. */
  headerBytes: 8192,
  /** What comes after these is left out, which is Node's way; a browser sends about twenty. */
  headerCount: 64,
  /** A person with three tabs uses about ten connections; a TLS connection costs about 60 KiB. */
  connections: 96,
  /** One device of a LAN must not shut the others out. */
  connectionsPerAddress: 32,
  /** Milliseconds for a TLS handshake, generous to an emulated or very small processor. */
  handshakeMs: 15_000,
  /** Milliseconds until all headers, and until the whole request, must have come. */
  headersMs: 10_000,
  requestMs: 15_000,
  /** Milliseconds without a single octet either way. The event stream speaks every `statusEveryMs`. */
  idleMs: 30_000,
  keepAliveMs: 15_000,
  /** Open pages that are kept up to date at once; a stream holds a connection for as long as the page is open. */
  eventStreams: 16,
  /** Milliseconds between two statuses on the event stream. */
  statusEveryMs: 2000,
  /** Statuses that may wait for a slow reader; after that it gets none until it has read. */
  queuedEvents: 4,
  /** Log lines in one answer. The ring itself is bounded by whoever keeps it. */
  logLines: 500,
  /** Log lines that stand in the status: what a person reads at first sight. */
  logLinesInStatus: 100,
  /** Octets of a structure of a TPM in a request: public areas and credentials have some hundreds. */
  tpmStructure: 1_024,
  /** Evidence that is made at once: two wait for each other, more would keep the TPM from signing for tunnels. */
  evidenceAtOnce: 2,
  /** Claims tried: five at once, then one every twelve seconds. 40 bits then outlast any box. */
  claimBurst: 5,
  claimRefillMs: 12_000,
  /** Rules that are accepted or enforced by one request: as many as a table on one page has. */
  rulesAtOnce: 1_000,
  /** Letters that are looked at in a typed claim code, separators included. */
  claimTypedLength: 32,
  /** Letters of a value in a filter of flows: an address, a network, a name. */
  flowFilterLength: 64,
  /** Flows in one answer: under a mebibyte of JSON. */
  flowsAtOnce: 1_000,
  flowsUnlessTold: 100,
  /** Seconds that a request for new flows may wait for the first: less than an idle connection may be silent. */
  flowsWaitSeconds: 20,
  /** Addresses that the page listens on: a port group each with some IPv6 addresses. */
  addresses: 16,
  /** Seconds of validity: 825 days is the longest that every browser's certificate rules take. */
  certificateSeconds: 824 * 86_400,
  /** A certificate with less left than this is made anew at start. */
  certificateRenewSeconds: 30 * 86_400,
  /** Names and addresses in a certificate. */
  certificateNames: 32,
} as const;
