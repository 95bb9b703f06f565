import fc from 'fast-check';
import {
  type PolicyInput,
  protocols,
  type Rule,
  type Selector,
  type Service,
} from '../../firmware/policy/policy.ts';
import type { OraclePacket } from './oracle.ts';

/** A small world, so that random selectors and packets meet often. */
const networks = [
  ...['10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '10.1.2.128/25', '192.168.1.0/24', '0.0.0.0/0'],
  ...['fd00::/8', 'fd00:1::/32', 'fd00:1:2::/48', '::/0'],
];
const hosts = [
  ...[
    '10.0.0.1',
    '10.1.0.7',
    '10.1.2.3',
    '10.1.2.200',
    '192.168.1.10',
    '192.168.1.11',
    '8.8.8.8',
    '255.255.255.255',
  ],
  ...[
    'fd00::1',
    'fd00:1::7',
    'fd00:1:2::3',
    'fd55::1',
    '2001:db8::1',
    'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ],
];
const labels = ['zone=a', 'zone=b', 'plc', 'server'];
const peerNames = ['north', 'south'];
const deviceNames = ['press', 'robot', 'historian'];
const platforms = ['qemu', 'aws'];

const someLabels = fc.uniqueArray(fc.constantFrom(...labels), { maxLength: 2 });
const facts = {
  platform: fc.option(fc.constantFrom(...platforms), { nil: undefined }),
  attestation: fc.option(fc.constantFrom('passed', 'failed', 'unknown'), { nil: undefined }),
};

const selector: fc.Arbitrary<Selector> = fc
  .record(
    {
      device: fc.constantFrom(...deviceNames),
      gateway: fc.constantFrom(...peerNames, 'this'),
      labels: fc.uniqueArray(fc.constantFrom(...labels), { minLength: 1, maxLength: 2 }),
      platform: fc.constantFrom(...platforms),
      attestation: fc.constantFrom('passed', 'failed', 'unknown'),
      addresses: fc.uniqueArray(fc.constantFrom(...networks, ...hosts), { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  )
  .filter((given) => {
    const count = Object.keys(given).length;
    return count > 0 && count <= 2;
  });

const side = fc.oneof(
  fc.constant('any' as const),
  selector,
  fc.array(selector, { minLength: 1, maxLength: 2 }),
);

const ports = fc.oneof(
  fc.constantFrom(0, 80, 443, 502, 65_535),
  fc.constantFrom('0-65535', '1-1023', '400-600', '502-502'),
);
const service: fc.Arbitrary<Service> = fc.oneof(
  fc.record({ protocol: fc.constantFrom(...protocols) }),
  fc.record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    ports: fc.array(ports, { minLength: 1, maxLength: 2 }),
  }),
);

const rule: fc.Arbitrary<Omit<Rule, 'id'>> = fc.oneof(
  ...(['enforce', 'staged', 'observe'] as const).map((mode) =>
    fc.record({
      subject: side,
      verb:
        mode === 'observe'
          ? fc.constant('allow' as const)
          : fc.constantFrom('allow' as const, 'deny' as const),
      object: fc.oneof(
        { weight: 3, arbitrary: side },
        { weight: 1, arbitrary: fc.constant({ own: true } as const) },
      ),
      services: fc.oneof(fc.constant('any' as const), fc.array(service, { minLength: 1, maxLength: 2 })),
      mode: fc.constant(mode),
    }),
  ),
);

/** Policies of up to a dozen rules over three devices and two peers whose networks may lie within each other's. */
export const randomPolicy: fc.Arbitrary<PolicyInput> = fc
  .record({
    rules: fc.array(rule, { maxLength: 12 }),
    devices: fc.tuple(
      ...deviceNames.map((name) =>
        fc.record({
          name: fc.constant(name),
          addresses: fc.uniqueArray(fc.constantFrom(...hosts, ...networks.slice(2, 5)), {
            minLength: 1,
            maxLength: 2,
          }),
          labels: someLabels,
        }),
      ),
    ),
    own: fc.record(facts),
    ownLabels: someLabels,
    peerLabels: fc.tuple(...peerNames.map(() => someLabels)),
    peers: fc.tuple(
      ...peerNames.map(() =>
        fc.record({
          ...facts,
          prefixes: fc.uniqueArray(fc.constantFrom(...networks), { maxLength: 3 }),
        }),
      ),
    ),
    unknownDevices: fc.constantFrom('quarantine' as const, 'permitted' as const),
    ownServices: fc.constantFrom('accepted' as const, 'rules' as const, undefined),
  })
  .map(({ rules, devices, own, ownLabels, peerLabels, peers, unknownDevices, ownServices }) => {
    const taken = new Set<string>();
    return {
      policy: {
        labels: ownLabels,
        peerLabels: Object.fromEntries(peerNames.map((name, index) => [name, peerLabels[index] ?? []])),
        devices,
        rules: rules.map((given, index) => ({ id: `rule-${index}`, ...given })),
        ...{ unknownDevices, ownServices },
      },
      own,
      peers: peers.map(({ prefixes, ...known }, index) => ({
        ...known,
        name: peerNames[index] ?? '',
        hit: `2001:20::${index}`,
        // The settings let no two peers have the same network.
        protectedPrefixes: prefixes.filter((prefix) => !taken.has(prefix) && taken.add(prefix)),
      })),
    };
  });

export const randomPacket: fc.Arbitrary<OraclePacket> = fc
  .record({
    family: fc.constantFrom('ipv4', 'ipv6'),
    ends: fc.tuple(fc.nat(), fc.nat()),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'icmp' as const, 'other' as const),
    port: fc.constantFrom(0, 1, 53, 67, 80, 399, 400, 443, 502, 547, 600, 601, 1023, 1024, 65_535),
    local: fc.record({ source: fc.boolean(), destination: fc.boolean() }),
    own: fc.boolean(),
  })
  .map(({ family, ends, protocol, port, local, own: isOwn }) => {
    const own = hosts.filter((host) => host.includes(':') === (family === 'ipv6'));
    const [source = '', destination = ''] = ends.map((number) => own[number % own.length]);
    return {
      source,
      destination,
      protocol,
      port: protocol === 'tcp' || protocol === 'udp' ? port : 0,
      local,
      own: isOwn,
    };
  });
