import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Rule, Selector } from '../../../firmware/policy/policy.ts';
import { policySettings } from '../../../firmware/store/policy-schema.ts';
import {
  type Condition,
  conditionPath,
  draftAllowing,
  draftOf,
  emptyDraft,
  freeId,
  kindsLeft,
  ruleOf,
} from '../../../firmware/webui/client/pages/policy/rule-draft.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const some = fc
  .record(
    {
      device: name,
      labels: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
      addresses: fc.constantFrom(['10.0.0.0/8'], ['192.0.2.1', '2001:db8::/32']),
      gateway: name,
      platform: name,
      attestation: fc.constantFrom('passed' as const, 'failed' as const, 'unknown' as const),
    },
    { requiredKeys: [] },
  )
  .filter((selector) => Object.keys(selector).length > 0);
const side = fc.oneof(
  fc.constant('any' as const),
  some,
  fc.array(some as fc.Arbitrary<Selector>, { minLength: 2, maxLength: 3 }),
);
const service = fc.oneof(
  fc.record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    ports: fc.array(fc.oneof(fc.integer({ min: 0, max: 65_535 }), fc.constant('80-90')), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
  fc.record({ protocol: fc.constantFrom('tcp' as const, 'icmp' as const) }),
);
const rules: fc.Arbitrary<Rule> = fc
  .record({
    id: name,
    subject: side,
    verb: fc.constantFrom('allow' as const, 'deny' as const),
    object: fc.oneof(side, fc.constant({ own: true as const })),
    services: optional(fc.array(service, { minLength: 1, maxLength: 3 })),
    schedule: optional(
      fc.record({
        from: fc.constant('08:00'),
        to: fc.constant('18:00'),
        days: fc.constant(['mon' as const]),
      }),
    ),
    mode: optional(fc.constantFrom('staged' as const, 'observe' as const)),
    log: optional(fc.constant(false)),
  })
  // As JSON has it: what is not there has no name either.
  .map((rule) => JSON.parse(JSON.stringify(rule)) as Rule);

describe('a rule in the form', () => {
  test('comes out as it went in', () => {
    fc.assert(
      fc.property(rules, (rule) => {
        expect(ruleOf(draftOf(rule))).toEqual(rule);
      }),
    );
  });

  test('what is as it is unless told is left out', () => {
    const rule: Rule = {
      ...{ id: 'r', subject: 'any', verb: 'allow', object: 'any', services: 'any' },
      ...{ mode: 'enforce', log: true },
    };
    expect(ruleOf(draftOf(rule))).toEqual({ id: 'r', subject: 'any', verb: 'allow', object: 'any' });
  });

  test('lists are typed with commas or spaces, and what is no port is left to the settings to refuse', () => {
    const draft = {
      ...emptyDraft,
      id: ' r ',
      object: {
        kind: 'some' as const,
        alternatives: [[{ kind: 'addresses' as const, value: '10.0.0.1; 10.0.0.2' }]],
      },
      services: [
        { protocol: 'tcp' as const, ports: '80,443 x' },
        { protocol: 'icmp' as const, ports: '80' },
      ],
    };
    expect(ruleOf(draft)).toMatchObject({
      id: 'r',
      object: { addresses: ['10.0.0.1', '10.0.0.2'] },
      services: [{ protocol: 'tcp', ports: [80, 443, 'x'] }, { protocol: 'icmp' }],
    });
    // An address that is not typed yet is none, rather than everything.
    const empty = {
      ...draft,
      object: { kind: 'some' as const, alternatives: [[{ kind: 'addresses' as const, value: ' ' }]] },
    };
    expect(ruleOf(empty).object).toEqual({ addresses: [] });
  });

  test('an alternative has each kind of condition once, and labels as often as wanted', () => {
    const conditions = [
      { kind: 'device' as const, value: 'a' },
      { kind: 'label' as const, value: 'b' },
    ];
    expect(kindsLeft(conditions, 0)).toContain('device');
    expect(kindsLeft(conditions, 2)).toEqual(['label', 'addresses', 'gateway', 'platform', 'attestation']);
  });
});

test('a condition is where the settings have it', () => {
  const conditions: Condition[] = [
    { kind: 'label', value: 'a' },
    { kind: 'device', value: 'b' },
    { kind: 'label', value: 'c' },
  ];
  expect(conditions.map((_, at) => conditionPath('policy.rules[3].subject', conditions, at))).toEqual([
    'policy.rules[3].subject.labels[0]',
    'policy.rules[3].subject.device',
    'policy.rules[3].subject.labels[1]',
  ]);
});

describe('a rule that allows what was explained', () => {
  const press = { address: '192.168.1.10', devices: ['Press Ä'], own: false };
  const far = { address: '192.168.2.20', devices: [], own: false };

  test('names devices by name and others by address', () => {
    expect(ruleOf(draftAllowing(press, far, { protocol: 'tcp', port: 502 }, []))).toEqual({
      id: 'allow-press-192.168.2.20-502',
      subject: { device: 'Press Ä' },
      verb: 'allow',
      object: { addresses: ['192.168.2.20'] },
      services: [{ protocol: 'tcp', ports: [502] }],
    });
  });

  test('speaks of the gateway’s own services, and of protocols without ports', () => {
    const own = { ...far, own: true };
    expect(ruleOf(draftAllowing(far, own, { protocol: 'icmp', port: 0 }, []))).toMatchObject({
      ...{ id: 'allow-192.168.2.20-gateway-icmp', object: { own: true }, services: [{ protocol: 'icmp' }] },
    });
    expect(ruleOf(draftAllowing(far, press, { protocol: 'other', port: 0 }, [])).services).toBeUndefined();
  });

  test('has a name that the settings take and that is free, whatever the ends are called', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(3), (wanted, count) => {
        const taken: string[] = [];
        for (let index = 0; index < count; index++) taken.push(freeId(wanted, taken));
        const id = freeId(wanted, taken);
        expect(taken).not.toContain(id);
        expect(
          policySettings.shape.rules.element.safeParse({ id, subject: 'any', verb: 'deny', object: 'any' })
            .success,
        ).toBe(true);
      }),
    );
  });
});
