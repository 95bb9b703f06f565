import { expect, test } from 'vitest';
import type { Rule } from '../../../firmware/policy/policy.ts';
import type { PolicyReport } from '../../../firmware/webui/api/policy-route.ts';
import { hitsOf, policyAnswer } from '../../../firmware/webui/client/pages/policy/policy-answer.ts';

const rule = (id: string, mode: Rule['mode']): Rule => ({
  ...{ id, subject: 'any', verb: 'allow', object: 'any' },
  ...(mode === undefined ? {} : { mode }),
});
const report = (connections: Record<string, number>, problem: string | null = null): PolicyReport => ({
  ...{ problem, generation: 1, counters: {} },
  rules: Object.entries(connections).map(([id, count], index) => ({
    ...{ id, number: index + 1, active: true, connections: count },
  })),
});

test('what keeps the policy out of force comes before everything else', () => {
  expect(policyAnswer([], report({}, 'nft refused it'))).toMatchObject({
    mark: 'down',
    advice: expect.stringContaining('nft refused it'),
  });
});

test('no rules are a beginning, not a failure', () => {
  expect(policyAnswer([], report({}))).toMatchObject({
    mark: 'attention',
    sentence: 'No rule allows anything yet.',
  });
});

test('rules that decide, that are staged and that observe are told apart', () => {
  const rules = [rule('a', 'enforce'), rule('b', undefined), rule('c', 'staged'), rule('d', 'staged')];
  expect(policyAnswer(rules.slice(0, 1), null)).toEqual({
    ...{ mark: 'up', sentence: '1 rule decides.', advice: null },
  });
  expect(policyAnswer(rules, report({ a: 100, c: 3, d: 4 }))).toMatchObject({
    mark: 'up',
    sentence: '2 rules decide; 2 more are staged.',
    advice: expect.stringContaining('would have decided 7 connections'),
  });
  expect(policyAnswer(rules.slice(2), null).sentence).toBe('No rule decides yet; 2 are staged.');
  expect(policyAnswer([...rules, rule('e', 'observe')], null)).toMatchObject({
    mark: 'degraded',
    sentence: '2 rules decide; 2 more are staged.',
    advice: expect.stringContaining('1 rule only observes'),
  });
});

test('hits are those of the rules that were asked about', () => {
  expect(hitsOf([rule('a', 'staged'), rule('x', 'staged')], report({ a: 2, b: 5 }))).toBe(2);
  expect(hitsOf([rule('a', 'staged')], null)).toBe(0);
});
