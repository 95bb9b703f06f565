import { describe, expect, test } from 'vitest';
import { parseAddressRange } from '../../firmware/policy/address-line.ts';
import { classify } from '../../firmware/policy/classes.ts';
import { compilePolicy } from '../../firmware/policy/compile.ts';
import { limits } from '../../firmware/policy/limits.ts';
import type { Rule } from '../../firmware/policy/policy.ts';
import { numberRules, ruleOfMark } from '../../firmware/policy/rule-numbers.ts';
import { isActive, minuteOfWeek } from '../../firmware/policy/schedule.ts';

const range = (text: string) => {
  const found = parseAddressRange(text);
  return found === undefined ? [] : [found];
};

describe('bounds of the policy', () => {
  test('a set of the last narrow number of classes is narrow, of one more is wide', () => {
    const hosts = (count: number) => Array.from({ length: count }, (_, index) => range(`10.0.0.${index}`));
    const layerOf = (count: number) => classify([range('10.0.0.0/24'), ...hosts(count)]).sets[0]?.layer;
    // The network has one class for each of its hosts, and one for what is none of them.
    expect([layerOf(limits.narrowClasses - 1), layerOf(limits.narrowClasses)]).toEqual(['narrow', 'wide']);
  });

  test('a policy that takes more entries than the kernel is to hold is refused, and it is said at which rule', () => {
    const single = (index: number): Rule[] => [
      { id: `from-${index}`, subject: { addresses: [`10.1.0.${index}`] }, verb: 'allow', object: 'any' },
      { id: `to-${index}`, subject: 'any', verb: 'allow', object: { addresses: [`10.2.0.${index}`] } },
    ];
    const port = (index: number): Rule => ({
      ...{ id: `port-${index}`, subject: 'any', verb: 'allow', object: 'any' },
      services: [{ protocol: 'tcp', ports: [index * 2] }],
    });
    // All combinations of as many narrow classes as there may be with every port's class, and that of all other ports.
    const all: Rule = {
      ...{
        id: 'all',
        subject: { addresses: ['10.1.0.0/24'] },
        verb: 'allow',
        object: { addresses: ['10.2.0.0/24'] },
      },
      services: [{ protocol: 'tcp', ports: ['0-65535'] }],
    };
    const compiled = (ports: number) => {
      const rules = [
        ...Array.from({ length: limits.narrowClasses - 1 }, (_, index) => single(index)).flat(),
        ...Array.from({ length: ports }, (_, index) => port(index)),
        all,
      ];
      const { numbers } = numberRules(
        new Map(),
        rules.map(({ id }) => id),
      );
      const policy = { labels: [], peerLabels: {}, devices: [], rules, unknownDevices: 'permitted' as const };
      return compilePolicy({ policy, own: {}, peers: [] }, numbers, 0);
    };
    const most = Math.floor(limits.entries / limits.narrowClasses ** 2);
    expect(compiled(most - 10).ok).toBe(true);
    expect(compiled(most)).toMatchObject({ ok: false, problem: expect.stringContaining('at rule all') });
  });

  test('rules keep their numbers while others come and go; too many that went start numbers over', () => {
    const { numbers: first } = numberRules(new Map(), ['a', 'b']);
    const { numbers: second } = numberRules(first, ['b', 'c']);
    expect([...second]).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    expect([ruleOfMark(second, 0x0500_0003), ruleOfMark(second, 0)]).toEqual(['c', undefined]);
    const ids = (start: number, count: number) =>
      Array.from({ length: count }, (_, index) => `rule-${start + index}`);
    let state = numberRules(new Map(), []);
    for (let turn = 0; turn < 10; turn++) {
      state = numberRules(state.numbers, ids(turn * limits.rules, limits.rules));
      expect(state.startedOver).toBe(false);
    }
    state = numberRules(state.numbers, ['last']);
    expect(state).toEqual({ numbers: new Map([['last', 1]]), startedOver: true });
  });
});

describe('schedules, in UTC', () => {
  const during = (schedule: Rule['schedule'], time: string) =>
    isActive(
      { id: 'a', subject: 'any', verb: 'allow', object: 'any', schedule },
      minuteOfWeek(Date.parse(time)),
    );

  test.each([
    // 2026-01-05 is a Monday.
    [{ from: '08:00', to: '17:00' }, '2026-01-05T07:59:59Z', false],
    [{ from: '08:00', to: '17:00' }, '2026-01-05T08:00:00Z', true],
    [{ from: '08:00', to: '17:00' }, '2026-01-05T16:59:59Z', true],
    [{ from: '08:00', to: '17:00' }, '2026-01-05T17:00:00Z', false],
    [{ from: '00:00', to: '24:00' }, '2026-01-05T23:59:59Z', true],
    [{ from: '06:00', to: '06:00' }, '2026-01-05T05:00:00Z', true],
    [{ days: ['sun'], from: '22:00', to: '02:00' }, '2026-01-05T01:59:59Z', true],
    [{ days: ['sun'], from: '22:00', to: '02:00' }, '2026-01-05T02:00:00Z', false],
    [{ days: ['sun'], from: '22:00', to: '02:00' }, '2026-01-04T01:00:00Z', false],
    [{ days: ['mon'], from: '00:00', to: '24:00' }, '1969-12-29T12:00:00Z', true],
  ] as const)('%j at %s: %s', (schedule, time, expected) => expect(during(schedule, time)).toBe(expected));
});
