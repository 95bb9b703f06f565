import { Writer } from '../../../firmware/bytes/writer.ts';

/** A name of labels (RFC 1035 § 3.1). */
export function name(...labels: readonly string[]): Uint8Array {
  const writer = new Writer();
  for (const label of labels) writer.u8(label.length).bytes(new TextEncoder().encode(label));
  return writer.u8(0).finish();
}

/** What a host at 192.168.1.10 says of itself: the only record of its kind (RFC 6762 § 10.2). */
export const own = { type: 1, kind: 0x8001, data: Uint8Array.of(192, 168, 1, 10) };

/** A resource record; of IPv4 addresses on the internet unless told. */
export function record(owner: Uint8Array, given: Partial<typeof own>): Uint8Array {
  const { type, kind, data } = { ...own, data: new Uint8Array(), ...given };
  return new Writer().bytes(owner).u16(type).u16(kind).u32(120).u16(data.length).bytes(data).finish();
}

export function answer(
  records: readonly Uint8Array[],
  { flags = 0x8400, questions = 0 }: { readonly flags?: number; readonly questions?: number } = {},
): Uint8Array {
  const writer = new Writer().u16(0).u16(flags).u16(questions).u16(records.length).u16(0).u16(0);
  for (const octets of records) writer.bytes(octets);
  return writer.finish();
}
