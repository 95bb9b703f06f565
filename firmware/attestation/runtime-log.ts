import { concatBytes, toHex } from '../bytes/bytes.ts';
import { type HashName, hashAlgorithms, hashByName } from '../tpm/constants.ts';
import type { JsonFields } from './json-fields.ts';
import { attestedBank, runtimePcr } from './measured-pcrs.ts';
import type { Digest } from './replay.ts';

/** What the runtime measures of itself: its program, what it knows of the board, and the settings in force. */
export const runtimeSubjects = ['bundle', 'board-profile', 'settings'] as const;
export type RuntimeSubject = (typeof runtimeSubjects)[number];

/** `sha256` is over what was measured, in lower-case hexadecimal. */
export type RuntimeMeasurement = { readonly subject: RuntimeSubject; readonly sha256: string };

/**
 * A record of the runtime's log, as TCG's Canonical Event Log 1.0 writes it in JSON (§5.3): `recnum` counts from 0,
 * `digests` are what the PCR was extended with in each bank, `content` is what was measured.
 */
export type RuntimeRecord = {
  readonly recnum: number;
  readonly pcr: number;
  readonly digests: readonly { readonly hashAlg: HashName; readonly digest: string }[];
  readonly content_type: 'hithe';
  readonly content: RuntimeMeasurement;
};

/** The record of a measurement, with digests for these banks. */
export function runtimeRecord(
  recnum: number,
  content: RuntimeMeasurement,
  banks: readonly HashName[],
  digest: Digest,
): RuntimeRecord {
  const digests = banks.map((hashAlg) => ({
    hashAlg,
    digest: toHex(measuredDigest(content, hashAlg, digest)),
  }));
  return { recnum, pcr: runtimePcr, digests, content_type: 'hithe', content };
}

/** What a measurement extends a bank with: the hash of `subject:sha256` in ASCII, so that the log's words are vouched for. */
function measuredDigest({ subject, sha256 }: RuntimeMeasurement, bank: HashName, digest: Digest): Uint8Array {
  const text = `${subject}:${sha256}`;
  return digest(
    bank,
    Uint8Array.from(text, (character) => character.charCodeAt(0)),
  );
}

export function readRuntimeRecord(fields: JsonFields): RuntimeRecord {
  const content = fields.object('content');
  const subject = runtimeSubjects.find((known) => known === content.text('subject', 32));
  if (subject === undefined) return content.fail('subject', 'is nothing that the runtime measures');
  const sha256 = toHex(content.octets('sha256', 32));
  if (fields.text('content_type', 32) !== 'hithe') fields.fail('content_type', 'is not of this runtime');
  const digests = fields.list('digests', hashAlgorithms.length, (entry) => {
    const name = entry.text('hashAlg', 16);
    const algorithm = hashAlgorithms.find((known) => known.name === name);
    if (algorithm === undefined) return entry.fail('hashAlg', 'is not known');
    return { hashAlg: algorithm.name, digest: toHex(entry.octets('digest', algorithm.digestSize)) };
  });
  return {
    recnum: fields.count('recnum'),
    pcr: fields.count('pcr'),
    digests,
    content_type: 'hithe',
    content: { subject, sha256 },
  };
}

/** Why a record cannot stand where it stands, or undefined for one that can. */
export function runtimeRecordProblem(
  record: RuntimeRecord,
  index: number,
  digest: Digest,
): string | undefined {
  if (record.recnum !== index) return `is number ${record.recnum} where ${index} follows`;
  if (record.pcr !== runtimePcr) return `is of PCR ${record.pcr}`;
  const stated = record.digests.find(({ hashAlg }) => hashAlg === attestedBank)?.digest;
  const measured = toHex(measuredDigest(record.content, attestedBank, digest));
  return stated === measured ? undefined : `states ${stated ?? 'no digest'} and measures ${measured}`;
}

/** PCR 15 after these records: from zeros, each extending by what its content hashes to, whatever digest it states. */
export function replayRuntimeLog(records: readonly RuntimeRecord[], digest: Digest): Uint8Array {
  return records.reduce<Uint8Array>(
    (value, { content }) =>
      digest(attestedBank, concatBytes(value, measuredDigest(content, attestedBank, digest))),
    new Uint8Array(hashByName(attestedBank).digestSize),
  );
}

/** The newest measurement of a subject. */
export function newestMeasurement(records: readonly RuntimeRecord[], subject: RuntimeSubject): string | null {
  return records.findLast(({ content }) => content.subject === subject)?.content.sha256 ?? null;
}
