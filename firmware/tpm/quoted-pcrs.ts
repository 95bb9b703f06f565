import { concatBytes, equalBytes } from '../bytes/bytes.ts';
import type { Result } from '../bytes/decode.ts';
import type { Tpm } from './client.ts';
import { quote, type SignedQuote } from './commands/attestation.ts';
import { type HashName, hashById, hashByName } from './constants.ts';
import type { TpmCryptography } from './crypto-port.ts';
import { TpmError, type TpmResult } from './error.ts';
import { limits } from './limits.ts';
import { describePcrSelections, samePcrSelections } from './pcr-selection.ts';
import { type PcrValues, readPcrs } from './pcrs.ts';
import type { PublicArea } from './public-area.ts';
import type { Signature } from './signature.ts';

/** What checking a quote takes. */
type QuoteCryptography = Pick<TpmCryptography, 'digest' | 'verify'>;

export type QuotedPcrs = PcrValues & SignedQuote;

/**
 * Reads PCRs and quotes them. The two are separate commands and a PCR may change between them, so this goes on until
 * the quoted digest is the digest of the values read. `UNSTABLE` when that never happens.
 */
export async function quotePcrs(
  tpm: Tpm,
  keyHandle: number,
  nonce: Uint8Array,
  { bank, indexes }: { readonly bank: HashName; readonly indexes: readonly number[] },
  cryptography: Pick<TpmCryptography, 'digest'>,
): Promise<TpmResult<QuotedPcrs>> {
  const selections = [{ hash: hashByName(bank).id, indexes }];
  for (let attempt = 0; attempt < limits.agreementAttempts; attempt++) {
    const values = await readPcrs(tpm, bank, indexes);
    if (!values.ok) return values;
    const quoted = await tpm.execute(quote(keyHandle, nonce, selections));
    if (!quoted.ok) return quoted;
    const computed = pcrDigest(values.value, quoted.value.signature, cryptography);
    if (computed !== undefined && equalBytes(computed, quoted.value.attest.attested.pcrDigest)) {
      return { ok: true, value: { ...values.value, ...quoted.value } };
    }
  }
  return {
    ok: false,
    error: new TpmError('UNSTABLE', 'TPM2_Quote', 'the quote never agreed with the PCRs read'),
  };
}

/** Which check a quote failed, and how. */
export type QuoteFinding = {
  readonly check: 'signature' | 'nonce' | 'selection' | 'pcrDigest';
  readonly problem: string;
};

/**
 * Checks a quote against the key that shall have made it, the nonce that was given and the PCR values it shall stand
 * for: the signature over the raw octets first, since nothing in them means anything before that. The first check that
 * fails ends it.
 */
export function checkQuote(
  { attest, signature, ...values }: QuotedPcrs,
  { key, nonce }: { readonly key: PublicArea; readonly nonce: Uint8Array },
  cryptography: QuoteCryptography,
): Result<undefined, QuoteFinding> {
  if (!cryptography.verify(key, attest.raw, signature)) {
    return failed('signature', 'the signature is not by the attestation key over these octets');
  }
  if (!equalBytes(attest.extraData, nonce)) return failed('nonce', 'the quote answers another nonce');
  const expected = [{ hash: hashByName(values.bank).id, indexes: values.pcrs.map(({ index }) => index) }];
  if (values.pcrs.length === 0 || !samePcrSelections(attest.attested.selections, expected)) {
    const problem = `quoted ${describePcrSelections(attest.attested.selections)}, asked for ${describePcrSelections(expected)}`;
    return failed('selection', problem);
  }
  const computed = pcrDigest(values, signature, cryptography);
  if (computed === undefined || !equalBytes(computed, attest.attested.pcrDigest)) {
    return failed('pcrDigest', 'the quoted digest is not that of the PCR values');
  }
  return { ok: true, value: undefined };
}

/** Part 3, section 18.4: the digest, by the signing scheme's hash, of the selected PCRs one after the other. */
function pcrDigest(
  { pcrs }: PcrValues,
  signature: Signature,
  { digest }: Pick<TpmCryptography, 'digest'>,
): Uint8Array | undefined {
  const hash = hashById(signature.hash);
  return hash === undefined ? undefined : digest(hash.name, concatBytes(...pcrs.map((pcr) => pcr.digest)));
}

function failed(check: QuoteFinding['check'], problem: string): Result<undefined, QuoteFinding> {
  return { ok: false, error: { check, problem } };
}
