import type { Tpm } from './client.ts';
import { pcrRead } from './commands/pcr.ts';
import { type HashName, hashByName } from './constants.ts';
import { TpmError, type TpmResult } from './error.ts';
import { limits } from './limits.ts';

export type PcrValue = { readonly index: number; readonly digest: Uint8Array };

/** PCRs of one bank that held these values at one moment, ascending. */
export type PcrValues = { readonly bank: HashName; readonly pcrs: readonly PcrValue[] };

const command = 'TPM2_PCR_Read';

/**
 * Reads PCRs of one bank, eight at a time as the TPM gives them, and from the start again when any PCR changed in
 * between (the update counter tells). `UNAVAILABLE` where the TPM lacks the bank or one of the PCRs.
 */
export async function readPcrs(
  tpm: Tpm,
  bank: HashName,
  indexes: readonly number[],
): Promise<TpmResult<PcrValues>> {
  const wanted = [...new Set(indexes)].sort((left, right) => left - right);
  for (let attempt = 0; attempt < limits.agreementAttempts; attempt++) {
    const pass = await readOnePass(tpm, bank, wanted);
    if (!pass.ok) return pass;
    if (pass.value !== undefined) return { ok: true, value: { bank, pcrs: pass.value } };
  }
  return { ok: false, error: new TpmError('UNSTABLE', command, 'the PCRs changed at every reading') };
}

/** The values, or undefined when a PCR changed while they were read. */
async function readOnePass(
  tpm: Tpm,
  bank: HashName,
  wanted: readonly number[],
): Promise<TpmResult<PcrValue[] | undefined>> {
  const { id: hash, digestSize } = hashByName(bank);
  const values: PcrValue[] = [];
  let updateCounter: number | undefined;
  while (values.length < wanted.length) {
    const missing = wanted.slice(values.length);
    const reading = await tpm.execute(pcrRead([{ hash, indexes: missing }]));
    if (!reading.ok) return reading;
    const answered = reading.value.selections.find((selection) => selection.hash === hash)?.indexes ?? [];
    const { digests } = reading.value;
    updateCounter ??= reading.value.updateCounter;
    if (updateCounter !== reading.value.updateCounter) return { ok: true, value: undefined };
    // The TPM answers the lowest ones first and leaves out what it does not have.
    const inOrder = answered.every((index, position) => index === missing[position]);
    if (answered.length === 0 || !inOrder || digests.length !== answered.length) {
      const problem = `the TPM has no ${bank} PCR ${missing.find((index, position) => index !== answered[position])}`;
      return { ok: false, error: new TpmError('UNAVAILABLE', command, problem) };
    }
    for (const [position, digest] of digests.entries()) {
      if (digest.length !== digestSize) {
        return {
          ok: false,
          error: new TpmError('MALFORMED', command, `a ${bank} PCR of ${digest.length} octets`),
        };
      }
      values.push({ index: answered[position] ?? 0, digest });
    }
  }
  return { ok: true, value: values };
}
