/** Bounds of the overlay. Each is tested at its edge. */
export const limits = {
  /** Packets that may arrive late, in sequence numbers: receive steering over several CPUs reorders hundreds. */
  replayWindow: 1024,
  /** A name that does not resolve or a peer without address: the first and the longest wait before the next try. */
  reconnectMs: [1_000, 60_000],
  /** How often the box's own addresses are compared with before; a getifaddrs call, no process. */
  addressCheckMs: 2_000,
  /** Closing waits this long for signatures and commands before it leaves the rest to the kernel's next start. */
  closeMs: 2_000,
  /** New generations of R1s are tried again after this when the host identity cannot sign. */
  signRetryMs: 5_000,
  /** The underlay's MTU where nobody says another: Ethernet's. */
  underlayMtu: 1_500,
  /** RFC 8200 §5: the least that IPv6 needs; smaller underlays fragment ESP instead. */
  smallestMtu: 1_280,
} as const;
