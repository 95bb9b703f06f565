import type { Reader } from '../bytes/reader.ts';
import type { Writer } from '../bytes/writer.ts';
import { address, mac, type Parameters, u8List, writeAddress } from './parameter-codec.ts';

/** A lifetime of RFC 8003 §4.1, and the registration types it is for. */
function registration(type: number, section: string) {
  return {
    type,
    section,
    repeatable: true as const,
    parse: (reader: Reader) => ({ lifetime: reader.u8('Lifetime'), types: u8List(reader, 'Reg Type') }),
    write: (writer: Writer, fields: { lifetime: number; types: readonly number[] }) =>
      void writer.u8(fields.lifetime).bytes(Uint8Array.from(fields.types)),
  };
}

/** The parameters of RFC 8003 (registration) and RFC 8004 (rendezvous), in wire order. */
export const rendezvousParameters: Parameters<
  'REG_INFO' | 'REG_REQUEST' | 'REG_RESPONSE' | 'REG_FAILED' | 'FROM' | 'RVS_HMAC' | 'VIA_RVS'
> = {
  REG_INFO: {
    type: 930,
    section: 'RFC 8003 §4.2',
    parse: (reader) => ({
      minLifetime: reader.u8('Min Lifetime'),
      maxLifetime: reader.u8('Max Lifetime'),
      types: u8List(reader, 'Reg Type'),
    }),
    write: (writer, { minLifetime, maxLifetime, types }) =>
      void writer.u8(minLifetime).u8(maxLifetime).bytes(Uint8Array.from(types)),
  },
  REG_REQUEST: registration(932, 'RFC 8003 §4.3'),
  REG_RESPONSE: registration(934, 'RFC 8003 §4.4'),
  REG_FAILED: {
    type: 936,
    section: 'RFC 8003 §4.5',
    repeatable: true,
    parse: (reader) => ({ failure: reader.u8('Failure Type'), types: u8List(reader, 'Reg Type') }),
    write: (writer, { failure, types }) => void writer.u8(failure).bytes(Uint8Array.from(types)),
  },
  FROM: {
    type: 65498,
    section: 'RFC 8004 §4.2.2',
    repeatable: true,
    parse: (reader) => ({ address: address(reader) }),
    write: (writer, fields) => void writeAddress(writer, fields.address),
  },
  RVS_HMAC: { ...mac(65500, 'RFC 8004 §4.2.1'), repeatable: true },
  VIA_RVS: {
    type: 65502,
    section: 'RFC 8004 §4.2.3',
    parse(reader) {
      const addresses: Uint8Array[] = [];
      while (reader.remaining > 0) addresses.push(address(reader));
      return { addresses };
    },
    write(writer, { addresses }) {
      for (const each of addresses) writeAddress(writer, each);
    },
  },
};
