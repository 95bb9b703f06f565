import { toHex } from '../bytes/bytes.ts';
import { decode, describeDecodeError, type Result } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { limits as tpmLimits } from '../tpm/limits.ts';
import { encodePublicArea, type PublicArea, readPublicArea } from '../tpm/public-area.ts';
import { readSignature, type Signature, writeSignature } from '../tpm/signature.ts';
import { type JsonFields, type JsonProblem, readJson } from './json-fields.ts';
import { limits } from './limits.ts';
import { attestedBank } from './measured-pcrs.ts';
import { type RuntimeRecord, readRuntimeRecord } from './runtime-log.ts';

/** What a TPM attested: the octets that it signed, as they came, and the signature. */
export type SignedAttest = { readonly attest: Uint8Array; readonly signature: Signature };

/** An endorsement key of the TPM and its certificates in DER: its own first, then those of its issuers as far as the TPM has them. */
export type Endorsement = {
  readonly publicArea: PublicArea;
  readonly certificates: readonly Uint8Array[];
};

/**
 * What a box says of itself in answer to a challenge (RFC 9334 §4.2). Nothing in it is to be believed before it is
 * appraised. Clock, counters and firmware version of the TPM are in the quote, where they are signed.
 */
export type Evidence = {
  readonly quote: SignedAttest;
  /** Of the SHA-256 bank, by index. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** The firmware's event log as Linux hands it on; empty where there is none. */
  readonly bootLog: Uint8Array;
  readonly runtimeLog: readonly RuntimeRecord[];
  readonly attestationKey: PublicArea;
  /** null where the host identity has no key in the TPM. */
  readonly hostIdentity: { readonly publicArea: PublicArea; readonly certify: SignedAttest } | null;
  readonly endorsements: readonly Endorsement[];
};

const evidenceType = 'hithe-evidence';
const evidenceVersion = 1;

/** Evidence as a JSON document; octets in hexadecimal, TPM structures as Part 2 of the library specification writes them. */
export function writeEvidence(evidence: Evidence): object {
  const { hostIdentity } = evidence;
  return {
    type: evidenceType,
    version: evidenceVersion,
    quote: writeSigned(evidence.quote),
    pcrs: {
      [attestedBank]: Object.fromEntries([...evidence.pcrs].map(([index, value]) => [index, toHex(value)])),
    },
    bootLog: toHex(evidence.bootLog),
    runtimeLog: evidence.runtimeLog,
    attestationKey: writeArea(evidence.attestationKey),
    hostIdentity: hostIdentity && {
      public: writeArea(hostIdentity.publicArea),
      certify: writeSigned(hostIdentity.certify),
    },
    endorsements: evidence.endorsements.map(({ publicArea, certificates }) => ({
      public: writeArea(publicArea),
      certificates: certificates.map(toHex),
    })),
  };
}

/** Reads what `writeEvidence` wrote; anything else is a problem, never an exception. */
export function readEvidence(document: unknown): Result<Evidence, JsonProblem> {
  return readJson(document, 'evidence', (fields) => {
    if (fields.text('type', 32) !== evidenceType) fields.fail('type', `is not ${evidenceType}`);
    if (fields.count('version') !== evidenceVersion) fields.fail('version', `is not ${evidenceVersion}`);
    return {
      quote: readSigned(fields.object('quote')),
      pcrs: readPcrTable(fields.object('pcrs').object(attestedBank)),
      bootLog: fields.octets('bootLog', limits.logSize),
      runtimeLog: fields.list('runtimeLog', limits.runtimeRecords, readRuntimeRecord),
      attestationKey: readArea(fields, 'attestationKey'),
      hostIdentity: fields.optional('hostIdentity', () => {
        const identity = fields.object('hostIdentity');
        return {
          publicArea: readArea(identity, 'public'),
          certify: readSigned(identity.object('certify')),
        };
      }),
      endorsements: fields.list('endorsements', limits.endorsements, (entry) => ({
        publicArea: readArea(entry, 'public'),
        certificates: entry.octetList('certificates', limits.certificates, limits.certificateSize),
      })),
    };
  });
}

function readPcrTable(fields: JsonFields): Map<number, Uint8Array> {
  const names = fields.names();
  if (names.length > limits.pcrs) fields.fail('*', `${names.length} PCRs`);
  return new Map(
    names.map((name) => {
      const index = /^\d{1,2}$/.test(name) ? Number(name) : Number.NaN;
      if (!(index < limits.pcrs) || String(index) !== name) return fields.fail(name.slice(0, 8), 'is no PCR');
      const value = fields.octets(name, 32);
      if (value.length !== 32) fields.fail(name, `${value.length} octets`);
      return [index, value];
    }),
  );
}

function writeSigned({ attest, signature }: SignedAttest): object {
  return { attest: toHex(attest), signature: toHex(writeSignature(new Writer(), signature).finish()) };
}

function readSigned(fields: JsonFields): SignedAttest {
  const attest = fields.octets('attest', tpmLimits.frameSize);
  return { attest, signature: readStructure(fields, 'signature', readSignature) };
}

export const writeArea = (area: PublicArea): string => toHex(encodePublicArea(area));

export function readArea(fields: JsonFields, name: string): PublicArea {
  return readStructure(fields, name, readPublicArea);
}

function readStructure<Value>(fields: JsonFields, name: string, read: (reader: Reader) => Value): Value {
  const octets = fields.octets(name, tpmLimits.frameSize);
  const value = decode(() => {
    const reader = new Reader(octets);
    const found = read(reader);
    reader.end();
    return found;
  });
  return value.ok ? value.value : fields.fail(name, describeDecodeError(value.error));
}
