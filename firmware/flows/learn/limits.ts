/** Bounds of learning, whose input is whatever devices do. Each is tested at its edge. */
export const limits = {
  /** Different talks (ends, protocol, port) of a window: a plant has some thousands, and more is a scan. */
  talks: 5_000,
  /** Numbers that are looked at to find what sets have in common; with less found, rules are more. */
  comparisons: 500_000,
  /** What is found by that, beside what each source and each destination does by itself. */
  commonSets: 512,
  /** Steps of the search for fewer rules than were found at first, and the talks among which it searches. */
  searchSteps: 20_000,
  searchedElements: 1_000,
  /** Addresses behind a peer that must all have done the same before the whole peer is meant. */
  addressesOfGateway: 3,
  /** Pairs of devices of two labels that are looked at to see whether the labels talk to one another. */
  labelPairs: 10_000,
  /** Ends named as examples with a proposal: a person checks one or two. */
  examples: 3,
} as const;
