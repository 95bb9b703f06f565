import { equalBytes, toHex } from '../bytes/bytes.ts';
import { describeDecodeError } from '../bytes/decode.ts';
import { hashById, hashByName } from '../tpm/constants.ts';
import { describePcrSelections, samePcrSelections } from '../tpm/pcr-selection.ts';
import type { Question } from './appraisal-question.ts';
import { machinePcrs } from './appraisal-record.ts';
import { bootFindings } from './boot-policy.ts';
import type { BootLog } from './event-log.ts';
import { attestedBank, attestedPcrs, runtimePcr } from './measured-pcrs.ts';
import { replayEventLog } from './replay.ts';
import { newestMeasurement, replayRuntimeLog, runtimeRecordProblem } from './runtime-log.ts';
import { type Finding, finding, type NamedEvent } from './verdict.ts';

const { id: bankId, digestSize } = hashByName(attestedBank);

/** The quote is this attestation key's, over the octets as they came, in answer to this challenge. */
export function quoteFindings({ evidence, quote, nonce, challenge, previous, ports }: Question): Finding[] {
  const { attest, signature } = evidence.quote;
  if (!ports.cryptography.verify(evidence.attestationKey, attest, signature))
    return [finding('quote', 'the attestation key did not sign this quote')];
  if (!equalBytes(quote.extraData, nonce)) {
    const problem = 'the quote answers another challenge';
    return [finding('quote', problem, { expected: toHex(nonce), actual: toHex(quote.extraData) })];
  }
  if (challenge === 'lapsed') return [finding('quote', 'this challenge lapsed before it was answered')];
  if (challenge === 'unknown')
    return [finding('quote', 'this challenge was never given out, or was answered already')];
  if (previous?.nonce === toHex(nonce))
    return [finding('quote', 'this challenge was used for the last appraisal already')];
  return [];
}

/** Exactly the PCRs that were asked for were quoted, and their values are those that the evidence shows. */
export function selectionFindings({ evidence, quote, ports }: Question): Finding[] {
  const asked = [{ hash: bankId, indexes: attestedPcrs }];
  const { selections, pcrDigest } = quote.attested;
  if (!samePcrSelections(selections, asked)) {
    const [expected, actual] = [describePcrSelections(asked), describePcrSelections(selections)];
    const problem = 'the quote is not over the PCRs that were asked for';
    return [finding('pcr-selection', problem, { expected, actual: actual === '' ? 'none' : actual })];
  }
  const values: number[] = [];
  for (const pcr of attestedPcrs) {
    const value = evidence.pcrs.get(pcr);
    if (value === undefined)
      return [finding('pcr-selection', 'the evidence leaves out the value of a PCR', { pcr })];
    values.push(...value);
  }
  // Part 3, section 18.4: by the hash of the signing scheme.
  const hash = hashById(evidence.quote.signature.hash);
  if (hash === undefined) return [finding('pcr-selection', 'the quote’s hash algorithm is not known')];
  const computed = ports.cryptography.digest(hash.name, Uint8Array.from(values));
  if (equalBytes(computed, pcrDigest)) return [];
  const problem = 'the PCR values of the evidence are not those that were quoted';
  return [finding('pcr-selection', problem, { expected: toHex(pcrDigest), actual: toHex(computed) })];
}

/** The boot log leads to the quoted PCRs, all of them; where the release says what is in a PCR, the event that diverges is named. */
export function eventLogFindings(question: Question, log: BootLog): Finding[] {
  const { evidence, ports, reference } = question;
  if (log.error !== null) {
    const problem = `the boot log ends early: ${describeDecodeError(log.error)}`;
    return [finding('event-log', problem, { event: lastEvent(log) })];
  }
  const replayed = replayEventLog(log, ports.cryptography.digest).get(attestedBank);
  if (replayed === undefined) return [finding('event-log', `the boot log has no ${attestedBank} digests`)];
  let divergences: Finding[] | undefined;
  const zeros = new Uint8Array(digestSize);
  return attestedPcrs.flatMap((pcr) => {
    const led = replayed.get(pcr) ?? zeros;
    const quoted = evidence.pcrs.get(pcr) ?? zeros;
    if (pcr === runtimePcr) {
      if (!replayed.has(pcr)) return [];
      return [finding('event-log', 'the boot measured into the PCR of the runtime', { pcr })];
    }
    if (equalBytes(led, quoted)) return [];
    const problem = replayed.has(pcr)
      ? 'the boot log does not lead to what the TPM holds'
      : 'the boot log explains nothing of what the TPM holds';
    divergences ??= bootFindings(log.events, reference, ports.cryptography.digest);
    const event = divergences.find((divergence) => divergence.pcr === pcr)?.event ?? null;
    return [finding('event-log', problem, { pcr, event, expected: toHex(quoted), actual: toHex(led) })];
  });
}

function lastEvent({ events }: BootLog): NamedEvent | null {
  const last = events.at(-1);
  return last === undefined ? null : { index: last.index, type: 'last event read', text: `PCR ${last.pcr}` };
}

/** The runtime's log leads to its PCR, and names the released bundle and a board profile of the release. */
export function runtimeFindings({
  evidence,
  reference,
  ports,
}: {
  readonly evidence: Pick<Question['evidence'], 'runtimeLog' | 'pcrs'>;
  readonly reference: Pick<Question['reference'], 'bundle' | 'boardProfiles'>;
  readonly ports: { readonly cryptography: Pick<Question['ports']['cryptography'], 'digest'> };
}): Finding[] {
  const { digest } = ports.cryptography;
  const { runtimeLog } = evidence;
  const pcr = runtimePcr;
  const findings: Finding[] = [];
  for (const [index, record] of runtimeLog.entries()) {
    const { subject, sha256 } = record.content;
    const event = { index, type: 'runtime', text: subject };
    const problem = runtimeRecordProblem(record, index, digest);
    if (problem !== undefined)
      findings.push(finding('runtime', `a record of the runtime’s log ${problem}`, { pcr, event }));
    const good = subject === 'bundle' ? [reference.bundle] : Object.values(reference.boardProfiles);
    if (subject === 'settings' || good.includes(sha256)) continue;
    const expected = subject === 'bundle' ? reference.bundle : 'a board profile of the release';
    findings.push(
      finding('runtime', `the ${subject} is not of the release`, { pcr, event, expected, actual: sha256 }),
    );
  }
  const [led, quoted] = [replayRuntimeLog(runtimeLog, digest), evidence.pcrs.get(pcr) ?? new Uint8Array()];
  if (!equalBytes(led, quoted)) {
    const problem = 'the runtime’s log does not lead to what the TPM holds';
    findings.push(finding('runtime', problem, { pcr, expected: toHex(quoted), actual: toHex(led) }));
  }
  if (newestMeasurement(runtimeLog, 'bundle') === null)
    findings.push(
      finding('runtime', 'the runtime did not measure its program', { pcr, expected: reference.bundle }),
    );
  return findings;
}

/** Clock and counters never go back, and the TPM's firmware is no older than it was. */
export function clockFindings({ quote, previous }: Question): Finding[] {
  const { clock, resetCount, restartCount, safe } = quote.clockInfo;
  const findings: Finding[] = [];
  if (!safe)
    findings.push(
      finding('clock', 'the TPM’s clock may repeat values after a loss of power; ask again later', {
        expected: 'safe',
        actual: 'not safe',
      }),
    );
  if (previous === null) return findings;
  const decreased = (what: string, before: bigint, now: bigint) => {
    if (now >= before) return;
    findings.push(
      finding('clock', `${what} went back`, { expected: `at least ${before}`, actual: `${now}` }),
    );
  };
  decreased('the TPM’s clock', BigInt(previous.clock), clock);
  decreased('the count of resets', BigInt(previous.resetCount), BigInt(resetCount));
  if (resetCount === previous.resetCount)
    decreased('the count of restarts', BigInt(previous.restartCount), BigInt(restartCount));
  decreased('the TPM’s firmware version', BigInt(previous.firmwareVersion), quote.firmwareVersion);
  return findings;
}

/** The machine's own PCRs are those of the last time. PCR 1 is left to `machineWarnings`: boot entries of new disks are in it. */
export function machineFindings(question: Question): Finding[] {
  return changedPcrs(question)
    .filter(({ pcr }) => pcr !== 1)
    .map((change) =>
      finding('machine', 'the machine’s firmware, its options or its Secure Boot keys have changed', change),
    );
}

export function machineWarnings(question: Question): string[] {
  return changedPcrs(question)
    .filter(({ pcr }) => pcr === 1)
    .map(() => 'PCR 1 has changed: the machine’s boot entries or firmware settings are others.');
}

export function notesOn({ previous, evidence, challenge }: Question): string[] {
  const notes: string[] = [];
  if (challenge === 'unchecked')
    notes.push('Nobody looked up when this challenge was given out, and whether it was answered before.');
  if (previous === null)
    notes.push('There is no earlier appraisal to hold the clock and the machine’s own PCRs against.');
  else if (previous.settings !== newestMeasurement(evidence.runtimeLog, 'settings'))
    notes.push('The settings in force are others than at the last appraisal.');
  return notes;
}

function changedPcrs({ previous, evidence }: Question) {
  if (previous === null) return [];
  return machinePcrs.flatMap((pcr) => {
    const [expected, actual] = [
      previous.machinePcrs[String(pcr)] ?? '',
      toHex(evidence.pcrs.get(pcr) ?? new Uint8Array()),
    ];
    return expected === actual ? [] : [{ pcr, expected, actual }];
  });
}
