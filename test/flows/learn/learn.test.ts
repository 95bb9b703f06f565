import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FlowRecord } from '../../../firmware/flows/flow-record.ts';
import { type Learned, Learner, type LearnOptions } from '../../../firmware/flows/learn/learn.ts';
import { limits } from '../../../firmware/flows/learn/limits.ts';
import { limits as policyLimits } from '../../../firmware/policy/limits.ts';
import type { Device, PolicyInput, Rule } from '../../../firmware/policy/policy.ts';
import { policySettings } from '../../../firmware/store/policy-schema.ts';
import { decideByHand } from '../../policy/oracle.ts';
import { aFlow } from '../flow.fixture.ts';

const plc = (number: number, labels = ['plc']): Device => ({
  name: `plc-${number}`,
  addresses: [`10.0.1.${number}`],
  labels,
});
const devices: readonly Device[] = [
  ...[1, 2, 3].map((number) => plc(number)),
  { name: 'historian', addresses: ['10.0.2.1', 'fd00::21'], labels: ['server'] },
  { name: 'historian-2', addresses: ['10.0.2.2'], labels: ['server'] },
  { name: 'panel', addresses: ['10.0.3.1'] },
];
const input = (rules: readonly Rule[] = [], more: Partial<PolicyInput['policy']> = {}): PolicyInput => ({
  policy: { labels: ['site=a'], peerLabels: {}, devices, rules, unknownDevices: 'permitted', ...more },
  own: {},
  peers: [{ name: 'plant', hit: '2001:20::1', protectedPrefixes: ['10.9.0.0/16'] }],
});

function learn(
  flows: readonly FlowRecord[],
  policy: PolicyInput = input(),
  options: LearnOptions = { from: 'undecided', exact: false },
): Learned {
  const learner = new Learner(policy, options);
  for (const flow of flows) learner.add(flow);
  return learner.propose();
}

const sides = ({ proposals }: Learned) =>
  proposals.map(({ rule: { subject, object, services } }) => ({ subject, object, services }));
const modbus = (from: string, to: string, port = 502) => aFlow({ from, to, port });

describe('what is proposed', () => {
  test('a label, where all devices that have it did the same', () => {
    const flows = [1, 2, 3].map((number) => modbus(`10.0.1.${number}`, '10.0.2.1'));
    expect(sides(learn(flows))).toEqual([
      {
        subject: { labels: ['plc'] },
        object: { device: 'historian' },
        services: [{ protocol: 'tcp', ports: [502] }],
      },
    ]);
  });

  test('devices by name, where one with the label did not', () => {
    const flows = [1, 3].map((number) => modbus(`10.0.1.${number}`, '10.0.2.1'));
    expect(sides(learn(flows))).toEqual([
      expect.objectContaining({ subject: [{ device: 'plc-1' }, { device: 'plc-3' }] }),
    ]);
  });

  test('not a label that a gateway has too, since everything behind it would be meant', () => {
    const flows = [1, 2, 3].map((number) => modbus(`10.0.1.${number}`, '10.0.2.1'));
    const [proposal] = sides(learn(flows, input([], { peerLabels: { plant: ['plc'] } })));
    expect(proposal?.subject).toEqual([1, 2, 3].map((number) => ({ device: `plc-${number}` })));
  });

  test('a peer, from as many addresses behind it on as limits say, which did all the same; addresses before', () => {
    const some = Array.from({ length: limits.addressesOfGateway }, (_, index) =>
      modbus(`10.9.0.${index + 1}`, '10.0.2.1'),
    );
    const few = learn(some.slice(1));
    expect(sides(few)[0]?.subject).toEqual({ addresses: ['10.9.0.2', '10.9.0.3'] });
    expect(few.proposals[0]?.beyond.gateways).toEqual([]);
    const enough = learn(some);
    expect(sides(enough)[0]?.subject).toEqual({ gateway: 'plant' });
    expect(enough.proposals[0]?.beyond).toEqual({ talks: 0, gateways: ['plant'] });
    const oneElse = learn([...some, modbus('10.9.0.9', '10.0.2.2')]);
    expect(oneElse.proposals.map(({ beyond }) => beyond.gateways)).toEqual([[], []]);
  });

  test('never this gateway, behind which is the world', () => {
    const flows = [1, 2, 3, 4].map((number) => modbus('10.0.3.1', `192.0.2.${number}`, 443));
    expect(sides(learn(flows))[0]?.object).toEqual({
      addresses: ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'],
    });
  });

  test('services of the same ends in one rule, ports that follow one another as a range', () => {
    const flows = [
      ...[8000, 8001, 8002, 443, 444].map((port) => aFlow({ from: '10.0.3.1', to: '10.0.2.1', port })),
      aFlow({ from: '10.0.3.1', to: '10.0.2.1', port: 123, protocol: 'udp' }),
      aFlow({ from: '10.0.3.1', to: '10.0.2.1', port: 0, protocol: 'icmp' }),
    ];
    expect(sides(learn(flows))).toEqual([
      {
        subject: { device: 'panel' },
        object: { device: 'historian' },
        services: [
          { protocol: 'tcp', ports: [443, 444, '8000-8002'] },
          { protocol: 'udp', ports: [123] },
          { protocol: 'icmp' },
        ],
      },
    ]);
  });

  test('devices of a label among themselves, though none talks to itself', () => {
    const flows = [1, 2, 3].flatMap((from) =>
      [1, 2, 3].filter((to) => to !== from).map((to) => modbus(`10.0.1.${from}`, `10.0.1.${to}`)),
    );
    const learned = learn(flows);
    expect(sides(learned)).toEqual([
      expect.objectContaining({ subject: { labels: ['plc'] }, object: { labels: ['plc'] } }),
    ]);
    expect(learned.proposals[0]?.beyond.talks).toBe(0);
  });

  test('label to label where more than half of the pairs were seen, with how many were not; never when exact', () => {
    const flows = [
      ...[1, 2, 3].map((number) => modbus(`10.0.1.${number}`, '10.0.2.1')),
      modbus('10.0.1.1', '10.0.2.2'),
    ];
    const learned = learn(flows);
    expect(sides(learned)).toEqual([
      expect.objectContaining({ subject: { labels: ['plc'] }, object: { labels: ['server'] } }),
    ]);
    expect(learned.proposals[0]?.beyond.talks).toBe(2);
    const exact = learn(flows, input(), { from: 'undecided', exact: true });
    expect(exact.proposals.map(({ beyond }) => beyond.talks)).toEqual([0, 0]);
    // Each to its own server: half of the pairs, which says that the others are not meant.
    const paired = learn(
      [modbus('10.0.1.1', '10.0.2.1'), modbus('10.0.1.2', '10.0.2.2')],
      input([], { devices: devices.filter(({ name }) => name !== 'plc-3') }),
    );
    expect(paired.proposals.map(({ beyond }) => beyond.talks)).toEqual([0, 0]);
  });

  test('its evidence, and what explains most flows first', () => {
    const flows = [
      aFlow({ from: '10.0.3.1', to: '10.0.2.1', port: 80, start: 5000, packets: 1, bytes: 60 }),
      aFlow({ from: '10.0.1.1', to: '10.0.2.1', port: 502, start: 2000, end: 9000, packets: 4, bytes: 400 }),
      aFlow({
        from: '10.0.1.1',
        to: '10.0.2.1',
        port: 502,
        start: 1000,
        verdict: 'allow',
        reason: 'observed',
      }),
    ];
    const { proposals, flows: count } = learn(flows);
    expect(count).toBe(3);
    expect(proposals.map(({ evidence }) => evidence.flows)).toEqual([2, 1]);
    expect(proposals[0]?.evidence).toEqual({
      ...{ talks: 1, flows: 2, denied: 1, first: 1000, last: 9000, packets: 5, bytes: 460 },
      examples: [{ from: '10.0.1.1', to: '10.0.2.1', protocol: 'tcp', port: 502 }],
    });
  });

  test('rules that the settings take, with the same ids for the same flows in any order', () => {
    const flows = [
      ...[1, 2, 3].map((number) => modbus(`10.0.1.${number}`, '10.0.2.1')),
      modbus('10.0.3.1', '10.0.2.2', 80),
    ];
    const rules = learn(flows).proposals.map(({ rule }) => rule);
    expect(rules.map(({ mode, verb }) => `${mode} ${verb}`)).toEqual(['staged allow', 'staged allow']);
    const written = { ...input().policy, devices, rules };
    expect(policySettings.safeParse(written).success).toBe(true);
    expect(learn(flows.toReversed()).proposals.map(({ rule }) => rule)).toEqual(rules);
  });

  test('several rules where one may not name as many ends or ports', () => {
    const count = policyLimits.selectors * policyLimits.selectors + 1;
    const many = Array.from({ length: count }, (_, index) =>
      modbus(`172.16.${index >> 8}.${index & 255}`, '10.0.2.1'),
    );
    const ports = Array.from({ length: policyLimits.services + 1 }, (_, index) =>
      modbus('10.0.3.1', '10.0.2.2', 1000 + 2 * index),
    );
    const rules = learn([...many, ...ports]).proposals.map(({ rule }) => rule);
    expect(rules).toHaveLength(3);
    const fits = policySettings.safeParse({ ...input().policy, devices, rules });
    expect(fits.success).toBe(true);
  });
});

describe('what is not learned from', () => {
  test('devices in quarantine, forged addresses, cut connections, protocols that rules cannot name; each is counted', () => {
    const flows = [
      aFlow({ from: '10.0.3.1', to: '10.0.2.1', reason: 'quarantine' }),
      aFlow({ from: '10.0.3.1', to: '10.0.2.1', reason: 'spoofed' }),
      aFlow({ from: '10.0.3.1', to: '10.0.2.1', reason: 'replaced' }),
      aFlow({ from: '10.0.3.1', to: '10.0.2.1', protocol: '47', port: 0 }),
      aFlow({ from: '10.0.3.1', to: '10.0.2.1', reason: 'rule', verdict: 'deny' }),
    ];
    for (const from of ['undecided', 'all'] as const) {
      const learned = learn(flows, input(), { from, exact: false });
      expect(learned.proposals).toEqual([]);
      expect(learned.left).toMatchObject({ quarantine: 1, spoofed: 1, replaced: 1, protocol: 1, denied: 1 });
    }
  });

  test('what rules decide or are staged to allow, unless all is asked for; never what a rule denies', () => {
    const rules: readonly Rule[] = [
      {
        id: 'web',
        subject: { device: 'panel' },
        verb: 'allow',
        object: { device: 'historian' },
        services: [{ protocol: 'tcp', ports: [80] }],
      },
      {
        id: 'soon',
        subject: { device: 'panel' },
        verb: 'allow',
        object: { device: 'historian' },
        services: [{ protocol: 'tcp', ports: [81] }],
        mode: 'staged',
      },
      {
        id: 'never',
        subject: { device: 'panel' },
        verb: 'deny',
        object: { device: 'historian' },
        services: [{ protocol: 'tcp', ports: [82] }],
      },
      {
        id: 'watch',
        subject: { device: 'panel' },
        verb: 'allow',
        object: { device: 'historian' },
        services: [{ protocol: 'tcp', ports: [83] }],
        mode: 'observe',
      },
    ];
    const flows = [80, 81, 82, 83, 84].map((port) => modbus('10.0.3.1', '10.0.2.1', port));
    const undecided = learn(flows, input(rules));
    expect(undecided.left).toMatchObject({ allowed: 1, staged: 1, denied: 1 });
    expect(sides(undecided)[0]?.services).toEqual([{ protocol: 'tcp', ports: [83, 84] }]);
    const all = learn(flows, input(rules), { from: 'all', exact: false });
    expect(sides(all)[0]?.services).toEqual([{ protocol: 'tcp', ports: [80, 81, 83, 84] }]);
  });

  test('once its proposals are accepted, the same window proposes nothing', () => {
    const flows = [1, 2, 3].map((number) => modbus(`10.0.1.${number}`, '10.0.2.1'));
    const rules = learn(flows).proposals.map(({ rule }) => rule);
    const again = learn(flows, input(rules));
    expect(again.proposals).toEqual([]);
    expect(again.left.staged).toBe(3);
  });

  test('more different talks than are kept, which are counted', () => {
    const flows = Array.from({ length: limits.talks + 2 }, (_, index) =>
      modbus('10.0.3.1', `10.0.2.${1 + (index >> 15)}`, index % 2 ** 15),
    );
    const { left } = learn(flows);
    expect(left['too-many']).toBe(2);
    expect(learn(flows.slice(0, limits.talks)).left['too-many']).toBe(0);
  });

  test('a device whose name is gone is what has its address now', () => {
    const flow = modbus('10.0.3.1', '10.0.2.1');
    const renamed = { ...flow, from: { ...flow.from, devices: ['old-panel'] } };
    expect(sides(learn([renamed]))[0]?.subject).toEqual({ device: 'panel' });
    const moved = { ...flow, from: { ...flow.from, address: '10.0.3.77', devices: ['panel'] } };
    expect(sides(learn([moved]))[0]?.subject).toEqual({ device: 'panel' });
  });
});

describe('against the slow oracle', () => {
  const places = [
    ...['10.0.1.1', '10.0.1.2', '10.0.1.3', '10.0.2.1', '10.0.2.2', '10.0.3.1'],
    ...['10.9.0.1', '10.9.0.2', '10.9.0.3', '192.0.2.7'],
  ];
  const ports = [80, 443, 502];
  const flow = fc
    .record({
      from: fc.constantFrom(...places),
      to: fc.constantFrom(...places),
      port: fc.constantFrom(...ports),
    })
    .filter(({ from, to }) => from !== to);

  test('what was seen is allowed; what was not is denied between known ends, but for as much as the proposals say', () => {
    fc.assert(
      fc.property(fc.array(flow, { maxLength: 40 }), fc.boolean(), (flows, exact) => {
        const { proposals } = learn(flows.map(aFlow), input(), { from: 'undecided', exact });
        const seen = new Set(flows.map(({ from, to, port }) => `${from} ${to} ${port}`));
        const isAllowed = (rules: readonly Rule[], source: string, destination: string, port: number) =>
          decideByHand(
            input(rules.map((rule) => ({ ...rule, mode: 'enforce' }))),
            {
              source,
              destination,
              protocol: 'tcp',
              port,
              local: { source: false, destination: false },
              own: false,
            },
            () => true,
          ).verdict === 'allow';
        const rules = proposals.map(({ rule }) => rule);
        for (const { from, to, port } of flows) expect(isAllowed(rules, from, to, port)).toBe(true);
        const isNamed = (place: string) => !place.startsWith('10.9.') && place !== '192.0.2.7';
        const known = places.filter(
          (place) => isNamed(place) || flows.some(({ from, to }) => from === place || to === place),
        );
        for (const { rule, beyond } of proposals) {
          const unseen = known.flatMap((from) =>
            known.flatMap((to) =>
              ports.filter(
                (port) =>
                  from !== to && !seen.has(`${from} ${to} ${port}`) && isAllowed([rule], from, to, port),
              ),
            ),
          );
          expect(beyond.talks).toBe(unseen.length);
          if (exact) expect(beyond.talks).toBe(0);
        }
      }),
      { numRuns: 60 },
    );
  });
});
