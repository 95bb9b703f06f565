/** Bounds on what a settings document may hold. Each is tested at its edge. */
export const limits = {
  /** Unicode code units of a name: fits a table column and a log line; the longest DNS label. */
  labelLength: 63,
  /** A DNS name has at most 253 characters, a HIT 39, a port 5. */
  uriLength: 320,
  /** The design's largest overlay for one gateway. */
  peers: 10_000,
  /** Networks behind one peer: a plant has dozens of VLANs, not thousands. */
  prefixesPerPeer: 64,
  /** Places to find one peer at: as many as a HIP LOCATOR_SET names in practice. */
  locatorsPerPeer: 8,
  /** Seconds between rekeys: no faster than a satellite's round trips allow, and once a day at least. */
  rekeySeconds: [2, 86_400],
  /** Mebibytes under one key, 1 TiB: 2^36 AES blocks, where two of CBC are the same with a chance of 2^-57. */
  rekeyMebibytes: 1_048_576,
  /** Octets of a frame's payload: IPv6's least (RFC 8200 §5), and what common NICs take at most. */
  mtu: [1280, 9216],
  /** Ports of a box: the largest switches that people build have half as many. */
  ports: 128,
  /** Uplinks are few; a priority is a place among them. */
  uplinkPriority: 99,
  /** Networks beside the LAN: a plant's VLANs, each of which costs a bridge. */
  networks: 32,
  portsPerNetwork: 32,
  /** Number of a /64 in a delegated prefix: a /56, what RFC 6177 gives to a site at least, has so many. */
  delegatedNumber: 255,
  /** Addresses kept for a device: a network's devices, all of them. */
  reservations: 256,
  /** Routes to routers behind the gateway. */
  routes: 64,
  /** Octets of an access point's name (3GPP TS 23.003 § 9.1). */
  apnLength: 100,
  /** Time servers: of four one may be wrong and one be away (RFC 5905 § 11.2.1 wants a majority). */
  timeServers: 4,
  /** Addresses that tell whether an uplink works. */
  probes: 4,
  /** Octets of a whole document before it is parsed: 10,000 peers fit three times. */
  documentSize: 8 * 1024 * 1024,
  /** Characters of sealed settings in base64: the largest document, its tag, a third more. */
  sealedLength: 11_184_832,
  /** Values in it, and levels of them: the largest overlay and policy fit; more would take the memory of a small box. */
  documentShape: { values: 400_000, depth: 64 },
  /** Field errors that are reported of one document: a person reads no more, and a hostile one has millions. */
  problems: 20,
  /** Code units of a problem's path or text: what a document says about itself is quoted, and may be long. */
  problemLength: 200,
  /** Revisions kept: months of changes by hand. The one in force is kept whatever its age. */
  revisions: 100,
  /** Octets of all revisions together, so that the history of the largest documents still fits a small state partition. */
  revisionsSize: 32 * 1024 * 1024,
  /** Code units of the name of who made a revision. */
  authorLength: 63,
  /** Code units of why a trial was taken back. */
  reasonLength: 1000,
  /** Changes that a comparison of two documents lists: more is not read, and 10,000 peers may differ. */
  changes: 500,
  /** Characters of another system's network file: a router's has a few thousand. */
  uciLength: 65_536,
  /** Pairs of ends that are known to have spoken with one another: every device of a plant with some dozens. */
  pairs: 65_536,
  /** Thresholds of alarms: packets a minute, minutes, hours. */
  alarmPackets: 1_000_000,
  alarmMinutes: 1_440,
  alarmHours: 8_760,
  /** Receivers of flows: a collector and its spare, a syslog server, one that is tried out. */
  flowReceivers: 4,
  /** Headers of one receiver, and octets of one, which may be a token of 4 KiB. */
  receiverHeaders: 8,
  receiverHeaderLength: 8_192,
  /** Code units of certificates in PEM that a receiver is checked by. */
  receiverCertificates: 32_768,
  /** Days for which records of flows are kept: ten years. */
  flowDays: 3650,
  /** MiB of them: some thousand records, and what a disk of a terabyte spares easily. */
  flowMebibytes: [1, 65_536],
  /** Entries of the audit, some 200 octets each: years of changes by hand; and refused attempts, which have room of their own. */
  auditEntries: 20_000,
  auditRefusals: 5_000,
  /** Days for which they are kept. */
  auditDays: 400,
  /** Code units of each of its texts. */
  auditLength: 300,
  /** Code units of a path to a setting, and of a value in a list of changes. */
  pathLength: 300,
  changeLength: 200,
} as const;
