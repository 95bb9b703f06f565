import { SeededRandom } from './random.ts';
import type {
  AttackKind,
  GatewayPlan,
  LinkConditions,
  NatPlan,
  PairPlan,
  PlannedEvent,
  Scenario,
} from './scenario.ts';

/** What the runs of a family have in common. */
export type Family = 'quiet' | 'rough' | 'translated' | 'moving' | 'hostile' | 'everything';

type Features = {
  readonly badLinks: boolean;
  readonly nats: boolean;
  readonly failures: boolean;
  readonly moves: boolean;
  readonly attacks: boolean;
};

const families: Readonly<Record<Family, Features>> = {
  quiet: { badLinks: false, nats: false, failures: false, moves: false, attacks: false },
  rough: { badLinks: true, nats: false, failures: true, moves: false, attacks: false },
  translated: { badLinks: false, nats: true, failures: true, moves: false, attacks: false },
  moving: { badLinks: true, nats: false, failures: false, moves: true, attacks: false },
  hostile: { badLinks: false, nats: false, failures: true, moves: false, attacks: true },
  everything: { badLinks: true, nats: true, failures: true, moves: true, attacks: true },
};

const attackKinds: readonly AttackKind[] = [
  'replay',
  'readdress',
  'reflect',
  'misdeliver',
  'mutate',
  'flood-i1',
  'flood-i2',
  'forge-esp',
];

/** Makes a scenario of a family from a seed. */
export function generate(family: Family, seed: number): Scenario {
  const random = new SeededRandom(seed, family);
  const features = families[family];
  const nats = features.nats ? makeNats(random, features) : [];
  const gateways = makeGateways(random, features, nats);
  const pairs = makePairs(random, gateways, nats);
  const healAt = random.whole(40, 120) * 1_000;
  return {
    seed,
    gateways,
    nats: nats.map((nat) => ({
      ...nat,
      forwardsTo:
        gateways.find(({ behind, name }) => behind === nat.name && name === nat.forwardsTo)?.name ?? null,
    })),
    pairs,
    events: makeEvents(random, features, { gateways, nats, pairs, healAt }),
    rekey: { seconds: random.pick([8, 45, 3_600, 3_600]), mebibytes: random.pick([1, 65_536, 65_536]) },
    trafficMs: random.whole(10, 30) * 100,
    healAt,
  };
}

function makeNats(random: SeededRandom, { failures }: Features): NatPlan[] {
  return Array.from({ length: random.whole(1, 2) }, (_, index) => ({
    name: `nat${index}`,
    address: `198.51.100.${index + 1}`,
    mapping: random.pick(['endpoint-independent', 'endpoint-dependent'] as const),
    filtering: random.pick(['endpoint-independent', 'endpoint-dependent'] as const),
    // Less than the keepalive's period would keep no mapping (RFC 4787 §4.3 asks for two minutes).
    timeoutMs: random.whole(failures ? 25 : 60, 180) * 1_000,
    forwardsTo: random.chance(0.5) ? `gw${index}` : null,
    link: makeLink(random, false),
  }));
}

function makeGateways(random: SeededRandom, features: Features, nats: readonly NatPlan[]): GatewayPlan[] {
  const versions = features.nats ? 'ipv4' : random.pick(['ipv4', 'ipv6', 'both'] as const);
  return Array.from({ length: random.pick([3, 3, 3, 4, 4, 5, 6]) }, (_, index) => {
    const nat = nats[index];
    return {
      name: `gw${index}`,
      addresses: nat === undefined ? addressesOf(versions, index + 1) : [`192.168.${index + 1}.10`],
      behind: nat?.name ?? null,
      // Whoever moves must be found again.
      hasName: features.moves || random.chance(0.3),
      link: makeLink(random, features.badLinks),
      longestSignatureMs: random.pick([2, 20, 300, 900]),
      longestCommandMs: random.pick([2, 10, 60]),
    };
  });
}

function addressesOf(versions: 'ipv4' | 'ipv6' | 'both', host: number): string[] {
  return [
    ...(versions === 'ipv6' ? [] : [`192.0.2.${host}`]),
    ...(versions === 'ipv4' ? [] : [`2001:db8::${host.toString(16)}`]),
  ];
}

function makeLink(random: SeededRandom, isBad: boolean): LinkConditions {
  const latencyMs = random.whole(0, 60);
  if (!isBad) return { loss: 0, duplication: 0, latencyMs, jitterMs: random.pick([0, 0, 3, 30]) };
  return {
    loss: random.pick([0, 0.02, 0.1, 0.2]),
    duplication: random.pick([0, 0.05, 0.2]),
    latencyMs,
    jitterMs: random.pick([0, 20, 200, 800]),
  };
}

/** A chain, so that everybody is somebody's peer, and some more. Of two behind NATs one must have a forwarded port. */
function makePairs(
  random: SeededRandom,
  gateways: readonly GatewayPlan[],
  nats: readonly NatPlan[],
): PairPlan[] {
  const isOpen = ({ name, behind }: GatewayPlan) =>
    behind === null || nats.some(({ forwardsTo }) => forwardsTo === name);
  return gateways.flatMap((right, place) =>
    gateways
      .slice(0, place)
      .filter((left, index) => (isOpen(left) || isOpen(right)) && (index === place - 1 || random.chance(0.2)))
      .map((left) => ({
        ends: [left.name, right.name] as const,
        connect: random.chance(0.2) ? 'on-demand' : 'always',
        // A NAT lets nothing through but UDP.
        framing: left.behind === null && right.behind === null && random.chance(0.2) ? 'raw' : 'udp',
      })),
  );
}

type Network = Pick<Scenario, 'gateways' | 'nats' | 'pairs' | 'healAt'>;

function makeEvents(random: SeededRandom, features: Features, network: Network): PlannedEvent[] {
  const makers = [
    ...(features.badLinks ? [makeLinkChange, makePartition] : []),
    ...(features.failures ? [makeFailure, makeFailure, makePartition, makeUnpairing] : []),
    ...(features.nats ? [makeRebinding, makeRebinding] : []),
    ...(features.moves ? [makeMove, makeMove] : []),
    ...(features.attacks ? [makeAttack, makeAttack, makeAttack, makeImpostor] : []),
  ];
  if (makers.length === 0) return [];
  return Array.from({ length: random.whole(2, 10) }, () => {
    const at = random.whole(0, network.healAt - 1_000);
    return random.pick(makers)(random, at, network);
  })
    .flat()
    .toSorted((left, right) => left.at - right.at);
}

type Maker = (random: SeededRandom, at: number, network: Network) => PlannedEvent[];

const makeLinkChange: Maker = (random, at, { gateways }) => [
  { at, type: 'link', of: random.pick(gateways).name, link: makeLink(random, true) },
];

const makePartition: Maker = (random, at, { gateways, nats }) => {
  const all = [...gateways.filter(({ behind }) => behind === null), ...nats].map(({ name }) => name);
  const of = all.filter(() => random.chance(0.5));
  return [{ at, type: 'partition', of, forMs: random.whole(1, 120) * 1_000 }];
};

const makeFailure: Maker = (random, at, { gateways }) => {
  const gateway = random.pick(gateways).name;
  const downMs = random.whole(100, 40_000);
  return [
    random.chance(0.2)
      ? { at, type: 'sleep', gateway, forMs: random.whole(100, 120_000) }
      : { at, type: random.pick(['crash', 'crash', 'restart'] as const), gateway, downMs },
  ];
};

const makeUnpairing: Maker = (random, at, { pairs }) => {
  const [left, right] = random.pick(pairs).ends;
  const [gateway, peer] = random.chance(0.5) ? [left, right] : [right, left];
  return [{ at, type: 'unpair', gateway, peer, forMs: random.whole(100, 30_000) }];
};

const makeRebinding: Maker = (random, at, { nats }) => [{ at, type: 'rebind', nat: random.pick(nats).name }];

/** Another address at once, or none for a while in between; a NAT's own address may change, too. */
const makeMove: Maker = (random, at, { gateways, nats, healAt }) => {
  const place = random.whole(0, gateways.length - 1);
  const { name: gateway, behind, addresses } = gateways[place] ?? random.pick(gateways);
  // Addresses of its own, so that no two meet.
  const host = 16 + 32 * place + random.whole(0, 31);
  if (behind !== null) {
    const nat = nats.find(({ name }) => name === behind);
    return nat === undefined ? [] : [{ at, type: 'rebind', nat: behind, address: `198.51.100.${host}` }];
  }
  const versions = addresses.length === 2 ? 'both' : addresses[0]?.includes(':') ? 'ipv6' : 'ipv4';
  const next: PlannedEvent = { at, type: 'readdress', gateway, addresses: addressesOf(versions, host) };
  if (random.chance(0.5)) return [next];
  return [
    { at, type: 'readdress', gateway, addresses: [] },
    { ...next, at: Math.min(at + random.whole(100, 20_000), healAt - 500) },
  ];
};

const makeAttack: Maker = (random, at) => [
  {
    at,
    type: 'attack',
    kind: random.pick(attackKinds),
    count: random.whole(1, 150),
    overMs: random.whole(10, 20_000),
  },
];

const makeImpostor: Maker = (random, at, { pairs }) => {
  const [left, right] = random.pick(pairs).ends;
  const [plays, victim] = random.chance(0.5) ? [left, right] : [right, left];
  const forMs = random.whole(1, 60) * 1_000;
  const intercepts = random.chance(0.6);
  const has = random.pick(['public-key', 'signed-r1s', 'own-key'] as const);
  return [
    { at, type: 'impostor', plays, victim, intercepts, has, forMs },
    // One that has no association at that moment makes one with whoever answers.
    ...(random.chance(0.6)
      ? [{ at: at + 200, type: 'crash' as const, gateway: victim, downMs: random.whole(100, 800) }]
      : []),
  ];
};
