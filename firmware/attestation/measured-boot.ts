import { equalBytes, toHex } from '../bytes/bytes.ts';
import { hashByName } from '../tpm/constants.ts';
import { bootFindings } from './boot-policy.ts';
import { eventDetail } from './event-detail.ts';
import { parseEventLog } from './event-log.ts';
import { eventText } from './event-text.ts';
import { eventType, eventTypeName } from './event-types.ts';
import { attestedBank, attestedPcrs, runtimePcr } from './measured-pcrs.ts';
import type { ReferenceValues } from './reference-values.ts';
import { type Digest, replayEventLog } from './replay.ts';
import { type RuntimeRecord, replayRuntimeLog } from './runtime-log.ts';

/** A PCR, what was measured into it, and what a release measures there. Digests are SHA-256 in hexadecimal. */
export type MeasuredPcr = {
  readonly index: number;
  /** As the TPM holds it. */
  readonly value: string;
  /** What the log leads to. */
  readonly replayed: string;
  /** Against the release: `unknown` where none is there, or where the PCR is the machine's own. */
  readonly comparison: 'same' | 'different' | 'unknown';
  readonly finding: {
    readonly problem: string;
    readonly eventIndex: number | null;
    readonly expected: string | null;
    readonly actual: string | null;
  } | null;
  readonly events: {
    readonly index: number;
    readonly type: string;
    readonly text: string;
    readonly digest: string;
  }[];
};

/** PCRs that the release decides all of; the rest is the machine's. */
const decided = new Set([4, 8, 11, 12, 13, 14]);

/** The measured boot of the machine itself, for people: nothing here is a proof to anybody else. */
export function describeMeasuredBoot(
  {
    pcrs,
    bootLog,
    runtimeLog,
  }: {
    readonly pcrs: ReadonlyMap<number, Uint8Array>;
    readonly bootLog: Uint8Array;
    readonly runtimeLog: readonly RuntimeRecord[];
  },
  reference: ReferenceValues | null,
  digest: Digest,
): MeasuredPcr[] {
  const log = parseEventLog(bootLog);
  const replayed = replayEventLog(log, digest).get(attestedBank);
  const findings = reference === null ? [] : bootFindings(log.events, reference, digest);
  return attestedPcrs.map((index) => {
    const value = pcrs.get(index) ?? new Uint8Array();
    const runtime = index === runtimePcr;
    const led = runtime
      ? replayRuntimeLog(runtimeLog, digest)
      : (replayed?.get(index) ?? new Uint8Array(hashByName(attestedBank).digestSize));
    const found = findings.find(({ pcr }) => pcr === index) ?? null;
    const explained = equalBytes(led, value);
    const unexplained = { problem: 'the log does not lead to what the TPM holds', eventIndex: null };
    const finding =
      found === null
        ? explained
          ? null
          : { ...unexplained, expected: toHex(led), actual: toHex(value) }
        : {
            problem: found.problem,
            eventIndex: found.event?.index ?? null,
            expected: found.expected,
            actual: found.actual,
          };
    const same = reference !== null && decided.has(index) ? 'same' : 'unknown';
    return {
      index,
      value: toHex(value),
      replayed: toHex(led),
      comparison: finding === null ? same : 'different',
      finding,
      events: runtime
        ? runtimeLog.map(({ recnum, content, digests }) => ({
            index: recnum,
            type: 'runtime',
            text: `${content.subject} ${content.sha256}`,
            digest: digests.find(({ hashAlg }) => hashAlg === attestedBank)?.digest ?? '',
          }))
        : log.events
            .filter((event) => event.pcr === index && event.type !== eventType.noAction)
            .map((event) => ({
              index: event.index,
              type: eventTypeName(event.type),
              text: eventText(eventDetail(event)),
              digest: toHex(event.digests.get(attestedBank) ?? new Uint8Array()),
            })),
    };
  });
}
