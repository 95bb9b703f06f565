/**
 * What the kernel says of a flow to whoever records it.
 *
 * A connection that a rule lets through carries the rule's number in the lower 24 bits of its conntrack mark; the upper
 * eight are the generation of the ruleset that decided it. A mark whose lower bits are zero belongs to a connection
 * that nobody let through. What is denied, and what a staged rule would change, goes to an nflog group, as often as a
 * rate limit admits: the prefix tells the reason, the packet's mark (NFULA_MARK) is the number of the rule, zero where
 * none matched. Rule numbers stay those of their rules' ids over reloads; `RuleNumbers` tells which is whose.
 */
export const flowMarks = {
  ruleMask: 0x00ff_ffff,
  generationMask: 0xff00_0000,
  generationShift: 24,
  /** Of netlink's NFLOG. */
  logGroup: 7000,
} as const;

/** The counter, in each table of the policy, of packets that the rate limit kept out of the log group. */
export const unloggedCounter = 'unlogged';

/** Why a packet is in the log group, by its prefix. `spoofed`: from a device's address, and not from its MAC. `staged`: nothing was done to it, a staged rule would have. */
export const logPrefixes = {
  rule: 'hithe deny rule',
  default: 'hithe deny default',
  quarantine: 'hithe deny quarantine',
  spoofed: 'hithe deny spoofed',
  staged: 'hithe staged rule',
} as const;
