/** Bounds of the capture room. Each is tested at its edge. */
export const limits = {
  /** Octets of one captured frame, or of a block that has to be kept: four times libpcap's largest snapshot. */
  frameLength: 1 << 20,
  /** Interfaces of a pcapng section that are remembered. */
  interfaces: 4096,
  /** Characters of a filter, and how deep its brackets go: what a person types. */
  filterLength: 1024,
  filterDepth: 16,
  /** Octets of one frame that are kept; the least holds the headers of any packet. */
  snapLength: [64, 65_535],
  /** VLAN tags, one within the other: a provider's and a customer's, twice. */
  vlanTags: 4,
} as const;
