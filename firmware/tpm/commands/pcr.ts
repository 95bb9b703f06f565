import type { Reader } from '../../bytes/reader.ts';
import { Writer } from '../../bytes/writer.ts';
import { emptyPassword } from '../authorization.ts';
import { commandCode, hashById } from '../constants.ts';
import type { Command } from '../frame.ts';
import { limits } from '../limits.ts';
import { type PcrSelection, readPcrSelections, writePcrSelections } from '../pcr-selection.ts';
import { readCount, readSized } from '../sized.ts';
import { plain, readNothing } from './plain.ts';

/** PCRs as one PCR_Read gave them: at most eight, so `selections` may name fewer than were asked for. */
export type PcrReading = {
  /** Counts every change of any PCR; two readings with the same count belong together. */
  readonly updateCounter: number;
  readonly selections: readonly PcrSelection[];
  /** In the order of `selections` and ascending within each. */
  readonly digests: readonly Uint8Array[];
};

/** Part 3, section 22.4. */
export function pcrRead(selections: readonly PcrSelection[]): Command<PcrReading> {
  return {
    ...plain,
    name: 'TPM2_PCR_Read',
    code: commandCode.pcrRead,
    parameters: writePcrSelections(new Writer(), selections).finish(),
    read: readPcrReading,
  };
}

/** One bank's digest that a PCR is extended with: TPMT_HA, Part 2, section 10.3.2. */
export type BankDigest = { readonly hash: number; readonly digest: Uint8Array };

/** Part 3, section 22.2: each bank that `digests` names gets its own digest; the other banks stay as they are. */
export function pcrExtend(index: number, digests: readonly BankDigest[]): Command<undefined> {
  const parameters = new Writer().u32(digests.length);
  for (const { hash, digest } of digests) {
    if (hashById(hash)?.digestSize !== digest.length)
      throw new RangeError(`${digest.length} octets are no such digest`);
    parameters.u16(hash).bytes(digest);
  }
  return {
    ...plain,
    name: 'TPM2_PCR_Extend',
    code: commandCode.pcrExtend,
    handles: [index],
    sessions: [emptyPassword],
    parameters: parameters.finish(),
    read: readNothing,
  };
}

function readPcrReading(reader: Reader): PcrReading {
  const updateCounter = reader.u32('pcrUpdateCounter');
  const selections = readPcrSelections(reader, 'pcrSelectionOut');
  const count = readCount(reader, limits.digestsPerList, 'pcrValues');
  const digests = Array.from({ length: count }, (_, index) =>
    readSized(reader, limits.digestSize, `pcrValues[${index}]`).slice(),
  );
  const selected = selections.reduce((sum, { indexes }) => sum + indexes.length, 0);
  if (selected !== count) reader.fail(`${count} digests for ${selected} PCRs`, 'pcrValues');
  return { updateCounter, selections, digests };
}
