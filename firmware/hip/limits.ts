/** Bounds of the protocol room. Each is tested at its edge. */
export const limits = {
  /** Octets of a whole packet: Header Length is 8 bits and counts 8-octet units without the first (RFC 7401 §5.1). */
  packetLength: 256 * 8,
  /** Cipher, ESP suite and NAT mode lists: senders send at most six, receivers look at the first six (RFC 7401 §5.2.8, RFC 7402 §5.1.2). */
  suiteListLength: 6,
  /** Verified puzzle bits that we solve: 2^16 hashes take some 100 ms, in which the box answers nobody; only a known peer's signed R1 makes us. */
  puzzleDifficulty: 16,
  /** Tries to solve a puzzle, in multiples of the expected number: 16 fails once in e^16, some 9 million puzzles. */
  puzzleTriesFactor: 16,
  /** Octets of ECHO_REQUEST_SIGNED that we echo: with them an I2 still fits a packet. */
  echoLength: 512,
  /** Octets of all ECHO_REQUEST_UNSIGNED together that we echo; middleboxes put a cookie or two there. */
  unsignedEchoLength: 512,
  /** Generations of R1s whose puzzles are accepted: the current one and the one before (RFC 7401 appendix A). */
  acceptedGenerations: 2,
  /** R1s of one generation, used up ones included: the slot is 4 bits of the PUZZLE's Opaque. */
  slotsPerGeneration: 16,
  /** Accepted puzzle solutions remembered per generation against replay; beyond it new exchanges wait for the next generation. */
  acceptedSolutions: 65_536,
  /** I1 transmissions of one try (RFC 7401 §6.6: I1_RETRIES_MAX). With doubling from 1 s they span 31 s. */
  i1Transmissions: 5,
  /** I2 transmissions of one try (RFC 7401 §6.8: I2_RETRIES_MAX). */
  i2Transmissions: 5,
  /** First retransmission time-out in milliseconds: above the round trip of any terrestrial path. */
  retransmitMs: 1_000,
  /** Waits in E-FAILED double from the first to the second, in milliseconds: a peer that comes back is met within a minute. */
  failedWaitMs: [1_000, 60_000],
  /** R2-SENT ends after I2 retransmissions must have ended (RFC 7401 §4.4.1: Exchange Complete): 1+2+4+8+16 s. */
  exchangeCompleteMs: 31_000,
  /** CLOSE transmissions; RFC 7401 §4.4.3 would go on for minutes, but a box that restarts has none. */
  closeTransmissions: 3,
  /** Age in milliseconds at which ESP keys are replaced where no setting says another: an hour, as IPsec gateways do. */
  rekeyMs: 3_600_000,
  /** Part of that age by which two ends differ at random, so that they seldom start at once. */
  rekeySpread: 0.1,
  /** ESP keys drawn from one Diffie-Hellman secret: of at most so many does a key found out betray the traffic. */
  drawsPerAgreement: 8,
  /** How long a rekey may be under way: twice what the transmissions of one UPDATE span. */
  rekeyFinishMs: 62_000,
  /** How long an inbound security association outlives its rekey: the peer changes over at the latest when its last UPDATE is acknowledged, after 31 s. */
  retiredMs: 45_000,
  /** Inbound security associations kept of earlier rekeys: one every three seconds is the most that `retiredMs` has room for. */
  retiredCount: 15,
  /** UPDATE transmissions (RFC 7401 §6.11: UPDATE_RETRY_MAX). With doubling from 1 s they span 31 s. */
  updateTransmissions: 5,
  /** Transmissions of an UPDATE that only asks whether the peer is there: 7 s, so that another place is tried soon. */
  probeTransmissions: 3,
  /** Update IDs ahead of and behind the expected one that are taken: a peer may have some outstanding (RFC 7401 §6.12). */
  updateWindow: 8,
  /** A repeated UPDATE is answered again no more often than this in milliseconds (RFC 7401 §6.12.1: a replay costs the attacker as much). */
  repeatMs: 500,
  /** Octets of ECHO_REQUEST_SIGNED in our own UPDATEs and CLOSEs: not to be guessed. */
  nonceLength: 16,
  /** Locators of a peer that are kept, and of our own that are told: a gateway has a few uplinks with two IP versions each. */
  locators: 8,
  /** Places that only a packet's source speaks for are checked no more often than this in milliseconds. */
  checkMs: 5_000,
  /** Silence in milliseconds after which a peer that we send to is asked whether it is there (RFC 3706 §5.5: only then). */
  deadPeerMs: 5_000,
  /** An I1 follows a packet of an association that we do not have no more often than this in milliseconds, and its R1 is awaited for as long. */
  hintMs: 2_000,
  /** A NOTIFY of an error is sent no more often than this in milliseconds to one peer: it costs a signature. */
  notifyMs: 10_000,
  /** An UPDATE is tried again after this in milliseconds when the host identity cannot sign. */
  signRetryMs: 5_000,
  /** Messages of one association that wait for their signatures beside the exchange's own. */
  drafts: 4,
  /** I1s that must go unanswered before an R1 older than the peer's last counts: the peer's counter may have been reset (RFC 7401 §4.1.4). */
  i1sBeforeOldR1: 3,
  /** How long CLOSED still answers a repeated CLOSE: longer than the peer repeats it. */
  closedMs: 10_000,
  /** NAT keepalive period (RFC 9028 §4.10: Tr is 15 s and must not be less). */
  keepaliveMs: 15_000,
  /** Age in milliseconds at which R1s and their puzzle secret are replaced: "every few minutes" (RFC 7401 §4.1.2). */
  generationMs: 120_000,
  /** Bits of puzzles, easiest first: each step is four times the work, after a first that is felt; the last is what our own initiators still solve. */
  puzzleDifficulties: [0, 8, 10, 12, 14, 16],
  /** How long the load is measured before the difficulty may rise again, in milliseconds. */
  loadWindowMs: 1_000,
  /**
   * I1s answered and I2s that took public-key operations, a second, above which puzzles get harder, and below which they
   * may get easier: 200 exchanges take some fifth of a slow core, 2,000 R1s some tenth.
   */
  load: { raise: { i1s: 2_000, i2s: 200 }, lower: { i1s: 500, i2s: 50 } },
  /** The step up to which I1s alone raise the difficulty: 10 bits delay an honest initiator by a few milliseconds. */
  i1PuzzleStep: 2,
  /** Calm in milliseconds after which puzzles get one step easier: a flood that pauses must not find them easy again. */
  calmMs: 10_000,
  /** How long a puzzle easier than the present ones is accepted, in milliseconds: an I2 on its way and its first repetitions. */
  easyPuzzleMs: 10_000,
  /** I2s with a right solution and wrong contents that one puzzle may cost us; an honest initiator's may be damaged on the way. */
  refusalsPerPuzzle: 3,
  /** Such puzzles remembered per generation, some 3 MB; more push out the oldest, and then the difficulty is what protects. */
  refusedPuzzles: 16_384,
  /** Resolution of the time that an R1 carries: 12 bits of it span 409 s, more than a generation; less than a restart takes. */
  r1TickMs: 100,
  /** Puzzle lifetime as sent, 2^(n-32) s: 64 s, less than a generation, so that the previous secret still covers it. */
  puzzleLifetime: 38,
  /** Length of a rate window for R1s in milliseconds. */
  r1WindowMs: 1_000,
  /** R1s to one address in a window: a site behind one NAT has some gateways, and each sends one I1 a second. */
  r1sPerAddress: 20,
  /** R1s to all strangers in a window: 400 octets each, about 13 Mbit/s; no more than the exchanges that one core could finish. */
  r1sInAll: 4_000,
  /** Octets of an RSA modulus that we check signatures for: 2,048 bits are 112 bits' strength (RFC 7401 §5.2.9), 4,096 still cost well below a millisecond. */
  rsaModulusLength: [256, 512],
  /** Octets of an RSA exponent: 65,537 is what everybody uses; a long one makes a verification as slow as a signature. */
  rsaExponentLength: 4,
  /** A private or well-known SPI is below this (RFC 4303 §2.1). */
  smallestSpi: 256,
} as const;
