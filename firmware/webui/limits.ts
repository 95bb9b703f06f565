/** Bounds of the page and its API. Each protects a box of 256 MiB from a client that is slow, greedy or hostile. */
export const limits = {
  /** Characters of an end that policies are asked about: the longest name or address. */
  policyEndLength: 63,
  /** The largest request body, in octets: a claim is under 40. */
  bodyBytes: 4096,
  /** Of a request from the box itself that carries a settings document: the largest one (8 MiB), and what is around it. */
  settingsBodyBytes: 8 * 1024 * 1024 + 4096,
  /** Of a request that carries a backup: the largest settings in base64, and what is around them. */
  backupBodyBytes: 11_184_832 + 8192,
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
  /** A person with three tabs uses about ten connections; a TLS connection costs about 60 KiB. Open pages hold one each. */
  connections: 160,
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
  /**
   * Open pages that are kept up to date at once: a shift of operators with some tabs each, and screens on walls. All get
   * the same octets, made once; `npm run bench -- ui` has what fifty cost.
   */
  eventStreams: 64,
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
  /** Code points of a password (NIST SP 800-63B § 3.1.1.2 says 8 beside another factor), and code units of the longest one. */
  passwordCodePoints: 10,
  passwordLength: 256,
  /** Derivations that wait for their turn, each a tenth of a second on a fast box and one on a slow one. */
  passwordsWaiting: 8,
  /** Claims and sign-ins tried from one address: five at once, then one every twelve seconds. */
  signInBurst: 5,
  signInRefillMs: 12_000,
  /**
   * From all addresses from which nobody has signed in before: a guess of a password takes 32 MiB and a processor. The 40
   * bits of a claim code outlast any box.
   */
  signInBurstOfAll: 30,
  signInRefillOfAllMs: 3_000,
  /** Addresses whose tries are counted by themselves: what a LAN has, some 100 octets each. */
  sendersRemembered: 256,
  /** Sessions: an owner with some devices, and colleagues. */
  sessions: 32,
  /** Milliseconds that a session lasts without use, and at most: a break, and a working day. */
  sessionIdleMs: 30 * 60_000,
  sessionMs: 12 * 3_600_000,
  /** Letters of a browser's User-Agent that a session is bound to. */
  userAgentLength: 512,
  /** Milliseconds for which a password given again allows dangerous acts. */
  confirmedMs: 5 * 60_000,
  /** Users: their file stays under the 64 KiB of a secret. */
  users: 64,
  userNameLength: 63,
  /** Security keys of one user, and of all: one on the key ring, one in the safe. The users' file stays under the 64 KiB. */
  keysOfUser: 4,
  keysOfAll: 32,
  /** Tokens: a program for each, and their file stays under 64 KiB as well. */
  tokens: 64,
  /** Days that a token may be good for. */
  tokenDays: 3650,
  /** Refused attempts that enter the audit: thirty at once, then one every ten seconds; each is a write to flash. */
  auditBurst: 30,
  auditRefillMs: 10_000,
  /** Entries of the audit in one answer. */
  auditAtOnce: 500,
  auditUnlessTold: 100,
  /** Milliseconds for which the console's recovery code is good: time to walk to a desk. */
  recoveryMs: 15 * 60_000,
  /** Of a JSON body, before it is parsed: a settings document has at most 64 levels and 400,000 values, and goes in an envelope. */
  bodyShape: { depth: 68, values: 400_016 },
  /** Characters of a browser's name that the list of sessions shows: common ones have 130. */
  shownUserAgent: 200,
  /** Bodies above `bodyBytes` that are taken at once from the network: each is up to 8 MiB. */
  largeBodiesAtOnce: 2,
  /** Fields that one problem document names: a form has fewer, and a broken document could have thousands. */
  fieldErrors: 50,
  /** Devices that are accepted or forgotten by one request: as many as a table on one page has. */
  devicesAtOnce: 1_000,
  /** Addresses, and labels, of one device in a request: more than the settings take of either. */
  deviceTexts: 64,
  /** Rules that are accepted or enforced by one request: as many as a table on one page has. */
  rulesAtOnce: 1_000,
  /** Of a list that is asked for in parts: its items at once, and letters of the key that a part goes on after. */
  listedAtOnce: 1_000,
  listingKeyLength: 256,
  /** Letters that are looked at in a typed claim code, separators included. */
  claimTypedLength: 32,
  /** Letters of a value in a filter of flows: an address, a network, a name. */
  flowFilterLength: 64,
  /** Flows in one answer: under a mebibyte of JSON. */
  flowsAtOnce: 1_000,
  flowsUnlessTold: 100,
  /** Flows in one download: some 60 MB of JSON, and more rows than people read. */
  flowsExported: 100_000,
  /** Downloads of flows at once: each keeps the disk and one CPU busy. */
  flowExportsAtOnce: 2,
  /** Seconds that a request for new flows may wait for the first: less than an idle connection may be silent. */
  flowsWaitSeconds: 20,
  /** Addresses that the page listens on: a port group each with some IPv6 addresses. */
  addresses: 16,
  /** Echoes of one ping over the API: their answer comes before an idle connection is closed. */
  pingCount: [1, 100],
  /** Routers that a trace asks: the largest time to live that systems begin with. */
  tracerouteHops: [1, 64],
  /** Characters of a capture's filter, and octets of a frame that are kept; the room of captures has the same bounds. */
  captureFilterLength: 1024,
  captureSnapLength: [64, 65_535],
  /** Frames of a capture over the API, its KiB, which lie in memory, its frames a second, and its seconds. */
  captureFrames: [1, 1_000_000],
  captureKibibytes: [1, 16_384],
  captureRate: [1, 100_000],
  captureSeconds: [1, 3_600],
  /** Milliseconds that the file of a capture which is over waits to be fetched: what passed may be of anybody's. */
  captureKeptMs: 600_000,
  /** Seconds of validity: 825 days is the longest that every browser's certificate rules take. */
  certificateSeconds: 824 * 86_400,
  /** A certificate with less left than this is made anew at start. */
  certificateRenewSeconds: 30 * 86_400,
  /** Names and addresses in a certificate. */
  certificateNames: 32,
} as const;
