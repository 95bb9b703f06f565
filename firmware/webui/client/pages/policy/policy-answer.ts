import type { Rule } from '../../../../policy/policy.ts';
import type { PolicyReport } from '../../../api/policy-route.ts';
import type { MarkName } from '../../summary.ts';
import { texts } from '../../texts.ts';

export type PolicyAnswer = {
  readonly mark: MarkName;
  readonly sentence: string;
  readonly advice: string | null;
};

/** How the policy is, and the one thing to do about it. */
export function policyAnswer(rules: readonly Rule[], report: PolicyReport | null): PolicyAnswer {
  const text = texts.policy.answer;
  if (report !== null && report.problem !== null)
    return { mark: 'down', sentence: text.notInForce, advice: text.notInForceAdvice(report.problem) };
  if (rules.length === 0) return { mark: 'attention', sentence: text.none, advice: text.noneAdvice };
  const staged = rules.filter(({ mode }) => mode === 'staged');
  const observing = rules.filter(({ mode }) => mode === 'observe').length;
  const enforced = rules.length - staged.length - observing;
  const sentence = text.rules(enforced, staged.length);
  if (observing > 0) return { mark: 'degraded', sentence, advice: text.observingAdvice(observing) };
  if (staged.length === 0) return { mark: 'up', sentence, advice: null };
  return { mark: 'up', sentence, advice: text.stagedAdvice(staged.length, hitsOf(staged, report)) };
}

/** How many connections these rules decided about, or would have. */
export function hitsOf(rules: readonly Rule[], report: PolicyReport | null): number {
  const ids = new Set(rules.map(({ id }) => id));
  return (report?.rules ?? []).reduce(
    (sum, { id, connections }) => (ids.has(id) ? sum + connections : sum),
    0,
  );
}
