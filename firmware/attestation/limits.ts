/** Bounds on what is believed of event logs and evidence, which whoever booted the machine can write. Each is tested at its edge. */
export const limits = {
  /** Octets of a log: logs of servers with many devices have some 100 KiB, firmware keeps 64 KiB and more for them. */
  logSize: 4 * 1024 * 1024,
  /** Events of a log: real ones have tens to some hundreds. */
  events: 10_000,
  /** Digest algorithms that a log's header names; the TCG's registry has eight hashes that a TPM may have. */
  algorithms: 16,
  /** PCRs of a PC Client TPM (PC Client Platform TPM Profile §4.6). */
  pcrs: 24,
  /** Nodes of a device path: the deepest (USB hubs, network boot) have a dozen. */
  devicePathNodes: 64,
  /** Entries of EFI signature lists in one variable: the UEFI forum's revocation list has some 500. */
  signatures: 8_192,
  /** Entries of a partition table: GPT keeps 128. */
  partitions: 256,
  /** Entries of a boot order, and tables handed over by the firmware. */
  listEntries: 256,
  /** Characters of a text or octets of unknown data that are shown of one event: a kernel's command line is 2048 at most. */
  shownLength: 2_048,
  /** Records of the runtime's log: one at each change of the settings, some at each start of the runtime. */
  runtimeRecords: 1_024,
  /** Endorsement keys of one TPM: an RSA and one or two ECC keys. */
  endorsements: 4,
  /** Certificates with one endorsement key: its own and its issuers'. */
  certificates: 8,
  /** Octets of a certificate: those of endorsement keys have about one thousand. */
  certificateSize: 8_192,
  /** Milliseconds that a challenge may stay unanswered: the slowest TPM takes half a minute for its first evidence. */
  nonceLifetime: 5 * 60 * 1000,
  /** Challenges that are open at once: more boxes than one verifier asks within their lifetime. */
  nonces: 1_024,
  /** Octets of a release manifest: six thousand now. */
  manifestSize: 1024 * 1024,
} as const;
