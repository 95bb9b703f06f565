import type { LogEntry, Status } from '../../firmware/webui/api/status-schema.ts';

type Reading = Omit<Status, 'time' | 'claimed' | 'log'>;
type Interface = Status['network']['interfaces'][number];

const digest = (seed: number, length = 64) =>
  Array.from({ length }, (_, index) =>
    ((seed * 7 + index * 13 + index * index * seed) % 16).toString(16),
  ).join('');

function port(name: string, kernelName: string, fields: Partial<Interface>): Interface {
  return {
    name,
    kernelName,
    label: null,
    role: 'unused',
    driver: 'virtio_net',
    mac: `52:54:00:12:34:0${kernelName.length}`,
    link: 'up',
    mtu: 1500,
    speed: null,
    addresses: [],
    receivedBytes: 0,
    sentBytes: 0,
    receivedPackets: 0,
    sentPackets: 0,
    uplink: null,
    ...fields,
  };
}

/** What a tunnel that has been up for so long has carried. */
function carried(seconds: number) {
  return {
    connect: 'always',
    role: 'initiator',
    rekeys: Math.floor(seconds / 3600),
    roundTripMs: 11.3,
    pathMtu: 1500,
    traffic: {
      sentBytes: seconds * 41_207,
      sentPackets: seconds * 61,
      receivedBytes: seconds * 12_045,
      receivedPackets: seconds * 38,
    },
    dropped: { wrongSource: 0, tooOld: 0, replayed: 0, forged: 0 },
  } as const;
}

/** A gateway with three tunnels, as one sees it after some days. `at` in milliseconds since 1970. */
export function normalStatus(at: number): Reading {
  const ago = (seconds: number) => new Date(at - seconds * 1000).toISOString();
  return {
    hostname: 'gate-hamburg',
    conductor: 'hip://conductor.example:10500/2001:20::c',
    trial: null,
    uptimeSeconds: 273_907,
    image: {
      version: '0.1.0',
      rootHash: digest(3),
      slot: 'a',
      kernel: '6.12.48+deb13-amd64',
      bundleSha256: digest(5),
      development: false,
    },
    platform: {
      platform: 'qemu',
      kind: 'hypervisor',
      vendor: 'QEMU',
      product: 'Standard PC (Q35 + ICH9, 2009)',
      serial: null,
      boardProfile: 'qemu-q35',
      dataSource: 'nocloud',
      decidedBy: 'DMI sys_vendor "QEMU"',
    },
    tpm: {
      state: 'present',
      manufacturer: 'IBM (swtpm)',
      firmwareVersion: '2.0 rev 164',
      pcrBank: 'sha256',
      pcrs: [0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 14].map((index) => ({ index, digest: digest(index + 2) })),
      quote: {
        verified: true,
        signatureAlgorithm: 'ECDSA P-256 with SHA-256',
        pcrDigest: digest(9),
        clock: '3 d 4 h 5 min',
        resetCount: 4,
        milliseconds: 3.42,
      },
    },
    identity: {
      hit: '2001:22:9a1c:44d0:7be:91f3:20c7:5e1d',
      keyStorage: 'software',
      detail: 'ECDSA P-256, suite 2, in /state/secrets',
      formerHit: null,
      problem: null,
      signing: { count: 12, lastMilliseconds: 0.31, p50Milliseconds: 0.28 },
    },
    network: {
      state: 'applied',
      detail: null,
      interfaces: [
        port('port1', 'enp0s2', {
          role: 'underlay',
          addresses: ['203.0.113.17/24', '2001:db8:12::5054:ff:fe12:3456/64'],
          receivedBytes: 1_284_553_120,
          sentBytes: 402_114_880,
          receivedPackets: 1_204_112,
          sentPackets: 640_220,
        }),
        port('port2', 'enp0s3', { role: 'lan', receivedBytes: 398_221_004, sentBytes: 1_190_442_716 }),
        port('port3', 'enp0s4', { role: 'lan', link: 'down' }),
        port('lan', 'br-lan', {
          role: 'lan',
          driver: null,
          addresses: ['192.168.1.1/24', 'fe80::5054:ff:fe12:3457/64'],
          receivedBytes: 396_100_310,
          sentBytes: 1_188_004_201,
        }),
        port('hip0', 'hip0', {
          role: 'overlay',
          driver: null,
          mac: null,
          link: 'unknown',
          mtu: 1400,
          addresses: ['2001:22:9a1c:44d0:7be:91f3:20c7:5e1d/128'],
          receivedBytes: 380_553_120,
          sentBytes: 1_100_204_411,
        }),
      ],
    },
    strayDatagrams: { notHip: 0, badChecksum: 0 },
    alarms: [],
    tunnels: [
      {
        peer: 'berlin',
        hit: '2001:22:51d:8ac2:b1f0:33e9:7c04:aa10',
        state: 'ESTABLISHED',
        locator: '198.51.100.20:10500',
        espSuite: 'AES-128-GCM-16',
        spis: { ours: 0x4c3a9e11, theirs: 0x91f002c1 },
        protectedPrefixes: ['192.168.20.0/24'],
        establishedAt: ago(7384),
        lastError: null,
        ...carried(7384),
      },
      {
        peer: 'leipzig',
        hit: '2001:22:e3:11b7:4a90:cc18:93d2:6f01',
        state: 'ESTABLISHED',
        locator: '[2001:db8:77::20]:10500',
        espSuite: 'AES-128-GCM-16',
        spis: { ours: 0x4c3a9e12, theirs: 0x91f002c2 },
        protectedPrefixes: ['192.168.30.0/24', 'fd00:30::/64'],
        establishedAt: ago(212),
        lastError: null,
        ...carried(212),
      },
      {
        peer: 'wien',
        hit: '2001:22:77aa:190:4c2e:e01:b8d3:1299',
        state: 'ESTABLISHED',
        locator: '192.0.2.200:10500',
        espSuite: 'AES-128-GCM-16',
        spis: { ours: 0x4c3a9e13, theirs: 0x91f002c3 },
        protectedPrefixes: ['10.40.0.0/16'],
        establishedAt: ago(19),
        lastError: null,
        ...carried(19),
      },
    ],
    devices: [
      {
        device: '0000:00:02.0',
        description: 'Virtio network device',
        driver: 'virtio-pci',
        modules: ['virtio_net', 'failover'],
      },
      {
        device: '0000:00:1f.2',
        description: 'SATA controller',
        driver: 'ahci',
        modules: ['ahci', 'libahci', 'libata'],
      },
      { device: 'MSFT0101:00', description: 'TPM 2.0 (CRB)', driver: 'tpm_crb', modules: ['tpm_crb'] },
      { device: '0000:00:1f.3', description: 'SMBus controller', driver: null, modules: [] },
    ],
    memory: { totalBytes: 512 * 2 ** 20, usedBytes: 171 * 2 ** 20, availableBytes: 318 * 2 ** 20 },
    inventory: {
      cpu: 'QEMU Virtual CPU version 2.5+',
      cores: 2,
      disks: [{ name: 'vda', model: 'virtio', sizeBytes: 4 * 2 ** 30 }],
      serialPorts: ['/dev/ttyS0'],
      hidDevices: ['QEMU USB Tablet'],
    },
    warnings: [],
  };
}

/** A box just started: no TPM, no tunnels, no log, the hardware not listed yet. */
export function emptyStatus(at: number): Reading {
  const normal = normalStatus(at);
  return {
    ...normal,
    hostname: 'hithe',
    conductor: null,
    uptimeSeconds: 41,
    tpm: { state: 'absent', reason: 'No /dev/tpmrm0 and no TPM2 table in ACPI.' },
    identity: {
      ...{ hit: null, keyStorage: 'none', detail: 'The key is being made.' },
      ...{ formerHit: null, problem: null, signing: null },
    },
    network: {
      ...normal.network,
      interfaces: normal.network.interfaces.slice(0, 1),
    },
    tunnels: [],
    strayDatagrams: null,
    alarms: [],
    devices: [],
    inventory: null,
  };
}

/** Things that go wrong, with the names that make pages burst: 63 characters, umlauts, right to left. */
export function degradedStatus(at: number): Reading {
  const normal = normalStatus(at);
  const [first, second, third] = normal.tunnels;
  if (first === undefined || second === undefined || third === undefined) throw new Error('three tunnels');
  return {
    ...normal,
    hostname: 'gateway-in-the-basement-of-the-old-brewery-building-number-12-b',
    tpm: {
      state: 'failed',
      reason: 'TPM2_Startup answered 0x101 (TPM_RC_FAILURE).',
      advice: 'Take the power away for ten seconds; a warm restart does not reset a TPM.',
    },
    strayDatagrams: { notHip: 1_204, badChecksum: 3 },
    alarms: [],
    tunnels: [
      { ...first, peer: 'Außenstelle Köln-Müngersdorf, Gebäude Süd, Technikraum 2.14' },
      {
        ...second,
        peer: 'מחסן תל אביב',
        state: 'I1-SENT',
        locator: null,
        espSuite: null,
        spis: null,
        establishedAt: null,
        lastError: 'No answer to 4 I1 packets',
      },
      {
        ...third,
        state: 'E-FAILED',
        espSuite: null,
        spis: null,
        establishedAt: null,
        lastError: 'NOTIFY AUTHENTICATION_FAILED (24): the peer did not accept our signature',
        role: null,
        dropped: { wrongSource: 12, tooOld: 0, replayed: 3, forged: 0 },
      },
    ],
    warnings: [
      {
        code: 'state-in-memory',
        message: 'The state partition could not be opened.',
        advice: 'The box runs from memory and forgets everything at the next restart. Check its disk.',
      },
    ],
  };
}

export function logLines(at: number, count = 24): LogEntry[] {
  const lines = [
    ['info', 'boot', 'Platform qemu, decided by DMI sys_vendor "QEMU"'],
    ['info', 'netd', 'port1: DHCP lease 203.0.113.17/24 from 203.0.113.1 for 3600 s'],
    ['warning', 'hip', 'wien: no R1 after 4 I1 packets; next try in 8 s'],
    ['info', 'webui', 'The page is served on 192.168.1.1, fe80::5054:ff:fe12:3457%br-lan.'],
    ['debug', 'hip', 'berlin: UPDATE with ack 12, seq 4'],
    ['error', 'hip', 'wien: NOTIFY AUTHENTICATION_FAILED (24)'],
  ] as const;
  return Array.from({ length: count }, (_, index) => {
    const [level, source, message] = lines[index % lines.length] ?? ['info', 'boot', ''];
    return { time: new Date(at - (count - index) * 7300).toISOString(), level, source, message };
  });
}
