/** Time limits of the harness. Emulated guests on two shared cores set them: generous, since a limit is no measurement. */
export const limits = {
  /** QEMU's monitor answers within milliseconds; savevm writes the guest's memory before it answers. */
  monitorMs: 60_000,
  /** From QEMU's start until a gateway's page answers: 30 s alone, twice that beside another one, and slow disks. */
  pageMs: 300_000,
  /** A page request that takes longer is tried again: before the guest's network is up, packets vanish. */
  requestMs: 5_000,
  /** What cannot be sent twice: an emulated box derives a key from a password in seconds, in many where it is busy. */
  passwordMs: 60_000,
  /** Between two looks for the page, before which no guest has any work from us: short against a boot. */
  pagePollMs: 250,
  /** Between two requests for the status, which an emulated guest takes a tenth of a second to answer. */
  statusPollMs: 1_000,
  /** swtpm listens within milliseconds of its start. */
  tpmStartMs: 10_000,
  /** A guest that has not powered off by then is killed. */
  powerDownMs: 20_000,
  /** A boot sector is done in a moment; a virtual machine monitor that hangs is what the probe looks for. */
  bootSectorProbeMs: 5_000,
  /** A kernel on working hardware virtualisation gives up on a missing root within 2 s. */
  kernelProbeMs: 15_000,
  /** Characters of console output that an error message shows. */
  consoleTail: 2_000,
} as const;
