import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../firmware/policy/address-line.ts';
import { type CompiledPolicy, compilePolicy } from '../../firmware/policy/compile.ts';
import { evaluate } from '../../firmware/policy/evaluate.ts';
import type { PolicyInput, Rule } from '../../firmware/policy/policy.ts';
import { numberRules, ruleOfMark } from '../../firmware/policy/rule-numbers.ts';
import { decideByHand, type OraclePacket } from './oracle.ts';
import { randomPacket, randomPolicy } from './random-policy.ts';

function compiled(input: PolicyInput, now = 0): CompiledPolicy {
  const { numbers } = numberRules(
    new Map(),
    input.policy.rules.map(({ id }) => id),
  );
  const result = compilePolicy(input, numbers, now);
  if (!result.ok) throw new Error(result.problem);
  return result.value;
}

function decide(policy: CompiledPolicy, { source, destination, ...packet }: OraclePacket) {
  return evaluate(policy, {
    ...packet,
    source: parseAddress(source) ?? 0n,
    destination: parseAddress(destination) ?? 0n,
  });
}

const permitted = (rules: readonly Rule[]): PolicyInput => ({
  policy: { labels: [], peerLabels: {}, devices: [], rules, unknownDevices: 'permitted' },
  own: {},
  peers: [{ name: 'north', hit: '', protectedPrefixes: ['10.2.0.0/16'] }],
});
const web: OraclePacket = {
  source: '10.1.0.1',
  destination: '10.2.0.1',
  protocol: 'tcp',
  port: 443,
  local: { source: true, destination: false },
  own: false,
};

describe('the compiled policy decides as its rules say', () => {
  test('any policy, any packet', () => {
    fc.assert(
      fc.property(randomPolicy, fc.array(randomPacket, { minLength: 1, maxLength: 20 }), (input, packets) => {
        const policy = compiled(input);
        const decided = packets.map((packet) => {
          const { verdict, reason, match } = decide(policy, packet);
          return { verdict, reason, rule: match === null ? null : ruleOfMark(policy.numbers, match.rule) };
        });
        const expected = packets.map((packet, index) => {
          const { verdict, reason, rules } = decideByHand(input, packet, () => true);
          // Of rules that decide alike, any may be named.
          const named = decided[index]?.rule ?? '';
          return {
            verdict,
            reason,
            rule: reason === 'rule' ? (rules.includes(named) ? named : rules) : null,
          };
        });
        expect(decided).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test('nothing passes without a rule, in either direction', () => {
    const policy = compiled(permitted([]));
    const back = { ...web, source: web.destination, destination: web.source };
    for (const packet of [web, back])
      expect(decide(policy, packet)).toMatchObject({ verdict: 'deny', reason: 'default', match: null });
  });

  test('a rule speaks of who begins: what is allowed there is not allowed back', () => {
    const policy = compiled(
      permitted([{ id: 'out', subject: { gateway: 'this' }, verb: 'allow', object: { gateway: 'north' } }]),
    );
    const back = { ...web, source: web.destination, destination: web.source };
    expect(decide(policy, web).verdict).toBe('allow');
    expect(decide(policy, back).verdict).toBe('deny');
  });

  test('a deny wins wherever it stands and however wide it is', () => {
    const allow: Rule = {
      id: 'allow',
      subject: { addresses: ['10.1.0.1'] },
      verb: 'allow',
      object: { addresses: ['10.2.0.1'] },
      services: [{ protocol: 'tcp', ports: [443] }],
    };
    const deny: Rule = { id: 'deny', subject: 'any', verb: 'deny', object: 'any' };
    for (const rules of [
      [allow, deny],
      [deny, allow],
    ])
      expect(decide(compiled(permitted(rules)), web)).toMatchObject({ verdict: 'deny', reason: 'rule' });
  });

  test('an observing rule lets through what no enforced one decides; a staged one changes nothing', () => {
    const observe: Rule = { id: 'observe', subject: 'any', verb: 'allow', object: 'any', mode: 'observe' };
    const deny: Rule = { id: 'deny', subject: 'any', verb: 'deny', object: 'any' };
    const staged: Rule = { ...deny, id: 'staged', mode: 'staged' };
    expect(decide(compiled(permitted([observe])), web)).toMatchObject({
      verdict: 'allow',
      match: { category: 'observe' },
    });
    expect(decide(compiled(permitted([observe, deny])), web).verdict).toBe('deny');
    expect(decide(compiled(permitted([observe, staged])), web)).toMatchObject({
      verdict: 'allow',
      staged: { category: 'staged-deny' },
    });
  });

  test('what the gateway serves: a rule about everything does not mean it, a deny of it does, and DHCP is for all', () => {
    const own = (policy: CompiledPolicy, protocol: 'tcp' | 'udp' | 'icmp', port: number) => {
      const { verdict, reason } = decide(policy, { ...web, protocol, port, own: true });
      return `${verdict} ${reason}`;
    };
    const all = (policy: CompiledPolicy) => [
      ...[own(policy, 'udp', 67), own(policy, 'udp', 53), own(policy, 'icmp', 0), own(policy, 'tcp', 443)],
      own(policy, 'tcp', 22),
    ];
    const deny: Rule = { id: 'deny', subject: 'any', verb: 'deny', object: 'any' };
    expect(all(compiled(permitted([deny])))).toEqual([
      ...['allow served', 'allow served', 'allow served', 'allow served', 'deny not-served'],
    ]);
    expect(all(compiled(permitted([{ ...deny, object: { own: true } }])))).toEqual([
      ...['allow served', 'deny rule', 'deny rule', 'deny rule', 'deny rule'],
    ]);
    const strict = permitted([
      { ...deny, verb: 'allow', object: { own: true }, services: [{ protocol: 'icmp' }] },
    ]);
    expect(all(compiled({ ...strict, policy: { ...strict.policy, ownServices: 'rules' } }))).toEqual([
      ...['allow served', 'deny default', 'allow rule', 'allow served', 'deny default'],
    ]);
    expect(all(compiled({ ...strict, policy: { ...strict.policy, unknownDevices: 'quarantine' } }))).toEqual([
      ...['allow served', 'deny quarantine', 'deny quarantine', 'allow served', 'deny quarantine'],
    ]);
  });

  test('a rule counts only while its schedule says so', () => {
    const rule: Rule = {
      ...{ id: 'night', subject: 'any', verb: 'allow', object: 'any' },
      schedule: { days: ['mon'], from: '22:00', to: '06:00' },
    };
    const at = (day: number, hour: number) =>
      decide(compiled(permitted([rule]), day * 1440 + hour * 60), web).verdict;
    expect([at(0, 21), at(0, 22), at(0, 23), at(1, 5), at(1, 6), at(1, 23)]).toEqual([
      ...['deny', 'allow', 'allow', 'allow', 'deny', 'deny'],
    ]);
  });

  test('many labelled devices and many single rules take as many entries, not their product', () => {
    const devices = Array.from({ length: 400 }, (_, index) => ({
      name: `device-${index}`,
      addresses: [`10.1.${index >> 8}.${index & 255}`],
      labels: ['plant'],
    }));
    const single: Rule[] = devices.map(({ name }, index) => ({
      ...{
        id: `single-${index}`,
        subject: { device: name },
        verb: 'allow',
        object: { addresses: [`10.2.0.${index % 200}`] },
      },
      services: [{ protocol: 'tcp', ports: [502] }],
    }));
    const wide: Rule = {
      id: 'wide',
      subject: { labels: ['plant'] },
      verb: 'allow',
      object: { labels: ['plant'] },
    };
    const input = permitted([...single, wide]);
    const { tables } = compiled({ ...input, policy: { ...input.policy, devices } });
    const entries = tables.reduce((sum, table) => sum + table.entries.size, 0);
    expect(entries).toBeLessThanOrEqual(single.length * 2 + 1);
  });
});
