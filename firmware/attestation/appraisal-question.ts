import type { CertifyAttest, QuoteAttest } from '../tpm/attest.ts';
import type { AppraisalRecord } from './appraisal-record.ts';
import type { Activation } from './enrolment.ts';
import type { Evidence } from './evidence.ts';
import type { Challenge } from './nonce-book.ts';
import type { ReferenceValues } from './reference-values.ts';
import type { VerifierPorts } from './verifier-ports.ts';

/** What whoever appraises brings to it. */
export type AppraisalPolicy = {
  /** The challenge that the evidence answers. */
  readonly nonce: Uint8Array;
  /** Whether the verifier gave this challenge out, lately and for the first time. */
  readonly challenge: Challenge;
  readonly reference: ReferenceValues;
  /** What the last appraisal of this box came to. */
  readonly previous: AppraisalRecord | null;
  /** The box's answer to a credential that was made for it. */
  readonly activation: Activation | null;
  /** Takes any TPM, also one that is a program: whose it is stays unknown, and the verdict says so. */
  readonly anyTpm: boolean;
};

/** Evidence that could be read, beside what it is held against. */
export type Question = AppraisalPolicy & {
  readonly evidence: Evidence;
  readonly quote: QuoteAttest;
  readonly certify: CertifyAttest | null;
  readonly attestationKeyName: Uint8Array;
  readonly hostKeyName: Uint8Array | null;
  readonly ports: VerifierPorts;
};
