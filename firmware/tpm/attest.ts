import { decode, type Result } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';
import { generatedValue, structureTag } from './constants.ts';
import { limits } from './limits.ts';
import { type PcrSelection, readPcrSelections } from './pcr-selection.ts';
import { readSized } from './sized.ts';

/** TPMS_CLOCK_INFO, Part 2, section 10.11.1. */
export type ClockInfo = {
  /** Milliseconds that the TPM was powered, not advancing while it is off. */
  readonly clock: bigint;
  /** TPM resets (power cycles) since the TPM was last cleared. */
  readonly resetCount: number;
  /** Resumes and restarts since the last reset. */
  readonly restartCount: number;
  /** False where the clock may repeat values that it has shown before. */
  readonly safe: boolean;
};

/** TPMS_ATTEST, Part 2, section 10.12.12. */
export type Attest = {
  /** The octets that the TPM signed. A signature is checked over these, never over anything written again. */
  readonly raw: Uint8Array;
  readonly qualifiedSigner: Uint8Array;
  /** The qualifying data that the caller gave: a verifier's nonce. */
  readonly extraData: Uint8Array;
  readonly clockInfo: ClockInfo;
  /** Vendor specific; obfuscated, as the counters of `clockInfo`, unless the key is in the endorsement or platform hierarchy. */
  readonly firmwareVersion: bigint;
  readonly attested: AttestedQuote | AttestedCertify;
};

/** TPMS_QUOTE_INFO, section 10.12.4. */
export type AttestedQuote = {
  readonly type: 'quote';
  readonly selections: readonly PcrSelection[];
  readonly pcrDigest: Uint8Array;
};

/** TPMS_CERTIFY_INFO, section 10.12.3. */
export type AttestedCertify = {
  readonly type: 'certify';
  readonly name: Uint8Array;
  readonly qualifiedName: Uint8Array;
};

/** Takes the content of a TPM2B_ATTEST, all of it. What is attested other than quotes and certified keys is refused. */
export function parseAttest(bytes: Uint8Array): Result<Attest> {
  return decode(() => {
    const reader = new Reader(bytes, 'attest');
    const attest = { raw: new Uint8Array(bytes), ...readAttest(reader) };
    reader.end();
    return attest;
  });
}

/** An attestation that a `TPM2_Quote` made. */
export type QuoteAttest = Attest & { readonly attested: AttestedQuote };

/** As `parseAttest`, and anything but a quote is refused. */
export function parseQuote(bytes: Uint8Array): Result<QuoteAttest> {
  const attest = parseAttest(bytes);
  if (!attest.ok) return attest;
  const { attested } = attest.value;
  if (attested.type === 'quote') return { ok: true, value: { ...attest.value, attested } };
  return otherType(`a ${attested.type} attestation is no quote`);
}

/** An attestation that a `TPM2_Certify` made. */
export type CertifyAttest = Attest & { readonly attested: AttestedCertify };

/** As `parseAttest`, and anything but a certified key is refused. */
export function parseCertify(bytes: Uint8Array): Result<CertifyAttest> {
  const attest = parseAttest(bytes);
  if (!attest.ok) return attest;
  const { attested } = attest.value;
  if (attested.type === 'certify') return { ok: true, value: { ...attest.value, attested } };
  return otherType(`a ${attested.type} attestation certifies no key`);
}

function otherType(problem: string): Result<never> {
  return { ok: false, error: { path: 'attest.type', offset: 4, problem } };
}

function readAttest(reader: Reader): Omit<Attest, 'raw'> {
  const magic = reader.u32('magic');
  if (magic !== generatedValue) reader.fail(`0x${magic.toString(16)} is not TPM_GENERATED_VALUE`, 'magic', 0);
  const type = reader.u16('type');
  const qualifiedSigner = readSized(reader, limits.nameSize, 'qualifiedSigner').slice();
  const extraData = readSized(reader, limits.qualifyingData, 'extraData').slice();
  const clockInfo = readClockInfo(reader);
  const firmwareVersion = reader.u64('firmwareVersion');
  const attested = readAttested(reader, type);
  return { qualifiedSigner, extraData, clockInfo, firmwareVersion, attested };
}

/** Also how TPM2_ReadClock gives it. */
export function readClockInfo(reader: Reader): ClockInfo {
  const clock = reader.u64('clockInfo.clock');
  const resetCount = reader.u32('clockInfo.resetCount');
  const restartCount = reader.u32('clockInfo.restartCount');
  const safe = reader.u8('clockInfo.safe');
  // TPMI_YES_NO (section 9.2) has no other values; a lenient reader would let two encodings mean one thing.
  if (safe > 1) reader.fail(`${safe} is neither YES nor NO`, 'clockInfo.safe', reader.offset - 1);
  return { clock, resetCount, restartCount, safe: safe === 1 };
}

function readAttested(reader: Reader, type: number): Attest['attested'] {
  if (type === structureTag.attestQuote) {
    const selections = readPcrSelections(reader, 'quote.pcrSelect');
    const pcrDigest = readSized(reader, limits.digestSize, 'quote.pcrDigest').slice();
    return { type: 'quote', selections, pcrDigest };
  }
  if (type === structureTag.attestCertify) {
    const name = readSized(reader, limits.nameSize, 'certify.name').slice();
    const qualifiedName = readSized(reader, limits.nameSize, 'certify.qualifiedName').slice();
    return { type: 'certify', name, qualifiedName };
  }
  return reader.fail(`attestation type 0x${type.toString(16)} is not handled`, 'type', 4);
}
