import { toHex } from '../bytes/bytes.ts';
import { describeDecodeError } from '../bytes/decode.ts';
import { parseCertify, parseQuote } from '../tpm/attest.ts';
import { objectName } from '../tpm/object-name.ts';
import type { AppraisalPolicy, Question } from './appraisal-question.ts';
import { type AppraisalRecord, machinePcrs } from './appraisal-record.ts';
import { bootFindings } from './boot-policy.ts';
import { parseEventLog } from './event-log.ts';
import { type Evidence, readEvidence } from './evidence.ts';
import { newestMeasurement } from './runtime-log.ts';
import {
  clockFindings,
  eventLogFindings,
  machineFindings,
  machineWarnings,
  notesOn,
  quoteFindings,
  runtimeFindings,
  selectionFindings,
} from './state-checks.ts';
import { attestationKeyFindings, endorsementFindings, hostIdentityFindings } from './trust-checks.ts';
import { type Check, type CheckOutcome, checks, type Finding, finding, type Verdict } from './verdict.ts';
import type { VerifierPorts } from './verifier-ports.ts';

/**
 * Appraises evidence, a JSON document from outside, for one challenge. Every check is made and told, in the order of
 * `checks`, so that a person sees all of what is wrong; the first that fails decides, and what stands behind it is what the
 * evidence says and no longer what is proven. Whatever cannot be read, or is missing, fails.
 */
export function appraise(document: unknown, policy: AppraisalPolicy, ports: VerifierPorts): Verdict {
  const evidence = readEvidence(document);
  if (!evidence.ok) return unreadable(policy, `${evidence.error.path} ${evidence.error.problem}`);
  const question = questionOf(evidence.value, policy, ports);
  if (typeof question === 'string') return unreadable(policy, question);
  const log = parseEventLog(evidence.value.bootLog);
  const found: Readonly<Record<Exclude<Check, 'evidence'>, () => Finding[]>> = {
    endorsement: () => endorsementFindings(question),
    'attestation-key': () => attestationKeyFindings(question),
    quote: () => quoteFindings(question),
    'pcr-selection': () => selectionFindings(question),
    'event-log': () => eventLogFindings(question, log),
    boot: () => bootFindings(log.events, policy.reference, ports.cryptography.digest),
    runtime: () => runtimeFindings(question),
    clock: () => clockFindings(question),
    machine: () => machineFindings(question),
    'host-identity': () => hostIdentityFindings(question),
  };
  const outcomes: CheckOutcome[] = [];
  const findings: Finding[] = [];
  for (const check of checks) {
    if (check === 'evidence') {
      outcomes.push({ check, outcome: 'passed' });
    } else if (check === 'endorsement' && policy.anyTpm) {
      outcomes.push({ check, outcome: 'skipped' });
    } else {
      const reasons = found[check]();
      findings.push(...reasons);
      outcomes.push({ check, outcome: reasons.length === 0 ? 'passed' : 'failed' });
    }
  }
  const passed = findings.length === 0;
  const warnings = [...trustWarnings(policy), ...machineWarnings(question)];
  return {
    status: !passed ? 'contraindicated' : warnings.length > 0 ? 'warning' : 'affirming',
    nonce: toHex(policy.nonce),
    release: { version: policy.reference.version, development: policy.reference.development },
    hit: hitOf(question),
    checks: outcomes,
    findings,
    warnings,
    notes: notesOn(question),
    record: passed ? recordOf(question) : null,
  };
}

function questionOf(evidence: Evidence, policy: AppraisalPolicy, ports: VerifierPorts): Question | string {
  const { cryptography } = ports;
  const quote = parseQuote(evidence.quote.attest);
  if (!quote.ok) return `the quote is none: ${describeDecodeError(quote.error)}`;
  const { hostIdentity } = evidence;
  const certify = hostIdentity && parseCertify(hostIdentity.certify.attest);
  if (certify?.ok === false) return `the certified identity is none: ${describeDecodeError(certify.error)}`;
  const attestationKeyName = objectName(cryptography, evidence.attestationKey);
  if (attestationKeyName === undefined) return 'the attestation key’s name is of an unknown hash';
  const hostKeyName = hostIdentity && (objectName(cryptography, hostIdentity.publicArea) ?? null);
  return {
    ...policy,
    evidence,
    ports,
    quote: quote.value,
    certify: certify?.value ?? null,
    attestationKeyName,
    hostKeyName,
  };
}

function unreadable({ nonce, reference }: AppraisalPolicy, problem: string): Verdict {
  return {
    status: 'contraindicated',
    nonce: toHex(nonce),
    release: { version: reference.version, development: reference.development },
    hit: null,
    checks: [{ check: 'evidence', outcome: 'failed' }],
    findings: [finding('evidence', problem)],
    warnings: [],
    notes: [],
    record: null,
  };
}

/** What a verdict that holds says nothing about. */
function trustWarnings({ anyTpm, reference }: AppraisalPolicy): string[] {
  const warnings: string[] = [];
  if (anyTpm)
    warnings.push('Whose TPM this is was not checked: a program that poses as a TPM would be taken as well.');
  if (reference.development)
    warnings.push('The release is signed with the development key, which everybody has.');
  return warnings;
}

function hitOf({ evidence: { hostIdentity }, ports }: Question): string | null {
  const key = hostIdentity?.publicArea.key;
  return key?.type === 'ecc' && key.x.length <= 32 && key.y.length <= 32 ? ports.hitOf(padded(key)) : null;
}

/** A TPM may leave out leading zeros. */
function padded({ x, y }: { readonly x: Uint8Array; readonly y: Uint8Array }) {
  const pad = (value: Uint8Array) => {
    const whole = new Uint8Array(32);
    whole.set(value, 32 - value.length);
    return whole;
  };
  return { x: pad(x), y: pad(y) };
}

function recordOf(question: Question): AppraisalRecord | null {
  const { evidence, quote, attestationKeyName, hostKeyName, nonce, anyTpm } = question;
  if (hostKeyName === null) return null;
  const { clock, resetCount, restartCount } = quote.clockInfo;
  return {
    version: 1,
    attestationKeyName: toHex(attestationKeyName),
    proven: !anyTpm,
    hostKeyName: toHex(hostKeyName),
    nonce: toHex(nonce),
    clock: clock.toString(),
    resetCount,
    restartCount,
    firmwareVersion: quote.firmwareVersion.toString(),
    machinePcrs: Object.fromEntries(
      machinePcrs.map((pcr) => [pcr, toHex(evidence.pcrs.get(pcr) ?? new Uint8Array())]),
    ),
    settings: newestMeasurement(evidence.runtimeLog, 'settings'),
  };
}
