/** Bounds of the overlay. Each is tested at its edge. */
export const limits = {
  /** Packets that may arrive late, in sequence numbers: receive steering over several CPUs reorders hundreds. */
  replayWindow: 1024,
  /** Events taken of one datagram: the kernel sends one in each. */
  eventsPerDatagram: 16,
  /** Packets under one key before new keys are asked for: RFC 7402 §3.3.5 wants a rekey before numbers run out, long before 2^64. */
  packetsPerKey: 2 ** 32,
  /** Octets and packets go this far beyond what asks for new keys before the kernel gives the old ones up. */
  hardFactor: 2,
  /** Seconds beyond twice the time between rekeys: a peer that is away for some retransmissions keeps its keys. */
  hardMarginSeconds: 60,
  /** Sequence numbers left out when an association moves: more packets than leave between reading the last one and the move. */
  sequenceMargin: 2n ** 20n,
  /** How often the kernel's counters are read: a peer that went silent is asked within twice that. */
  countersMs: 5_000,
  /** Characters of the listing that counters are read from: 1,200 for each association of 10,000 peers. */
  listingText: 32 * 1024 * 1024,
  /** Callers' lines in one run of ip: a few seconds of it on a slow box, well below the time a program is given. */
  stepsPerBatch: 1_000,
  /** An on-demand association without traffic is left after this. */
  idleMs: 300_000,
  /** Where a peer has several places, the next is tried after this; the last gets all retransmissions. */
  nextLocatorMs: 2_000,
  /** A name that does not resolve or a peer without address: the first and the longest wait before the next try. */
  reconnectMs: [1_000, 60_000],
  /** How often the box's own addresses are compared with before; a getifaddrs call, no process. */
  addressCheckMs: 2_000,
  /** Peers whose routes are looked up in each of those checks: a default route concerns them all, and any of them tells. */
  routesPerCheck: 8,
  /** Closing waits this long for signatures and commands before it leaves the rest to the kernel's next start. */
  closeMs: 2_000,
  /** New generations of R1s are tried again after this when the host identity cannot sign. */
  signRetryMs: 5_000,
  /** The underlay's MTU where nobody says another: Ethernet's. */
  underlayMtu: 1_500,
  /** RFC 8200 §5: the least that IPv6 needs; smaller underlays fragment ESP instead. */
  smallestMtu: 1_280,
  /** ESP packets up to this are never fragmented: every IPv6 underlay takes them, and nearly every IPv4 one. */
  wholeMtu: 1_280,
  /** What a router says below this is not believed: IPv4's hosts take as much (RFC 1122 §3.3.2). */
  leastToldMtu: 576,
  /** Path MTUs of routers that are kept: a forged one fills a place, and the kernel's own are not among them. */
  toldMtus: 4096,
  /** Seconds after which a path may have become wider (RFC 1191 §6.3). */
  toldMtuSeconds: 600,
  /** HIP packets a second that one sender may have seen; a rekey takes two, an exchange with all repetitions ten. */
  packetsPerSender: 20,
  /**
   * I1s and I2s a second under one peer's HIT, from all addresses: an exchange takes two. Such packets of several peers
   * together must not be more than a slow box reads, or an honest peer's find no room in the socket.
   */
  openingsPerPeer: 10,
  /** All other HIP packets a second under one peer's HIT, from all addresses: those of two ways at once. */
  packetsPerPeer: 40,
  /** A peer's packets are told of once per reason in this many milliseconds, and for so many reasons. */
  reportWindowMs: 10_000,
  reportsInWindow: 20,
  /** Peers whose wrong sources are counted: as many as the settings take. */
  wrongSources: 10_000,
  /** Senders whose packets are counted at a time: 100 octets of kernel memory each. */
  countedSenders: 4096,
  /** After this a silent sender's count goes: longer than its allowance takes to fill again. */
  senderForgottenSeconds: 10,
  /** Associations that a responder for trying things out has at a time; the one heard longest ago goes first. */
  openAssociations: 256,
  /** Silence in milliseconds after which it gives one up: its peers send no traffic, only keepalives and UPDATEs. */
  openSilenceMs: 60_000,
  /** How often it looks through its associations, and how many events it tells in between. */
  sweepMs: 1_000,
  toldInASweep: 200,
} as const;
