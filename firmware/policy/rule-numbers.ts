import { flowMarks } from './flow-marks.ts';
import { limits } from './limits.ts';

/**
 * The numbers by which the kernel knows rules. A rule keeps its number as long as the kernel runs, also while it is
 * not in force, so that what the kernel counted and marked under a number is always the same rule's.
 */
export type RuleNumbers = ReadonlyMap<string, number>;

/** Ids remembered, so that rules which come and go do not fill the kernel's memory: ten whole policies. */
const remembered = 10 * limits.rules;

/**
 * Gives numbers from 1 on to the ids that have none. `startedOver` where too many had come and gone: then all numbers
 * are new, and what the kernel has under the old ones must go.
 */
export function numberRules(
  before: RuleNumbers,
  ids: readonly string[],
): { readonly numbers: RuleNumbers; readonly startedOver: boolean } {
  const numbers = new Map(before);
  for (const id of ids) if (!numbers.has(id)) numbers.set(id, numbers.size + 1);
  if (numbers.size <= Math.min(remembered, flowMarks.ruleMask)) return { numbers, startedOver: false };
  return { numbers: new Map(ids.map((id, index) => [id, index + 1])), startedOver: true };
}

/** The rule that a conntrack mark or a packet's mark in the log names, or undefined. */
export function ruleOfMark(numbers: RuleNumbers, mark: number): string | undefined {
  const wanted = (mark & flowMarks.ruleMask) >>> 0;
  for (const [id, number] of numbers) if (number === wanted) return id;
  return undefined;
}
