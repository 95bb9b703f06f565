import { performance } from 'node:perf_hooks';
import { parseAddressRange, unionOf } from '../../firmware/policy/address-line.ts';
import { compilePolicy } from '../../firmware/policy/compile.ts';
import { explain } from '../../firmware/policy/explain.ts';
import { numberRules } from '../../firmware/policy/rule-numbers.ts';
import type { Progress } from '../../image-builder/progress.ts';
import { type Conversation, Laboratory, missingForNamespaces } from '../netd/namespace.ts';
import type { FloodAnswer, FloodRequest } from '../netd/policy/namespace-flood.ts';
import type { PolicyAnswer, PolicyRequest } from '../netd/policy/namespace-policy.ts';
import { asPolicyPeers, benchEnds, largePolicy } from '../policy/large-policy.ts';
import { type Figure, median } from './figures.ts';
import type { Bench } from './main.ts';

/** Rulesets take turns, so that whatever else the machine does falls on both alike. */
const rounds = 7;
const sizes = { few: [10, 5], many: [10_000, 1_000] } as const;
const packets = 100_000;
const explained = 2_000;
/** Compiling and loading, and whatever else the machine does meanwhile. */
const patienceMs = 300_000;

const floods = {
  /** One connection, which the policy has let through. */
  established: { first: benchEnds.port, count: 1 },
  /** Each packet is one that would open a connection, and is denied after every lookup. */
  new: { first: 20_000, count: 20_000 },
} as const;
type Kind = keyof typeof floods;

/** near ── box ── far, which drops all that it gets before it costs anything. */
async function build(lab: Laboratory): Promise<{ readonly box: Conversation; readonly near: Conversation }> {
  await lab.namespaces('near', 'box', 'far');
  await lab.cable('box:lan', 'near:eth0');
  await lab.cable('box:hip0', 'far:eth0');
  const lines = [
    ['box', 'link set lan up', 'address add 192.168.1.1/24 dev lan'],
    ['box', 'link set hip0 up', 'address add 192.168.20.1/24 dev hip0'],
    [
      'near',
      'link set eth0 up',
      `address add ${benchEnds.near}/24 dev eth0`,
      'route add default via 192.168.1.1',
    ],
    ['far', 'link set eth0 address 02:00:00:00:00:05', 'link set eth0 up'],
    ['box', `neigh add ${benchEnds.far} lladdr 02:00:00:00:00:05 dev hip0`],
  ] as const;
  for (const [space, ...words] of lines) for (const word of words) await lab.ip(space, word);
  const ruleset =
    'table netdev sink { chain all { type filter hook ingress device "eth0" priority 0; policy drop; } }\n';
  await lab.run('far', '/usr/sbin/nft', ['-f', '-'], ruleset);
  const box = lab.converse('box', './policy/namespace-policy.ts', [lab.folder]);
  await box.ask({ do: 'firewall' } satisfies PolicyRequest);
  return { box, near: lab.converse('near', './policy/namespace-flood.ts') };
}

async function measureKernel(progress: Progress): Promise<Figure[]> {
  await using lab = new Laboratory();
  const { box, near } = await build(lab);
  const costs: Record<Kind, { few: number[]; many: number[] }> = {
    established: { few: [], many: [] },
    new: { few: [], many: [] },
  };
  const applied: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    progress(`10 and 10,000 rules, round ${round} of ${rounds}`);
    for (const size of ['few', 'many'] as const) {
      const { policy, peers } = largePolicy(sizes[size][0], sizes[size][1], round);
      box.send({ do: 'enforce', policy, peers } satisfies PolicyRequest);
      const { problem, tookMs } = await box.next<PolicyAnswer>(() => true, patienceMs);
      if (problem !== null) throw new Error(problem);
      if (size === 'many') applied.push(tookMs / 1000);
      for (const kind of ['established', 'new'] as const) {
        near.send({ to: benchEnds.far, ports: floods[kind], packets } satisfies FloodRequest);
        costs[kind][size].push((await near.next<FloodAnswer>(() => true, patienceMs)).nanoseconds);
      }
    }
  }
  const ratio = (kind: Kind, name: string): Figure => {
    const { few, many } = costs[kind];
    const samples = many.map((cost, index) => cost / (few[index] ?? Number.NaN));
    const against = `the same with 10 rules: ${median(few).toFixed(0)} ns a packet (${median(many).toFixed(0)} with 10,000)`;
    return { name, value: median(samples), unit: 'ratio', better: 'lower', target: 1.1, against, samples };
  };
  return [
    ratio('established', 'packet-cost-10000-to-10-rules-ratio'),
    ratio('new', 'new-connection-cost-10000-to-10-rules-ratio'),
    {
      ...{
        name: 'apply-10000-rules-1000-peers-s',
        value: median(applied),
        unit: 's',
        better: 'lower',
        target: 2,
      },
      ...{ against: null, samples: applied },
    },
  ];
}

function measureExplain(): Figure {
  const { policy, peers } = largePolicy(...sizes.many);
  const input = { policy, own: {}, peers: asPolicyPeers(peers) };
  const { numbers } = numberRules(
    new Map(),
    policy.rules.map(({ id }) => id),
  );
  const result = compilePolicy(input, numbers, 0);
  if (!result.ok) throw new Error(result.problem);
  const lan = parseAddressRange('192.168.1.0/24');
  const lans = [{ ranges: unionOf(lan === undefined ? [] : [lan]), isApart: false, own: [] }];
  const samples: number[] = [];
  for (let turn = 0; turn < explained; turn++) {
    const started = performance.now();
    const query = { protocol: 'tcp', port: 1024 + (turn % 700) } as const;
    const to = turn % 2 === 0 ? `peer-${1 + (turn % 900)}` : `10.0.${1 + (turn % 200)}.7`;
    const found = explain(
      { input, compiled: result.value, lans },
      { ...query, from: `device-${turn * 5}`, to },
    );
    samples.push(performance.now() - started);
    if (!found.ok) throw new Error(found.problem);
  }
  const sorted = samples.toSorted((left, right) => left - right);
  const value = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  return {
    ...{ name: 'explain-p99-ms', value, unit: 'ms', better: 'lower', target: 10, against: null },
    samples: [0.5, 0.9, 0.99].map((part) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN),
  };
}

/** On this machine's kernel, in network namespaces: emulated processors say nothing about the cost of a lookup. */
export const measurePolicy: Bench = async (progress) => {
  const missing = missingForNamespaces();
  if (missing !== null) throw new Error(missing);
  return { accelerator: 'none', figures: [...(await measureKernel(progress)), measureExplain()] };
};
