import { describe, expect, test } from 'vitest';
import { parseAddressRange } from '../../firmware/policy/address-line.ts';
import { compilePolicy } from '../../firmware/policy/compile.ts';
import { type ExplainQuery, explain, sayWhy } from '../../firmware/policy/explain.ts';
import type { PolicyInput } from '../../firmware/policy/policy.ts';
import { numberRules } from '../../firmware/policy/rule-numbers.ts';

const office = '2001:22:f239:a1a2:9ece:33da:4afd:c5a2';
const input: PolicyInput = {
  policy: {
    labels: ['site=plant'],
    peerLabels: { office: ['site=office'] },
    devices: [
      { name: 'press', addresses: ['192.168.1.10', 'fd01::10'], labels: ['plc'] },
      { name: 'screen', addresses: ['10.20.0.7'] },
    ],
    rules: [
      {
        ...{ id: 'modbus', subject: { gateway: 'office' }, verb: 'allow', object: { labels: ['plc'] } },
        services: [{ protocol: 'tcp', ports: [502] }],
      },
      {
        id: 'learn',
        subject: { device: 'press' },
        verb: 'allow',
        object: { gateway: 'office' },
        mode: 'observe',
      },
      { id: 'later', subject: 'any', verb: 'deny', object: { device: 'screen' }, mode: 'staged' },
      {
        ...{ id: 'night', subject: { gateway: 'office' }, verb: 'allow', object: { labels: ['plc'] } },
        schedule: { from: '22:00', to: '23:00' },
      },
    ],
    unknownDevices: 'quarantine',
  },
  own: {},
  peers: [{ name: 'office', hit: office, protectedPrefixes: ['10.20.0.0/16', 'fd20::/64'] }],
};

function ask(query: Partial<ExplainQuery>, isApart = false) {
  const { numbers } = numberRules(
    new Map(),
    input.policy.rules.map(({ id }) => id),
  );
  const compiled = compilePolicy(input, numbers, 0);
  if (!compiled.ok) throw new Error(compiled.problem);
  const read = (text: string) => [parseAddressRange(text)].filter((range) => range !== undefined);
  const lans = [{ ranges: read('192.168.1.0/24'), isApart, own: read('192.168.1.1') }];
  const whole = { from: 'screen', to: 'press', protocol: 'tcp', port: 502, ...query } as const;
  const result = explain({ input, compiled: compiled.value, lans }, whole);
  return result.ok
    ? { ...result.value, why: sayWhy(result.value, input.policy.rules, 0) }
    : { problem: result.problem };
}

describe('why a connection is allowed or denied', () => {
  test('by a rule: which, what it matched, and who both ends are', () => {
    expect(ask({})).toMatchObject({
      from: {
        address: '10.20.0.7',
        devices: ['screen'],
        gateway: 'office',
        hit: office,
        labels: ['site=office'],
      },
      to: { address: '192.168.1.10', devices: ['press'], gateway: 'this', labels: ['plc', 'site=plant'] },
      ...{ verdict: 'allow', reason: 'rule', rule: { id: 'modbus', verb: 'allow', mode: 'enforce' } },
      matched: {
        table: 'allow narrow narrow narrow',
        destination: { set: expect.arrayContaining(['192.168.1.10']) },
        service: { set: ['tcp 502'] },
      },
      ends: [
        { gateway: 'this', verdict: 'allow' },
        { gateway: 'office', verdict: 'not known' },
      ],
      why: 'Allowed by rule modbus.',
    });
  });

  test.each([
    [{ port: 503 }, 'deny', 'Denied: no rule allows it. Rules outside their schedules now: 1.'],
    [
      { from: 'press', to: 'screen', port: 1 },
      'allow',
      'Allowed by rule learn, which only observes. The staged rule later would deny it.',
    ],
    [
      { to: '192.168.1.11' },
      'deny',
      'Denied: 192.168.1.11 is in quarantine, since policy.devices has no device with this address.',
    ],
    [{ from: '192.168.1.11', to: 'press' }, 'allow', expect.stringContaining('are as those of a switch')],
    [{ from: 'office', to: 'screen' }, 'deny', expect.stringContaining('carries nothing between these two')],
    [{ from: '2001:22:F239:a1a2:9ece:33da:4afd:c5a2' }, 'allow', 'Allowed by rule modbus.'],
    [{ from: 'fd20::1', to: 'press' }, 'allow', 'Allowed by rule modbus.'],
    [
      { from: 'press', to: 'this', port: 53 },
      'allow',
      'Allowed: the gateway serves it to its hosts, and no rule denies it. Rules outside their schedules now: 1.',
    ],
    [{ from: 'press', to: '192.168.1.1', port: 22 }, 'deny', 'Denied: the gateway serves nothing there.'],
    [
      { from: '192.168.1.11', to: 'this', port: 53 },
      'deny',
      expect.stringContaining('192.168.1.11 is in quarantine'),
    ],
    [{ from: 'this', to: 'press' }, 'deny', 'No rule speaks of what the gateway itself begins.'],
  ] as const)('%j: %s', (query, verdict, why) => expect(ask(query)).toMatchObject({ verdict, why }));

  test('between two ports that are kept apart the rules decide', () => {
    const query = { from: 'press', to: '192.168.1.11' };
    expect(ask(query)).toMatchObject({ verdict: 'allow', reason: 'switched', rule: null });
    expect(ask(query, true)).toMatchObject({ verdict: 'deny', reason: 'quarantine' });
    expect(ask({ from: 'press', to: 'press' }, true)).toMatchObject({ verdict: 'deny', reason: 'default' });
  });

  test.each([
    [{ from: 'nobody' }, 'nobody is no address, device or peer of which an address is known'],
    [{ from: 'fd20::1', to: '192.168.1.10' }, 'fd20::1 and 192.168.1.10 have no addresses of one family'],
  ])('%j has no answer', (query, problem) => expect(ask(query)).toEqual({ problem }));
});
