/** Every text of the page, so that all of it can be read, corrected and one day translated in one place. */
const plural = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;
const listed = (names: readonly string[]) =>
  names.length > 2 ? `${names[0]}, ${names[1]} and ${names.length - 2} more` : names.join(' and ');

export const texts = {
  product: 'Hithe',
  skip: 'Skip to the content',
  navigation: 'Sections',
  more: 'More',
  copy: 'Copy',
  copied: 'Copied',
  unknown: 'unknown',
  none: 'none',
  ago: (duration: string) => `${duration} ago`,
  what: (term: string) => `What is ${term}?`,

  sections: {
    overview: 'Overview',
    network: 'Network',
    overlay: 'Overlay',
    trust: 'Trust',
    devices: 'Devices',
    system: 'System',
    log: 'Log',
  },

  connection: {
    loading: 'Connecting',
    live: 'Live',
    offline: 'Offline',
    asking: 'Asking the box how it is …',
    neverAnswered: 'The box does not answer',
    neverAnsweredAdvice: 'This page tries again by itself. Check the cable and that the box has power.',
    lost: (time: string, duration: string) =>
      `The box has not answered since ${time} (${duration}). What is shown is from then; this page comes back by itself.`,
    closed: 'The box is claimed. Its page is no longer served on this port.',
    closedAdvice:
      'Its one port is the underlay, and the underlay is no place for this page. The console still works.',
  },

  summary: {
    networkFailed: 'The network could not be set up.',
    networkFailedAdvice: 'The log says why.',
    networkApplying: 'The network is being set up.',
    noLink: (ports: readonly string[]) => `The uplink has no link on ${listed(ports)}.`,
    noLinkAdvice: 'Check the cable and the device at its other end.',
    noAddress: 'The uplink has no address yet.',
    noAddressAdvice: (ports: readonly string[]) =>
      `Check that the network on ${listed(ports)} gives addresses by DHCP.`,
    quoteNotVerified: 'The TPM’s quote is not genuine.',
    quoteNotVerifiedAdvice: 'Do not trust this box until you know why. See Trust.',
    tpmFailed: 'The TPM does not work.',
    allDown: (count: number, names: readonly string[]) =>
      count === 1 ? `The tunnel to ${names[0]} is down.` : `All ${count} tunnels are down.`,
    allDownAdvice: 'Check that the peers’ addresses can be reached over the uplink.',
    someDown: (up: number, count: number, names: readonly string[]) =>
      `${up} of ${count} tunnels ${up === 1 ? 'is' : 'are'} up; ${listed(names)} ${names.length === 1 ? 'is' : 'are'} down.`,
    someDownAdvice: 'See Overlay for the last error.',
    connecting: (names: readonly string[]) => `The tunnel to ${listed(names)} is being set up.`,
    up: (names: readonly string[]) =>
      names.length === 1 ? `The tunnel to ${names[0]} is up.` : `All ${names.length} tunnels are up.`,
    noTunnels: 'The box is running. It has no tunnels yet.',
    quoteGood: 'The TPM’s quote is good.',
    noTpm: 'There is no TPM.',
    lastKnown: (sentence: string) => `Last known: ${sentence}`,
    moreWarnings: (count: number) => `${plural(count, 'more warning', 'more warnings')} below.`,
  },

  claim: {
    title: 'This box is not claimed yet',
    why: 'The claim code stands on the box’s console. Claiming marks the box as taken, so that nobody else can claim it.',
    honest: 'There are no passwords yet: whoever reaches this page can read it.',
    closes: 'This box has one port. Once it is claimed, this page is no longer served on it.',
    label: 'Claim code',
    hint: 'Eight letters and digits, like 4KQ7-9XZM',
    button: 'Claim this box',
    empty: 'Type the code that the console shows.',
    unreachable: 'The box did not answer. Nothing has changed; try again.',
  },

  warnings: 'Warnings',
  facts: {
    identity: 'Identity',
    platform: 'Platform',
    image: 'Image',
    uptime: 'Up for',
  },
  identity: {
    software: 'Software identity',
    softwareMeaning: 'Its key is a file on this box. Whoever copies the disk has it.',
    tpm: 'Key in the TPM',
    none: 'No identity yet',
    unusable: 'Identity cannot be used',
    hitTerm: 'a HIT',
    hitMeaning:
      'The host identity tag is made from the box’s public key. It is the box’s name in the overlay; nobody else can prove that it is theirs.',
  },
  platform: {
    decidedBy: (fact: string) => `decided by ${fact}`,
    kind: { cloud: 'Cloud', hypervisor: 'Hypervisor', board: 'Board', unknown: 'Unknown hardware' },
  },

  network: {
    applying: 'The network is being set up.',
    failed: 'The network could not be set up.',
    none: 'The box has no network interface.',
    noneAdvice: 'A network card without a driver is listed under Devices.',
    face: 'Ports of this box',
    columns: {
      name: 'Interface',
      role: 'Role',
      link: 'Link',
      addresses: 'Addresses',
      received: 'Received',
      sent: 'Sent',
    },
    role: {
      underlay: 'Underlay',
      lan: 'LAN',
      management: 'Management',
      overlay: 'Overlay',
      unused: 'Unused',
    },
    link: { up: 'Up', down: 'Down', unknown: 'Unknown' },
    noAddress: 'no address',
    perSecond: (bytes: string) => `${bytes}/s`,
    packets: (count: number) => `${count.toLocaleString('en-GB')} packets`,
    mtu: (mtu: number) => `MTU\u00a0${mtu}`,
    rolesTerm: 'underlay, LAN and overlay',
    rolesMeaning:
      'The underlay is the network that carries the tunnels, usually the way to the Internet. The LAN is where the protected devices are. The overlay is what the tunnels join.',
  },

  overlay: {
    term: 'a tunnel',
    meaning:
      'Each tunnel joins this box with another gateway. Both prove their identity by HIP; ESP carries the packets.',
    columns: {
      peer: 'Peer',
      state: 'State',
      locator: 'Locator',
      networks: 'Networks',
      since: 'Since',
    },
    state: { up: 'Up', idle: 'On demand', connecting: 'Connecting', closing: 'Closing', down: 'Down' },
    association: (
      suite: string,
      facts: { roundTripMs: number | null; pathMtu: number | null; rekeys: number },
    ) =>
      [
        suite,
        facts.roundTripMs === null ? '' : `${facts.roundTripMs.toFixed(1)}\u00a0ms`,
        facts.pathMtu === null ? '' : `path\u00a0MTU\u00a0${facts.pathMtu}`,
        facts.rekeys === 0 ? '' : `rekeyed\u00a0${facts.rekeys}\u00d7`,
      ]
        .filter((part) => part !== '')
        .join(', '),
    traffic: (sent: string, received: string) => `${sent} sent, ${received} received`,
    dropped: {
      wrongSource: 'from a wrong source',
      tooOld: 'too old',
      replayed: 'replayed',
      forged: 'not authentic',
    },
    droppedLine: (counts: readonly (readonly [number, string])[]) =>
      `Dropped packets: ${counts.map(([count, word]) => `${count} ${word}`).join(', ')}`,
    none: 'No tunnels yet.',
    noneAdvice:
      'Give the box a settings disc that names its peers under overlay.peers, each as hip://host:port/HIT, and restart it.',
    noLocator: 'no address yet',
    notUp: 'not up',
    lastError: (error: string) => `Last error: ${error}`,
    copyHit: (peer: string) => `Copy the HIT of ${peer}`,
  },

  measuredBoot: {
    title: 'What was measured, event by event',
    loading: 'The TPM is being asked.',
    unreachable: 'The box did not answer.',
    event: 'Event',
    eventsOf: (register: string) => `Events of ${register}`,
    expected: 'Expected',
    actual: 'Measured',
    same: 'As released',
    different: 'Differs',
    differs: 'Differs from the release',
    unknown: 'Not compared',
    release: (version: string, development: boolean) =>
      `Compared with ${version}${development ? ', a development release' : ''}.`,
    self: 'The box compared itself, and a box cannot prove itself: whoever controls it controls this page. Have its evidence appraised elsewhere.',
    noRelease:
      'No release’s manifest lies on the box, so nothing is compared here. Have its evidence appraised elsewhere.',
  },
  trust: {
    term: 'measured boot',
    meaning:
      'Each step of the boot is hashed into a register (PCR) of the TPM before it runs. A quote is the TPM’s signature over those registers; nobody can make the TPM sign others.',
    chain: 'From the firmware to the identity',
    firmware: 'Firmware',
    loader: 'Boot loader',
    image: 'Image',
    quote: 'Quote',
    identity: 'Identity',
    pcr: (index: number) => `PCR ${index}`,
    measured: 'Measured',
    notMeasured: 'Not measured',
    reading: 'Being read',
    verified: 'Verified',
    notVerified: 'Not verified',
    noQuote: 'No quote',
    notCompared:
      'Measured means that the TPM holds the value. Whether it is a release’s is for somebody else to say: hithe attest appraise.',
    absent: 'No TPM was found.',
    absentAdvice:
      'The box works, but it cannot prove what it booted. Many boards have a TPM that is off: look for TPM, PTT or fTPM in the firmware’s settings.',
    pending: 'The TPM is being read.',
    failed: 'The TPM was found but does not work.',
    facts: {
      tpm: 'TPM',
      signature: 'Signature',
      signing: 'A signature takes',
      took: 'Reading and quoting took',
      clock: 'Clock at the quote',
      resets: 'Restarts counted',
      pcrDigest: 'Digest of the PCRs',
    },
    milliseconds: (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`,
    allPcrs: (bank: string, count: number) => `All ${plural(count, 'register', 'registers')} (${bank})`,
    register: 'Register',
    digest: 'Digest',
  },

  devices: {
    drivers: 'Drivers loaded for this machine',
    columns: { device: 'Device', description: 'What it is', driver: 'Driver', modules: 'Loaded' },
    noDriver: 'no driver',
    none: 'No driver had to be loaded.',
    listing: 'The hardware is being listed.',
    cpu: 'Processor',
    cores: (count: number) => plural(count, 'core', 'cores'),
    disks: 'Disks',
    noDisks: 'No disk.',
    serial: 'Serial ports',
    hid: 'Keys and panels',
  },

  system: {
    image: 'Image',
    version: 'Version',
    rootHash: 'Root hash',
    noRootHash: 'not booted from an image',
    development: 'development build: signed with a key that everybody has',
    slot: 'Slot',
    kernel: 'Kernel',
    bundle: 'Bundle (SHA-256)',
    machine: 'Machine',
    platform: 'Platform',
    vendor: 'Vendor',
    product: 'Product',
    serial: 'Serial number',
    profile: 'Board profile',
    dataSource: 'Settings came from',
    decidedBy: 'Decided by',
    uptime: 'Up for',
    memory: 'Memory',
    memoryUsed: (used: string, total: string) => `${used} of ${total} used`,
    time: 'Time of the box',
    programs: 'For programs',
    statusJson: 'Status as JSON',
    openapi: 'Description of the API (OpenAPI)',
  },

  log: {
    filter: 'Show',
    levels: { debug: 'Everything', info: 'Info and above', warning: 'Warnings and errors', error: 'Errors' },
    level: { debug: 'Debug', info: 'Info', warning: 'Warning', error: 'Error' },
    columns: { time: 'Time', level: 'Level', source: 'From', message: 'Message' },
    none: 'Nothing has been logged yet.',
    noneOfLevel: 'Nothing of this kind has been logged.',
    showNew: (count: number) =>
      count === 0 ? 'No new lines' : `Show ${plural(count, 'new line', 'new lines')}`,
  },
} as const;
