import type { AppraisalRecord } from './appraisal-record.ts';

/** What is checked, in this order: nothing later means anything where something earlier does not hold. */
export const checks = [
  'evidence',
  'endorsement',
  'attestation-key',
  'quote',
  'pcr-selection',
  'event-log',
  'boot',
  'runtime',
  'clock',
  'machine',
  'host-identity',
] as const;
export type Check = (typeof checks)[number];

/** An event as a finding names it. Type and text are the log's own words, which nothing vouches for. */
export type NamedEvent = { readonly index: number; readonly type: string; readonly text: string };

/** One reason against the box. `expected` and `actual` are digests in hexadecimal or words. */
export type Finding = {
  readonly check: Check;
  readonly problem: string;
  readonly pcr: number | null;
  readonly event: NamedEvent | null;
  readonly expected: string | null;
  readonly actual: string | null;
};

export type CheckOutcome = {
  readonly check: Check;
  /** `skipped` only where whoever appraises said so. */
  readonly outcome: 'passed' | 'failed' | 'skipped';
};

/**
 * The verdict on one piece of evidence. `affirming`: all of it was checked and held. `warning`: what was checked held, and
 * `warnings` says what that leaves open. `contraindicated`: at least one check failed, and `findings` says why.
 */
export type Verdict = {
  readonly status: 'affirming' | 'warning' | 'contraindicated';
  readonly nonce: string;
  readonly release: { readonly version: string; readonly development: boolean };
  /** The host identity that the TPM holds; null where none was shown. */
  readonly hit: string | null;
  readonly checks: readonly CheckOutcome[];
  readonly findings: readonly Finding[];
  /** What was not checked, or holds for anybody: why a verdict without findings is no full one. */
  readonly warnings: readonly string[];
  /** What a person may want to know, and which says nothing against the box. */
  readonly notes: readonly string[];
  /** What the next appraisal of this box is held against; null where the evidence failed. */
  readonly record: AppraisalRecord | null;
};

export function finding(
  check: Check,
  problem: string,
  more: Partial<Omit<Finding, 'check' | 'problem'>> = {},
): Finding {
  return { check, problem, pcr: null, event: null, expected: null, actual: null, ...more };
}
