import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../firmware/policy/compile.ts';
import { limits } from '../../firmware/policy/limits.ts';
import { renderPolicy } from '../../firmware/policy/nftables.ts';
import type { PolicyInput, Rule } from '../../firmware/policy/policy.ts';
import { numberRules } from '../../firmware/policy/rule-numbers.ts';
import { runCommand } from '../../firmware/system/run-command.ts';
import { missingForNamespaces } from '../netd/namespace.ts';
import { randomPolicy } from './random-policy.ts';

function rendered(input: PolicyInput, generation = 1, apart: readonly string[] = []): string {
  const { numbers } = numberRules(
    new Map(),
    input.policy.rules.map(({ id }) => id),
  );
  const result = compilePolicy(input, numbers, 0);
  if (!result.ok) throw new Error(result.problem);
  const place = { lan: ['br-lan'], overlay: 'hip0', apart, generation, startOver: false };
  return renderPolicy(result.value, place);
}

const plant: PolicyInput = {
  policy: {
    labels: ['site=plant'],
    peerLabels: { office: ['site=office'] },
    devices: [
      {
        ...{ name: 'press', addresses: ['192.168.1.10', 'fd01::10'], labels: ['plc'] },
        mac: '02:00:00:00:00:10',
      },
      { name: 'robot', addresses: ['192.168.1.11'], labels: ['plc'] },
    ],
    rules: [
      {
        ...{ id: 'modbus', subject: { labels: ['site=office'] }, verb: 'allow', object: { labels: ['plc'] } },
        services: [{ protocol: 'tcp', ports: [502, '8000-8002'] }, { protocol: 'icmp' }],
      },
      {
        ...{ id: 'no-telnet', subject: 'any', verb: 'deny', object: 'any', log: false },
        services: [{ protocol: 'tcp', ports: [23] }],
      },
      {
        id: 'press-out',
        subject: { device: 'press' },
        verb: 'allow',
        object: { gateway: 'office' },
        mode: 'staged',
      },
      {
        id: 'learn',
        subject: { gateway: 'this' },
        verb: 'allow',
        object: { gateway: 'office' },
        mode: 'observe',
      },
      { id: 'no-page', subject: { gateway: 'office' }, verb: 'deny', object: { own: true } },
    ],
    unknownDevices: 'quarantine',
  },
  own: {},
  peers: [{ name: 'office', hit: '2001:20::1', protectedPrefixes: ['10.20.0.0/16', 'fd20::/64'] }],
};

describe('the ruleset of a policy', () => {
  test.each([
    ['plant', []],
    ['plant-ports-apart', ['br-lan']],
  ])('%s is the recorded one', (name, apart) => {
    const golden = new URL(`../golden/policy/${name}.nft`, import.meta.url);
    expect(rendered(plant, 1, apart)).toBe(readFileSync(golden, 'utf8'));
  });

  test('between ports it is the same but for the chain that packets come to, and what is for the box itself', () => {
    const text = rendered(plant, 1, ['br-lan']);
    const [routed = '', bridged = ''] = text.split(/^(?=add table bridge hithe_policy$)/m);
    const chains = (part: string) => {
      const found = part.matchAll(/^\tchain (\S+) \{\n(.*?)^\t\}$/gms);
      return new Map([...found].map(([, name = '', lines = '']) => [name, lines]));
    };
    const [ours, theirs] = [chains(routed), chains(bridged)];
    const differ = [...ours].filter(([name, lines]) => theirs.get(name) !== lines).map(([name]) => name);
    expect(differ.filter((name) => !name.startsWith('own_')).toSorted()).toEqual(
      ['denied_by_default', 'denied_by_rule', 'evaluate', 'forward', 'input', 'quarantined'].toSorted(),
    );
    expect([...theirs.keys()].filter((name) => !ours.has(name))).toEqual([]);
    const elements = (part: string) =>
      part.replaceAll(/ (inet|bridge) hithe_policy/g, '').match(/^add element .*$/gm);
    expect(elements(bridged)).toEqual(elements(routed));
  });

  test('asks nothing before it knows that a connection is decided, but whose address a device speaks from', () => {
    const beginning = (input: PolicyInput) => {
      const [, lines = ''] = /^\tchain forward \{\n(.*?)^\t\}$/ms.exec(rendered(input)) ?? [];
      const rules = lines.trim().split(/\n\t*/);
      return rules.slice(0, rules.indexOf('ct mark & 0xff000000 == 0x01000000 accept'));
    };
    expect(beginning({ ...plant, policy: { ...plant.policy, devices: [], rules: [] } })).toEqual([]);
    expect(beginning(plant).filter((rule) => rule.includes('goto spoofed'))).toHaveLength(2);
  });

  test('has as many lookups for 2,000 rules as for 20', () => {
    const many = (count: number): PolicyInput => ({
      ...plant,
      policy: {
        ...plant.policy,
        rules: Array.from(
          { length: count },
          (_, index): Rule => ({
            ...{
              id: `rule-${index}`,
              subject: { addresses: [`10.1.${index >> 8}.${index & 255}`] },
              verb: 'allow',
            },
            ...{ object: { gateway: 'office' }, services: [{ protocol: 'tcp', ports: [1000 + index] }] },
          }),
        ),
      },
    });
    const lines = (text: string) => text.split('\n').length;
    expect(lines(rendered(many(2000)))).toBe(lines(rendered(many(20))));
  });
});

const missing = missingForNamespaces();
describe.skipIf(missing !== null)(`nft takes it${missing === null ? '' : ` (${missing})`}`, () => {
  const check = (text: string) => runCommand('/usr/sbin/nft', ['-c', '-f', '-'], { input: text });

  test.each([1, limits.generations])('in generation %i', async (generation) => {
    expect(await check(rendered(plant, generation))).toMatchObject({ status: 0, stderr: '' });
  });

  test('whatever the policy', async () => {
    const policies = fc.asyncProperty(randomPolicy, async (input) => {
      expect(await check(rendered(input))).toMatchObject({ status: 0, stderr: '' });
    });
    await fc.assert(policies, { numRuns: 25 });
  });
});
