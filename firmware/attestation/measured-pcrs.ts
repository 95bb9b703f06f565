/**
 * The PCRs that a box quotes, of the SHA-256 bank: what firmware, loader and stub measure, those that have to stay empty
 * on a released boot, and the runtime's own. PCR 10 is left out: the kernel's IMA may extend it, and no policy is for it.
 */
export const attestedPcrs = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15] as const;

/**
 * The runtime's own measurements. Firmware, loader and stub leave PCR 15 to the operating system (UAPI.7 "Linux TPM PCR
 * Registry"); 16 and 23 could be reset while the box runs.
 */
export const runtimePcr = 15;

export const attestedBank = 'sha256';
