import type { Reader } from '../bytes/reader.ts';
import type { Writer } from '../bytes/writer.ts';
import { limits } from './limits.ts';
import type { ParameterFields, ParameterName } from './parameter-fields.ts';

/** Reads the contents, without Type, Length and padding; what it leaves unread is a failure. */
export type ParameterCodec<Name extends ParameterName> = {
  readonly type: number;
  readonly section: string;
  /** Whether a packet may carry several, which then stand together (RFC 7401 §5.2.1). */
  readonly repeatable?: true;
  parse(reader: Reader): ParameterFields[Name];
  write(writer: Writer, fields: ParameterFields[Name]): void;
};

/** A part of the catalogue: the parameters of one or more RFCs. */
export type Parameters<Name extends ParameterName> = { readonly [Each in Name]: ParameterCodec<Each> };

export function u8List(reader: Reader, field: string): number[] {
  return Array.from({ length: reader.remaining }, () => reader.u8(field));
}

export function u16List(reader: Reader, field: string): number[] {
  if (reader.remaining % 2 !== 0) reader.fail('is not a whole number of 16-bit values', field);
  return Array.from({ length: reader.remaining / 2 }, () => reader.u16(field));
}

/** Senders list at most six values; of more, the first six count (RFC 7401 §5.2.8, RFC 7402 §5.1.2, RFC 9028 §5.4). */
export function shortU16List(reader: Reader, field: string): number[] {
  return u16List(reader, field).slice(0, limits.suiteListLength);
}

export function writeShortList(writer: Writer, values: readonly number[]): void {
  if (values.length > limits.suiteListLength)
    throw new RangeError(`${values.length} values, at most ${limits.suiteListLength} may be sent`);
  for (const value of values) writer.u16(value);
}

/** A parameter that is nothing but octets. */
export function opaque(type: number, section: string) {
  return {
    type,
    section,
    parse: (reader: Reader) => ({ data: reader.rest() }),
    write: (writer: Writer, fields: { data: Uint8Array }) => void writer.bytes(fields.data),
  };
}

export function mac(type: number, section: string) {
  return {
    type,
    section,
    parse: (reader: Reader) => ({ mac: reader.rest() }),
    write: (writer: Writer, fields: { mac: Uint8Array }) => void writer.bytes(fields.mac),
  };
}

export function signature(type: number, section: string) {
  return {
    type,
    section,
    parse: (reader: Reader) => ({ algorithm: reader.u16('SIG alg'), signature: reader.rest() }),
    write: (writer: Writer, fields: { algorithm: number; signature: Uint8Array }) =>
      void writer.u16(fields.algorithm).bytes(fields.signature),
  };
}

/** An IPv6 address, or an IPv4 address mapped into one (RFC 4291 §2.5.5.2). */
export function address(reader: Reader): Uint8Array {
  return reader.bytes(16, 'Address');
}

export function writeAddress(writer: Writer, octets: Uint8Array): Writer {
  if (octets.length !== 16) throw new RangeError(`an address has 16 octets, not ${octets.length}`);
  return writer.bytes(octets);
}
