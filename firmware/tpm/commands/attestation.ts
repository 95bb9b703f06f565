import type { Result } from '../../bytes/decode.ts';
import type { Reader } from '../../bytes/reader.ts';
import { Writer } from '../../bytes/writer.ts';
import { type Attest, type CertifyAttest, parseCertify, parseQuote, type QuoteAttest } from '../attest.ts';
import { type Authorization, emptyPassword } from '../authorization.ts';
import { algorithm, commandCode } from '../constants.ts';
import type { Command, Handle } from '../frame.ts';
import { limits } from '../limits.ts';
import { type PcrSelection, writePcrSelections } from '../pcr-selection.ts';
import { readSignature, type Signature } from '../signature.ts';
import { readSized, writeSized } from '../sized.ts';
import { plain } from './plain.ts';

/** An attestation with its signature over `attest.raw`. */
export type Signed<Attestation extends Attest> = {
  readonly attest: Attestation;
  readonly signature: Signature;
};

/** A quote with its signature over `attest.raw`. */
export type SignedQuote = Signed<QuoteAttest>;

/** Part 3, section 18.4. `qualifyingData` is at most 66 octets; the key signs with the scheme that it was made with. */
export function quote(
  key: Handle,
  qualifyingData: Uint8Array,
  selections: readonly PcrSelection[],
  keyAuth: Authorization = emptyPassword,
): Command<SignedQuote> {
  const parameters = writeQualifyingData(qualifyingData).u16(algorithm.null);
  return {
    ...plain,
    name: 'TPM2_Quote',
    code: commandCode.quote,
    handles: [key],
    sessions: [keyAuth],
    parameters: writePcrSelections(parameters, selections).finish(),
    read: (reader) => readSigned(reader, parseQuote),
  };
}

/** Part 3, section 18.2: `signer` states that `object` is in the same TPM, and under which name. */
export function certify(
  object: Handle,
  signer: Handle,
  qualifyingData: Uint8Array,
  {
    objectAuth = emptyPassword,
    signerAuth = emptyPassword,
  }: { readonly objectAuth?: Authorization; readonly signerAuth?: Authorization } = {},
): Command<Signed<CertifyAttest>> {
  return {
    ...plain,
    name: 'TPM2_Certify',
    code: commandCode.certify,
    handles: [object, signer],
    sessions: [objectAuth, signerAuth],
    parameters: writeQualifyingData(qualifyingData).u16(algorithm.null).finish(),
    read: (reader) => readSigned(reader, parseCertify),
  };
}

function writeQualifyingData(data: Uint8Array): Writer {
  if (data.length > limits.qualifyingData) {
    throw new RangeError(
      `${data.length} octets of qualifying data, at most ${limits.qualifyingData} are taken`,
    );
  }
  return writeSized(new Writer(), data);
}

function readSigned<Attestation extends Attest>(
  reader: Reader,
  parse: (bytes: Uint8Array) => Result<Attestation>,
): Signed<Attestation> {
  const start = reader.offset + 2;
  const attest = parse(readSized(reader, limits.frameSize, 'attestation'));
  if (!attest.ok) return reader.fail(attest.error.problem, attest.error.path, start + attest.error.offset);
  return { attest: attest.value, signature: readSignature(reader) };
}
