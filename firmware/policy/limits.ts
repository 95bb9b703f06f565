/** Bounds of the policy. Each is tested at its edge. */
export const limits = {
  /** Rules of one gateway: the largest policy that is measured. */
  rules: 10_000,
  /** Devices that the settings name, on all gateways that this one talks to. */
  devices: 10_000,
  /** Addresses and networks of one device: a server with every VLAN on it. */
  addressesPerDevice: 16,
  /** Labels of one device or gateway. */
  labels: 32,
  /** Octets of a label: `name=value` fits a table column. */
  labelLength: 63,
  /** Selectors of one side of a rule, and values of one list in a selector. */
  selectors: 64,
  /** Services of one rule, and port ranges of one service. */
  services: 32,
  /**
   * Classes of addresses that a selector may fall into and still be told apart one by one; what is wider has classes
   * with the other wide ones, so that a label on a thousand devices does not take a thousand entries.
   */
  narrowClasses: 16,
  /** Entries of all tables together: 10,000 rules take as many; each costs the kernel some 100 octets. */
  entries: 262_144,
  /** Keys of verifiers, and characters of one as PEM: ECDSA P-256 takes 178. */
  verifiers: 8,
  verifierKeyLength: 1024,
  /** Verdicts about peers, and characters of one: a verdict that lists every finding has some thousand. */
  verdicts: 1024,
  verdictLength: 16_384,
  /** A year: what was sound then says little of now. */
  verdictHours: 8760,
  /** Generations that a conntrack mark tells apart; none is 0, which new connections have. */
  generations: 255,
  /** Questions of a host for its neighbour the gateway, a second: one a minute is usual. */
  neighbourRate: 20,
  /**
   * The same of all hosts together whose address is bound to nobody. The kernel forgets who is not talked with within 90 s,
   * so that they take 9,000 places in its memory.
   */
  unknownNeighbourRate: 100,
  /** Messages of a DHCP client a second, and of all together whose MAC the settings do not name. */
  dhcpRate: 5,
  unknownDhcpRate: 50,
  /** Hosts whose questions are counted one by one. */
  lanSenders: 1024,
  /** Records of denied packets a second, and how many may come at once. */
  logRate: 200,
  logBurst: 400,
} as const;
