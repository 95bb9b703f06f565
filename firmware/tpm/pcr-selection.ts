import type { Reader } from '../bytes/reader.ts';
import type { Writer } from '../bytes/writer.ts';
import { limits } from './limits.ts';
import { readCount } from './sized.ts';

/**
 * TPMS_PCR_SELECTION (Part 2, section 10.6.2): PCRs of one bank. `hash` is a TPM_ALG_ID as a number, since a TPM may
 * have banks that this client has no name for; `indexes` are ascending and distinct.
 */
export type PcrSelection = { readonly hash: number; readonly indexes: readonly number[] };

/** PC Client TPMs demand at least three octets, for their 24 PCRs. */
const leastOctets = 3;

/** TPML_PCR_SELECTION, section 10.9.7. */
export function readPcrSelections(reader: Reader, field: string): PcrSelection[] {
  const count = readCount(reader, limits.pcrBanks, field);
  return Array.from({ length: count }, (_, bank) => readPcrSelection(reader, `${field}[${bank}]`));
}

/** Indexes may be in any order and are written as a bit map; one past the largest PCR is a defect and throws `RangeError`. */
export function writePcrSelections(writer: Writer, selections: readonly PcrSelection[]): Writer {
  writer.u32(selections.length);
  for (const { hash, indexes } of selections) {
    const octets = Math.max(leastOctets, Math.floor(Math.max(0, ...indexes) / 8) + 1);
    if (octets > limits.pcrSelectOctets) throw new RangeError(`no TPM has a PCR ${Math.max(...indexes)}`);
    const bitmap = new Uint8Array(octets);
    for (const index of indexes) {
      const octet = Math.floor(index / 8);
      bitmap[octet] = (bitmap[octet] ?? 0) | (1 << (index % 8));
    }
    writer.u16(hash).u8(octets).bytes(bitmap);
  }
  return writer;
}

/** True where both name the same PCRs of the same banks in the same order of banks: the order decides the digest. */
export function samePcrSelections(left: readonly PcrSelection[], right: readonly PcrSelection[]): boolean {
  return describePcrSelections(left) === describePcrSelections(right);
}

/** `0x000b:0,1,2+0x000c:7`, with the PCRs ascending. */
export function describePcrSelections(selections: readonly PcrSelection[]): string {
  return selections
    .map(({ hash, indexes }) => {
      const ascending = [...new Set(indexes)].sort((left, right) => left - right);
      return `0x${hash.toString(16).padStart(4, '0')}:${ascending.join(',')}`;
    })
    .join('+');
}

function readPcrSelection(reader: Reader, field: string): PcrSelection {
  const hash = reader.u16(`${field}.hash`);
  const octets = reader.u8(`${field}.sizeofSelect`);
  if (octets > limits.pcrSelectOctets) {
    reader.fail(
      `${octets} octets of PCRs, at most ${limits.pcrSelectOctets} are taken`,
      `${field}.sizeofSelect`,
    );
  }
  const bitmap = reader.bytes(octets, `${field}.pcrSelect`);
  const indexes: number[] = [];
  bitmap.forEach((octet, position) => {
    for (let bit = 0; bit < 8; bit++) if ((octet & (1 << bit)) !== 0) indexes.push(position * 8 + bit);
  });
  return { hash, indexes };
}
