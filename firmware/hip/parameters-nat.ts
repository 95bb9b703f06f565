import type { Reader } from '../bytes/reader.ts';
import type { Writer } from '../bytes/writer.ts';
import {
  address,
  mac,
  type Parameters,
  shortU16List,
  writeAddress,
  writeShortList,
} from './parameter-codec.ts';
import type { PeerPermission, TransportAddress } from './parameter-fields.ts';

function u32Field(type: number, section: string) {
  return {
    type,
    section,
    parse: (reader: Reader) => ({ value: reader.u32('value') }),
    write: (writer: Writer, fields: { value: number }) => void writer.u32(fields.value),
  };
}

/** The format that REG_FROM, RELAY_FROM, RELAY_TO, RELAYED_ADDRESS and MAPPED_ADDRESS share. */
function transportAddress(type: number, section: string) {
  return {
    type,
    section,
    parse(reader: Reader) {
      const port = reader.u16('Port');
      const protocol = reader.u8('Protocol');
      reader.u8('Reserved');
      return { port, protocol, address: address(reader) };
    },
    write: (writer: Writer, fields: TransportAddress) =>
      void writeAddress(writer.u16(fields.port).u8(fields.protocol).u8(0), fields.address),
  };
}

/** The parameters of RFC 9028, in wire order. */
export const natParameters: Parameters<
  | 'NAT_TRAVERSAL_MODE'
  | 'TRANSACTION_PACING'
  | 'REG_FROM'
  | 'RELAYED_ADDRESS'
  | 'MAPPED_ADDRESS'
  | 'PEER_PERMISSION'
  | 'CANDIDATE_PRIORITY'
  | 'NOMINATE'
  | 'RELAY_FROM'
  | 'RELAY_TO'
  | 'RELAY_HMAC'
> = {
  NAT_TRAVERSAL_MODE: {
    type: 608,
    section: 'RFC 9028 §5.4',
    parse(reader) {
      reader.u16('Reserved');
      return { modes: shortU16List(reader, 'Mode ID') };
    },
    write: (writer, { modes }) => writeShortList(writer.u16(0), modes),
  },
  TRANSACTION_PACING: u32Field(610, 'RFC 9028 §5.5'),
  REG_FROM: transportAddress(950, 'RFC 9028 §5.6'),
  RELAYED_ADDRESS: transportAddress(4650, 'RFC 9028 §5.12'),
  MAPPED_ADDRESS: transportAddress(4660, 'RFC 9028 §5.12'),
  PEER_PERMISSION: {
    type: 4680,
    section: 'RFC 9028 §5.13',
    parse(reader) {
      const permissions = [readPermission(reader)];
      while (reader.remaining > 0) permissions.push(readPermission(reader));
      return { permissions };
    },
    write(writer, { permissions }) {
      if (permissions.length === 0) throw new RangeError('PEER_PERMISSION permits something');
      for (const permission of permissions) writePermission(writer, permission);
    },
  },
  CANDIDATE_PRIORITY: u32Field(4700, 'RFC 9028 §5.14'),
  NOMINATE: u32Field(4710, 'RFC 9028 §5.15'),
  RELAY_FROM: transportAddress(63998, 'RFC 9028 §5.6'),
  RELAY_TO: transportAddress(64002, 'RFC 9028 §5.6'),
  RELAY_HMAC: mac(65520, 'RFC 9028 §5.8'),
};

function readPermission(reader: Reader): PeerPermission {
  const relayPort = reader.u16('RPort');
  const peerPort = reader.u16('PPort');
  const protocol = reader.u8('Protocol');
  reader.bytes(3, 'Reserved');
  return {
    relayPort,
    peerPort,
    protocol,
    relayAddress: address(reader),
    peerAddress: address(reader),
    outboundSpi: reader.u32('OSPI'),
    inboundSpi: reader.u32('ISPI'),
  };
}

function writePermission(writer: Writer, permission: PeerPermission): void {
  writer.u16(permission.relayPort).u16(permission.peerPort).u8(permission.protocol).zeros(3);
  writeAddress(writer, permission.relayAddress);
  writeAddress(writer, permission.peerAddress);
  writer.u32(permission.outboundSpi).u32(permission.inboundSpi);
}
