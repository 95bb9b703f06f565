/** Bounds of what is remembered of flows. Each is tested at its edge. */
export const limits = {
  /** Messages taken from one datagram: a dump's datagram of 32 KiB has a hundred. */
  messagesPerDatagram: 4_096,
  /** Attributes looked at in one structure: the kernel knows some thirty. */
  attributes: 64,
  /** Octets of a prefix of the log: netfilter's longest (NF_LOG_PREFIXLEN). */
  prefixLength: 128,
  /** Kinds of denied packets that are being counted. A scan as fast as the log's rate makes half as many. */
  deniedKinds: 8_192,
  /** Connections of which a piece has been recorded, so of those that last: more than conntrack's table holds. */
  pieces: 65_536,
  /** Policies remembered, so that a connection is told by the one that it began under. */
  policies: 8,
  /** Ends remembered of each of them, so that they are not looked up for every flow. */
  ends: 8_192,
  /** Records that wait to be written: some seconds of the most that the socket is read for. */
  waiting: 32_768,
  /** Alarms and what may become one, of all kinds together: a person reads no more. */
  alarms: 256,
  /** Senders of denied packets that are counted one by one in a minute. */
  deniedSenders: 4_096,
} as const;
