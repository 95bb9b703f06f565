import type { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';

/** A TPM2B: a 16-bit size, then that many octets (Part 2, section 10.4). More than `limit` octets is a failure. */
export function readSized(reader: Reader, limit: number, field: string): Uint8Array {
  return reader.bytes(readSize(reader, limit, field), field);
}

/** A TPM2B that holds a structure: the structure has to fill it exactly. */
export function readSizedWith<Value>(
  reader: Reader,
  limit: number,
  field: string,
  read: (inner: Reader) => Value,
): Value {
  const inner = reader.sub(readSize(reader, limit, field), field);
  const value = read(inner);
  inner.end();
  return value;
}

export function writeSized(writer: Writer, value: Uint8Array): Writer {
  return writer.u16(value.length).bytes(value);
}

/** A TPM2B around what `write` writes. */
export function writeSizedWith(writer: Writer, write: (inner: Writer) => unknown): Writer {
  const inner = new Writer();
  write(inner);
  return writeSized(writer, inner.finish());
}

/** A 32-bit count of list entries (TPML structures, Part 2, section 10.9). */
export function readCount(reader: Reader, limit: number, field: string): number {
  const count = reader.u32(`${field}.count`);
  if (count > limit)
    reader.fail(`${count} entries, at most ${limit} are taken`, `${field}.count`, reader.offset - 4);
  return count;
}

function readSize(reader: Reader, limit: number, field: string): number {
  const size = reader.u16(`${field}.size`);
  if (size > limit)
    reader.fail(`${size} octets, at most ${limit} are taken`, `${field}.size`, reader.offset - 2);
  return size;
}
