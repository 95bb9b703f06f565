/** Bounds of a support bundle, which is made in the memory of a box of 256 MiB. */
export const limits = {
  /** Octets of one entry; of what is longer the end is kept, which is the newest. */
  entryOctets: 1024 * 1024,
  /** Octets of all entries together; what comes after is left out and named. */
  bundleOctets: 16 * 1024 * 1024,
  /** Milliseconds for one program or one question to the box: a box that hangs in one place is told of all others. */
  sourceMs: 20_000,
  /** Letters from which on a secret is looked for by its value: a shorter one is found in what has nothing to do with it. */
  knownSecretLength: 8,
  /** Lines of the log and of the audit. */
  logLines: 500,
  auditLines: 200,
} as const;
