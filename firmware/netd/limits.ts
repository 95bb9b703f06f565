/** Bounds of the network room. Each is tested at its edge. */
export const limits = {
  /** IFNAMSIZ of the kernel less its NUL. */
  interfaceNameLength: 15,
  /** RFC 8200 § 5: below this a link cannot carry IPv6; a DHCP server that says less is wrong or hostile. */
  smallestMtu: 1280,
  /**
   * The smallest path MTU that the kernel learns over IPv4: an IPv6 packet of 1280 octets fits it in any ESP suite, over
   * UDP.
   */
  leastKnownMtu: 1384,
  /** The largest frame that common NICs take. */
  largestMtu: 9216,
  /** Lists in a lease: clouds send at most a handful of routes (RFC 3442) and three name servers. */
  leaseRoutes: 32,
  leaseServers: 8,
  /** Characters of a lease file: every list above at its fullest, four times over. */
  leaseText: 8192,
  /** Prefixes that are delegated have from 8 to 64 bits: RFC 6177 knows none but /48 to /64, and no registry gives more than /8. */
  delegatedLengths: [8, 64],
  /** Addresses the DHCP server hands out: what OpenWrt's users expect of a /24 (.100 to .249). */
  poolSize: 150,
  /**
   * Neighbours that the kernel remembers: from the first number on it forgets those of long ago, from the second those
   * that it talks with, beyond the third it takes none. What hosts can make it learn (policy/lan-guard.ts) and as many
   * devices as a policy names stay below the second: 12 MiB.
   */
  neighbours: [1024, 24_576, 32_768],
  /** MACs that a bridge learns: the hosts of sixteen /24, some 300 KiB. */
  learnedMacs: 4096,
  /** Questions for names that wait for an answer from the underlay at once, and answers remembered. */
  dnsQuestions: 150,
  dnsCache: 1000,
  /** Uplinks are looked at this often, and a probe that has no answer by then has none. */
  uplinkLookMs: 2000,
  uplinkProbeMs: 1500,
  /** One that is alone only every so many times: nothing depends on it but what people see. */
  loneUplinkLooks: 5,
  /**
   * Looks: six seconds of silence end an uplink, half a minute of answers brings it back, of which a silent look undoes
   * some.
   */
  uplinkFailures: 3,
  uplinkSuccesses: 15,
  uplinkSetback: 3,
  /** Each relapse doubles the answers that bring an uplink back, up to this often: 16 minutes. */
  uplinkRelapses: 5,
  /** Ten minutes of work without a failure make relapses good. */
  uplinkSteady: 300,
  /** IPv6 default routes that routers announce and are ranked: one on each of a box's uplinks, and some to spare. */
  announcedRoutes: 16,
  /** Hosts remembered by MAC, more than a /21 holds, and addresses of one: what makes up more is nobody's host. */
  seenDevices: 2048,
  seenAddresses: 8,
  /** Who is there is looked at this often, and every so many looks it is written down: some ten minutes. */
  seenLookMs: 15_000,
  seenWriteLooks: 40,
  /** Records of an answer that are read, and labels and references of one name: hosts say a dozen, and name themselves. */
  nameRecords: 64,
  nameSteps: 32,
  /** Multicast DNS: answers a second to those who ask for one of their own; boxes of one name; conflicts before waiting (RFC 6762 § 8.1). */
  nameAnswers: 20,
  namesOfAKind: 99,
  nameConflicts: 15,
  /** Addresses of a link that its names have. */
  nameAddresses: 16,
  /** Characters of a line of a modem's, lines of one answer: the longest that are read have a hundred, and a few. */
  modemLine: 512,
  modemLines: 32,
  /** Characters of an operator's name: 3GPP TS 27.007 § 7.3 has 20. */
  modemOperator: 32,
  /** An answer takes that long at most, connecting as long as 3GPP TS 27.007 § 10.1.10 says: two and a half minutes. */
  modemAnswerMs: 5000,
  modemActivationMs: 150_000,
  /** Times that a SIM is told a PIN without its answer being heard: the third wrong one locks it. */
  simPinUnanswered: 2,
  /** After a missing answer: the quiet in milliseconds that tells that it, too, has come. */
  modemQuietMs: 1500,
  /** Answers in a row that do not come before the modem's device is opened anew. */
  modemSilences: 3,
  /** How often a modem is asked how it does; refused connections double that up to so often: five minutes. */
  modemRoundMs: 5000,
  modemBackOff: 6,
  /** A device that is not there is looked for again after this. */
  modemReopenMs: 3000,
  /** A time server has a second and a half; an answer that took longer tells the time too roughly. */
  clockAnswerMs: 1500,
  clockDelayMs: 1000,
  /** Differences from here on are made good at once: a second would be slewed for half an hour (adjtime's 500 ppm). */
  clockStepMs: 500,
  /** Time servers are asked after this, then after twice as long each time, up to the longest (RFC 5905 § 14). */
  clockFirstMs: 16_000,
  clockLongestMs: 1_024_000,
  /** Hosts are told that the box knows the time for this long after a server said it: by then a clock is off by seconds. */
  clockHoldsMs: 86_400_000,
  /** Answers a second to one host, which asks up to eight times when it starts, and to all. */
  timeAnswersEach: 8,
  timeAnswers: 400,
  /** No time before this program was written is right, and none after its certificates can have any sense: 2026, 2100. */
  clockEarliest: Date.UTC(2026, 0),
  clockLatest: Date.UTC(2100, 0),
  /** A link that comes up sends a burst of events: they are looked at together. Far below the second that is promised. */
  coalesceMs: 100,
  /** Sysctls send no events: drift of what nobody announces is healed at this pace. */
  driftCheckMs: 60_000,
  /** A change that failed is tried again after this, doubled up to the longest. */
  firstRetryMs: 1000,
  longestRetryMs: 30_000,
  /** Rules that a plan names: a person reads no more. */
  plannedRules: 60,
} as const;
