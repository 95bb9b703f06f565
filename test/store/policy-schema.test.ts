import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/policy/limits.ts';
import { mergeLayers, parseSettingsLayer } from '../../firmware/store/settings-layers.ts';

const rule = { id: 'one', subject: 'any', verb: 'allow', object: 'any' };
const verdicts = { verifiers: ['-----BEGIN PUBLIC KEY-----'], tokens: ['a.b.c'], validHours: 24 };
const device = { name: 'press', addresses: ['192.168.1.10'] };

/** What is wrong with a policy, path and problem, or nothing. */
function problemsOf(policy: object): readonly string[] {
  const layer = parseSettingsLayer(JSON.stringify({ version: 1, policy }));
  const whole = layer.ok ? mergeLayers({ saved: layer.value }) : layer;
  return whole.ok ? [] : whole.problems.map(({ path, problem }) => `${path}: ${problem}`);
}

describe('the policy in the settings', () => {
  test('a document from before there was one denies everything', () => {
    const merged = mergeLayers({ saved: { version: 1, hostname: 'old' } });
    expect(merged.ok && merged.value.policy).toEqual({
      ...{ labels: [], peerLabels: {}, devices: [], rules: [], unknownDevices: 'quarantine' },
    });
  });

  test.each([
    [{ rules: [rule] }],
    [
      {
        rules: [
          {
            ...rule,
            subject: { labels: ['site=plant', 'plc'] },
            object: [{ device: 'press' }, { gateway: 'this' }],
          },
        ],
        devices: [device],
      },
    ],
    [
      {
        rules: [
          { ...rule, services: [{ protocol: 'tcp', ports: [443, '8000-8099'] }, { protocol: 'icmp' }] },
        ],
      },
    ],
    [
      {
        rules: [
          {
            ...rule,
            schedule: { days: ['mon', 'fri'], from: '22:00', to: '24:00' },
            mode: 'observe',
            log: false,
          },
        ],
      },
    ],
    [{ devices: [{ name: 'robot', mac: '00:11:22:aa:bb:cc' }], labels: ['site=plant'] }],
    [{ rules: [{ ...rule, object: { own: true } }], ownServices: 'rules' }],
    [{ verdicts }],
  ])('%j can be used', (policy) => expect(problemsOf(policy)).toEqual([]));

  test.each([
    [
      { rules: [{ ...rule, subject: {} }] },
      'policy.rules[0].subject: names nothing: write "any" for everything',
    ],
    [{ rules: [{ ...rule, verb: 'permit' }] }, 'policy.rules[0].verb: '],
    [{ rules: [{ ...rule, id: 'Rule 1' }] }, 'policy.rules[0].id: must begin with a letter or digit'],
    [
      { rules: [{ ...rule, services: [{ protocol: 'icmp', ports: [8] }] }] },
      'policy.rules[0].services[0].ports: only tcp and udp have ports',
    ],
    [
      { rules: [{ ...rule, services: [{ protocol: 'tcp', ports: ['9-8'] }] }] },
      'policy.rules[0].services[0].ports[0]: must read 8000-8099',
    ],
    [
      { rules: [{ ...rule, services: [{ protocol: 'tcp', ports: [65536] }] }] },
      'policy.rules[0].services[0].ports[0]: ',
    ],
    [
      { rules: [{ ...rule, subject: { addresses: ['10.0.0.0/33'] } }] },
      'policy.rules[0].subject.addresses[0]: must be an address or a network',
    ],
    [
      { rules: [{ ...rule, verb: 'deny', mode: 'observe' }] },
      'policy.rules[0].mode: a rule that observes lets through',
    ],
    [
      { rules: [{ ...rule, schedule: { from: '24:01', to: '06:00' } }] },
      'policy.rules[0].schedule.from: must read HH:MM',
    ],
    [
      { rules: [{ ...rule, object: { own: true, gateway: 'this' } }] },
      'policy.rules[0].object: own stands alone',
    ],
    [
      { rules: [{ ...rule, subject: { own: true } }] },
      'policy.rules[0].subject.own: own is the whole object of a rule',
    ],
    [
      { rules: [{ ...rule, object: [{ own: true }] }] },
      'policy.rules[0].object[0].own: own is the whole object of a rule',
    ],
    [{ rules: [rule, rule] }, 'policy.rules[1].id: the rule one stands twice'],
    [
      { rules: [{ ...rule, object: [{ device: 'press' }] }] },
      'policy.rules[0].object[0].device: there is no device press',
    ],
    [
      { rules: [{ ...rule, object: { gateway: 'north' } }] },
      'policy.rules[0].object.gateway: there is no peer north',
    ],
    [{ peerLabels: { north: [] } }, 'policy.peerLabels.north: is the name of no peer'],
    [
      { devices: [device, { ...device, name: 'robot', addresses: ['192.168.1.10/32'] }] },
      'policy.devices[1].addresses[0]: the address ',
    ],
    [{ devices: [{ name: 'press' }] }, 'policy.devices[0].addresses: a device is known by addresses'],
    [
      { devices: [{ name: 'press', mac: '00:11:22:AA:BB:CC' }] },
      'policy.devices[0].mac: must read 00:11:22:aa:bb:cc',
    ],
    [{ labels: ['two words'] }, 'policy.labels[0]: must read name or name=value'],
  ])('%j cannot, and it is said why', (policy, problem) =>
    expect(problemsOf(policy)).toEqual([expect.stringContaining(problem)]),
  );

  test.each([
    ['verifiers', limits.verifiers, 'key'],
    ['tokens', limits.verdicts, 'a.b.c'],
  ] as const)('verdicts: %i and no more', (name, most, value) => {
    const list = (length: number) => ({
      verdicts: { ...verdicts, [name]: Array.from({ length }, () => value) },
    });
    expect(problemsOf(list(most))).toEqual([]);
    expect(problemsOf(list(most + 1))).toEqual([expect.stringContaining(`verdicts.${name}: Too big`)]);
  });

  test.each([
    ['verifiers', limits.verifierKeyLength],
    ['tokens', limits.verdictLength],
  ] as const)('%s: of %i characters and no more', (name, most) => {
    const one = (length: number) => ({ verdicts: { ...verdicts, [name]: ['x'.repeat(length)] } });
    expect(problemsOf(one(most))).toEqual([]);
    expect(problemsOf(one(most + 1))).toEqual([expect.stringContaining(`verdicts.${name}[0]: Too big`)]);
  });

  test('nobody closes the page to everybody, himself too, unless there is a port where no rule reaches', () => {
    const closing = { ...rule, verb: 'deny', object: { own: true } };
    const tcp = (...ports: (number | string)[]) => ({ ...closing, services: [{ protocol: 'tcp', ports }] });
    for (const found of [closing, tcp(53, '400-500'), { ...closing, services: [{ protocol: 'tcp' }] }])
      expect(problemsOf({ rules: [found] })).toEqual([
        expect.stringContaining('policy.rules[0].subject: closes the page to everybody'),
      ]);
    const some = { ...closing, subject: { addresses: ['192.168.1.128/25'] } };
    for (const found of [some, tcp(53, 80), { ...closing, mode: 'staged' }, { ...closing, verb: 'allow' }])
      expect(problemsOf({ rules: [found] })).toEqual([]);
    const network = { ports: { port2: { role: 'management' } } };
    const layer = parseSettingsLayer(JSON.stringify({ version: 1, network, policy: { rules: [closing] } }));
    expect(layer.ok && mergeLayers({ saved: layer.value })).toMatchObject({ ok: true });
  });

  test.each([
    ['rules', limits.rules, (index: number) => ({ ...rule, id: `rule-${index}` })],
    [
      'devices',
      limits.devices,
      (index: number) => ({
        name: `d${index}`,
        addresses: [`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`],
      }),
    ],
    ['labels', limits.labels, (index: number) => `label-${index}`],
  ] as const)('%s: %i and no more', (name, most, make) => {
    const list = (length: number) => ({ [name]: Array.from({ length }, (_, index) => make(index)) });
    expect(problemsOf(list(most))).toEqual([]);
    expect(problemsOf(list(most + 1))).toEqual([
      expect.stringMatching(new RegExp(`^policy\\.${name}: Too big`)),
    ]);
  });
});
