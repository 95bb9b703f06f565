import type { Reader } from '../bytes/reader.ts';
import type { Writer } from '../bytes/writer.ts';
import { hierarchy, structureTag } from './constants.ts';
import { limits } from './limits.ts';
import { readSized, writeSized } from './sized.ts';

/** TPMT_TK_…, Part 2, section 10.7: what a TPM gives as proof to itself. It is of use to the same TPM alone. */
export type Ticket = { readonly tag: number; readonly hierarchy: number; readonly digest: Uint8Array };

/** Says that the digest to be signed did not come from TPM2_Hash, which only restricted keys ask for (section 10.7.6). */
export const noHashCheck: Ticket = {
  tag: structureTag.hashCheck,
  hierarchy: hierarchy.null,
  digest: new Uint8Array(),
};

export function readTicket(reader: Reader, expectedTag: number, field: string): Ticket {
  const tag = reader.u16(`${field}.tag`);
  if (tag !== expectedTag) {
    reader.fail(
      `0x${tag.toString(16)}, expected 0x${expectedTag.toString(16)}`,
      `${field}.tag`,
      reader.offset - 2,
    );
  }
  const ticketHierarchy = reader.u32(`${field}.hierarchy`);
  const digest = readSized(reader, limits.ticketSize, `${field}.digest`).slice();
  return { tag, hierarchy: ticketHierarchy, digest };
}

export function writeTicket(writer: Writer, ticket: Ticket): Writer {
  return writeSized(writer.u16(ticket.tag).u32(ticket.hierarchy), ticket.digest);
}
