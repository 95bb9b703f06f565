/** Bounds of the boot room. Each is tested at its edge. */
export const limits = {
  /** Octets read of one DMI or device tree file: SMBIOS strings are far shorter, and sysfs serves at most a page. */
  factOctets: 4096,
  /** Octets read of /proc/cpuinfo: the first processor's block, flags included, fits four times. */
  cpuinfoOctets: 16 * 1024,
  /** Characters kept of one fact: a table cell and a log line; real vendors stay under 64 (SMBIOS 3.7, 6.1.3). */
  factCharacters: 128,
  /** Strings of one device tree `compatible` property: real boards have two to four. */
  compatibleStrings: 32,
  /** Arguments looked at on the kernel command line, which x86 bounds at 2048 characters. */
  kernelArguments: 512,
  /** Passes over the modaliases: a driver may bring a bus whose devices bring further ones (PCI, USB, hub, disk). */
  driverPasses: 5,
  /** Seconds that the rest of the start leaves the processor to tunnels which are always wanted: an exchange with its first repetition. */
  tunnelsFirstSeconds: 10,
  /** Milliseconds between two looks whether they carry. */
  tunnelsLookMs: 250,
  /** Characters of aliases in one call of modprobe: an argument vector holds 128 KiB in one string, 2 MiB in all. */
  modprobeArguments: 100_000,
  /** Devices told on the page: a full server chassis has about as many PCI functions. */
  reportedDevices: 256,
  /** Octets of an EFI variable: a path on the ESP or a version string, in UTF-16. */
  efiVariableOctets: 4096,
  /** Octets of a volume's head in which its label is looked for: the ISO 9660 descriptor ends at 34 KiB. */
  volumeHeadOctets: 64 * 1024,
  /** Octets read of a FAT root directory: the label is one of the first entries, a FAT12 root has 224 entries of 32. */
  rootDirectoryOctets: 16 * 1024,
  /** Octets of `meta-data`: an instance id and a host name. */
  metaDataOctets: 64 * 1024,
  /** Octets of the environment on Azure's provisioning disc: its custom data has at most 64 KiB before base64. */
  provisioningOctets: 256 * 1024,
  /** Elements of it within one another: four lead to the custom data. */
  provisioningDepth: 32,
  /** Milliseconds between two looks for a new disc: a person notices no delay, an idle box no work. */
  discIntervalMs: 2000,
  /** Milliseconds until a metadata service must have answered whole: it stands next door. */
  metadataTimeoutMs: 5000,
  /** How often it is asked, and how long to wait in between, doubled each time: three minutes in all. */
  metadataTries: 10,
  metadataFirstDelayMs: 1000,
  metadataLongestDelayMs: 30_000,
  /** Peers that are asked whether a change of settings left them reachable: some speak for all, and all are asked at once. */
  reachedPeers: 8,
  /** Milliseconds between two looks whether a change that confirms itself may stay. */
  proofIntervalMs: 2000,
  /** Series of one kind of metrics: a database of metrics is filled by more, and most gateways have fewer peers and rules. */
  metricSeries: 1_000,
  /** Records of flows that rules are learned from, and those read at one go: a busy day of a plant. */
  learnFlows: 500_000,
  learnPage: 5_000,
  /** Seconds that accepted rules and devices are on trial for, unless peers and page prove them before. */
  policyTrialSeconds: 60,
} as const;
