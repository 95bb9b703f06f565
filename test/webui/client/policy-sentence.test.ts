import { describe, expect, test } from 'vitest';
import type { Rule } from '../../../firmware/policy/policy.ts';
import {
  groupByObject,
  ruleMatches,
  scheduleWords,
  sentenceOf,
  sentenceText,
} from '../../../firmware/webui/client/pages/policy/sentence.ts';

const rule = (more: Partial<Rule>): Rule => ({
  ...{ id: 'r', subject: 'any', verb: 'allow', object: 'any' },
  ...more,
});

describe('a rule as a sentence', () => {
  test.each<[Partial<Rule>, string]>([
    [{}, 'anyone may reach anything'],
    [
      {
        subject: { labels: ['cameras'] },
        object: { device: 'recorder' },
        services: [{ protocol: 'tcp', ports: [554] }],
      },
      'cameras may reach recorder on tcp 554',
    ],
    [
      { verb: 'deny', subject: { gateway: 'plant' }, object: { own: true } },
      'everything behind plant must not reach this gateway’s own services',
    ],
    [
      { subject: [{ device: 'hmi' }, { labels: ['role=plc', 'cell=4'], gateway: 'this' }] },
      'hmi or role=plc + cell=4 behind this gateway may reach anything',
    ],
    [
      { object: { device: 'press', addresses: ['10.0.0.0/8', '2001:db8::1'] } },
      'anyone may reach press being 10.0.0.0/8 or 2001:db8::1',
    ],
    [
      { subject: { platform: 'aws', attestation: 'passed' } },
      'everything on aws with a proven boot may reach anything',
    ],
    [
      {
        services: [{ protocol: 'tcp', ports: [80, '8000-8099'] }, { protocol: 'udp' }, { protocol: 'icmp' }],
      },
      'anyone may reach anything on tcp 80, 8000-8099 and every udp port and icmp',
    ],
    [{ services: [{ protocol: 'tcp' }, { protocol: 'any' }] }, 'anyone may reach anything'],
    [
      { schedule: { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', to: '18:00' } },
      'anyone may reach anything Mon–Fri 08:00–18:00 UTC',
    ],
  ])('%j', (given, text) => expect(sentenceText(rule(given))).toBe(text));

  test('its parts stand apart', () => {
    expect(sentenceOf(rule({ subject: [{ device: 'a' }, { device: 'b' }] }))).toEqual({
      ...{ subject: ['a', 'b'], verb: 'may reach', object: ['anything'], services: '', schedule: '' },
    });
  });

  test.each([
    [undefined, '22:00', '06:00', 'daily 22:00–06:00 (next day) UTC'],
    [undefined, '00:00', '24:00', 'daily 00:00–24:00 UTC'],
    [['sun', 'sat'] as const, '10:00', '11:00', 'Sat, Sun 10:00–11:00 UTC'],
    [['mon', 'wed', 'thu', 'fri'] as const, '10:00', '11:00', 'Mon, Wed–Fri 10:00–11:00 UTC'],
    // From noon to noon is a whole day, as the schedule itself has it.
    [['tue'] as const, '12:00', '12:00', 'Tue 12:00–12:00 (next day) UTC'],
  ])('%j from %s to %s', (days, from, to, text) =>
    expect(scheduleWords({ ...(days === undefined ? {} : { days }), from, to })).toBe(text),
  );
});

test('rules stand by what they are about, in the order of the settings; what is for everything last', () => {
  const rules = [
    rule({ id: '1' }),
    rule({ id: '2', object: { own: true } }),
    rule({ id: '3', object: { device: 'plc10' } }),
    rule({ id: '4', object: { device: 'plc9' }, verb: 'deny' }),
    rule({ id: '5', object: [{ device: 'plc10' }] }),
  ];
  const groups = groupByObject(rules.map((each, index) => ({ rule: each, index })));
  expect(groups.map(({ object, rules: each }) => [object, each.map(({ index }) => index)])).toEqual([
    ['plc9', [3]],
    ['plc10', [2, 4]],
    ['anything', [0]],
    ['this gateway’s own services', [1]],
  ]);
});

test('a search finds words of the sentence and of the name, in any order', () => {
  const found = rule({ id: 'modbus-hall', subject: { labels: ['hmi'] }, object: { device: 'Press' } });
  for (const search of ['', 'press hmi', 'MODBUS', 'may reach press'])
    expect([search, ruleMatches(found, search)]).toEqual([search, true]);
  expect(ruleMatches(found, 'press plc')).toBe(false);
});
