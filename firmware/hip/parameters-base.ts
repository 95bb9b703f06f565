import {
  mac,
  opaque,
  type Parameters,
  shortU16List,
  signature,
  u8List,
  u16List,
  writeShortList,
} from './parameter-codec.ts';

/** The parameters of RFC 7401 and RFC 7402, and CERT of RFC 8002, in wire order. */
export const baseParameters: Parameters<
  | 'ESP_INFO'
  | 'R1_COUNTER'
  | 'PUZZLE'
  | 'SOLUTION'
  | 'SEQ'
  | 'ACK'
  | 'DH_GROUP_LIST'
  | 'DIFFIE_HELLMAN'
  | 'HIP_CIPHER'
  | 'ENCRYPTED'
  | 'HOST_ID'
  | 'HIT_SUITE_LIST'
  | 'CERT'
  | 'NOTIFICATION'
  | 'ECHO_REQUEST_SIGNED'
  | 'ECHO_RESPONSE_SIGNED'
  | 'TRANSPORT_FORMAT_LIST'
  | 'ESP_TRANSFORM'
  | 'HIP_MAC'
  | 'HIP_MAC_2'
  | 'HIP_SIGNATURE_2'
  | 'HIP_SIGNATURE'
  | 'ECHO_RESPONSE_UNSIGNED'
  | 'ECHO_REQUEST_UNSIGNED'
> = {
  ESP_INFO: {
    type: 65,
    section: 'RFC 7402 §5.1.1',
    repeatable: true,
    parse(reader) {
      reader.u16('Reserved');
      return {
        keymatIndex: reader.u16('KEYMAT Index'),
        oldSpi: reader.u32('OLD SPI'),
        newSpi: reader.u32('NEW SPI'),
      };
    },
    write: (writer, fields) =>
      void writer.u16(0).u16(fields.keymatIndex).u32(fields.oldSpi).u32(fields.newSpi),
  },
  R1_COUNTER: {
    type: 129,
    section: 'RFC 7401 §5.2.3',
    parse: (reader) => ({ reserved: reader.u32('Reserved'), counter: reader.u64('R1 generation counter') }),
    write: (writer, fields) => void writer.u32(fields.reserved).u64(fields.counter),
  },
  PUZZLE: {
    type: 257,
    section: 'RFC 7401 §5.2.4',
    parse: (reader) => ({
      difficulty: reader.u8('#K'),
      lifetime: reader.u8('Lifetime'),
      opaque: reader.u16('Opaque'),
      random: reader.rest(),
    }),
    write: (writer, fields) =>
      void writer.u8(fields.difficulty).u8(fields.lifetime).u16(fields.opaque).bytes(fields.random),
  },
  SOLUTION: {
    type: 321,
    section: 'RFC 7401 §5.2.5',
    parse(reader) {
      const difficulty = reader.u8('#K');
      reader.u8('Reserved');
      const opaqueField = reader.u16('Opaque');
      if (reader.remaining % 2 !== 0) reader.fail('#I and #J differ in length', '#J');
      const half = reader.remaining / 2;
      return {
        difficulty,
        opaque: opaqueField,
        random: reader.bytes(half, '#I'),
        solution: reader.bytes(half, '#J'),
      };
    },
    write(writer, { difficulty, opaque: opaqueField, random, solution }) {
      if (random.length !== solution.length) throw new RangeError('#I and #J differ in length');
      writer.u8(difficulty).u8(0).u16(opaqueField).bytes(random).bytes(solution);
    },
  },
  SEQ: {
    type: 385,
    section: 'RFC 7401 §5.2.16',
    parse: (reader) => ({ updateId: reader.u32('Update ID') }),
    write: (writer, fields) => void writer.u32(fields.updateId),
  },
  ACK: {
    type: 449,
    section: 'RFC 7401 §5.2.17',
    parse(reader) {
      if (reader.remaining % 4 !== 0 || reader.remaining === 0)
        reader.fail('is not one or more Update IDs', 'peer Update ID');
      return { updateIds: Array.from({ length: reader.remaining / 4 }, () => reader.u32('peer Update ID')) };
    },
    write(writer, { updateIds }) {
      for (const id of updateIds) writer.u32(id);
    },
  },
  DH_GROUP_LIST: {
    type: 511,
    section: 'RFC 7401 §5.2.6',
    parse: (reader) => ({ groups: u8List(reader, 'DH GROUP ID') }),
    write: (writer, { groups }) => void writer.bytes(Uint8Array.from(groups)),
  },
  DIFFIE_HELLMAN: {
    type: 513,
    section: 'RFC 7401 §5.2.7',
    parse: (reader) => ({
      group: reader.u8('Group ID'),
      publicValue: reader.bytes(reader.u16('Public Value Length'), 'Public Value'),
    }),
    write: (writer, { group, publicValue }) =>
      void writer.u8(group).u16(publicValue.length).bytes(publicValue),
  },
  HIP_CIPHER: {
    type: 579,
    section: 'RFC 7401 §5.2.8',
    parse: (reader) => ({ ciphers: shortU16List(reader, 'Cipher ID') }),
    write: (writer, { ciphers }) => writeShortList(writer, ciphers),
  },
  ENCRYPTED: {
    type: 641,
    section: 'RFC 7401 §5.2.18',
    repeatable: true,
    parse(reader) {
      reader.u32('Reserved');
      return { data: reader.rest() };
    },
    write: (writer, { data }) => void writer.u32(0).bytes(data),
  },
  HOST_ID: {
    type: 705,
    section: 'RFC 7401 §5.2.9',
    parse(reader) {
      const identityLength = reader.u16('HI Length');
      const domainForm = reader.u16('DI Length');
      return {
        algorithm: reader.u16('Algorithm'),
        identity: reader.bytes(identityLength, 'Host Identity'),
        domainType: domainForm >> 12,
        domain: reader.bytes(domainForm & 0x0fff, 'Domain Identifier'),
      };
    },
    write(writer, { algorithm, identity, domainType, domain }) {
      if (domainType > 0xf || domain.length > 0xfff) throw new RangeError('DI-Type has 4 bits, DI Length 12');
      writer
        .u16(identity.length)
        .u16((domainType << 12) | domain.length)
        .u16(algorithm)
        .bytes(identity)
        .bytes(domain);
    },
  },
  HIT_SUITE_LIST: {
    type: 715,
    section: 'RFC 7401 §5.2.10',
    parse: (reader) => ({ suites: u8List(reader, 'ID') }),
    write: (writer, { suites }) => void writer.bytes(Uint8Array.from(suites)),
  },
  CERT: {
    type: 768,
    section: 'RFC 8002 §2',
    repeatable: true,
    parse: (reader) => ({
      group: reader.u8('Cert group'),
      count: reader.u8('Cert count'),
      id: reader.u8('Cert ID'),
      certificateType: reader.u8('Cert type'),
      certificate: reader.rest(),
    }),
    write: (writer, fields) =>
      void writer
        .u8(fields.group)
        .u8(fields.count)
        .u8(fields.id)
        .u8(fields.certificateType)
        .bytes(fields.certificate),
  },
  NOTIFICATION: {
    type: 832,
    section: 'RFC 7401 §5.2.19',
    repeatable: true,
    parse(reader) {
      reader.u16('Reserved');
      return { messageType: reader.u16('Notify Message Type'), data: reader.rest() };
    },
    write: (writer, { messageType, data }) => void writer.u16(0).u16(messageType).bytes(data),
  },
  ECHO_REQUEST_SIGNED: opaque(897, 'RFC 7401 §5.2.20'),
  ECHO_RESPONSE_SIGNED: opaque(961, 'RFC 7401 §5.2.22'),
  TRANSPORT_FORMAT_LIST: {
    type: 2049,
    section: 'RFC 7401 §5.2.11',
    parse: (reader) => ({ formats: u16List(reader, 'TF type') }),
    write(writer, { formats }) {
      for (const format of formats) writer.u16(format);
    },
  },
  ESP_TRANSFORM: {
    type: 4095,
    section: 'RFC 7402 §5.1.2',
    parse(reader) {
      reader.u16('Reserved');
      return { suites: shortU16List(reader, 'Suite ID') };
    },
    write: (writer, { suites }) => writeShortList(writer.u16(0), suites),
  },
  HIP_MAC: mac(61505, 'RFC 7401 §5.2.12'),
  HIP_MAC_2: mac(61569, 'RFC 7401 §5.2.13'),
  HIP_SIGNATURE_2: signature(61633, 'RFC 7401 §5.2.15'),
  HIP_SIGNATURE: signature(61697, 'RFC 7401 §5.2.14'),
  ECHO_RESPONSE_UNSIGNED: { ...opaque(63425, 'RFC 7401 §5.2.23'), repeatable: true },
  ECHO_REQUEST_UNSIGNED: { ...opaque(63661, 'RFC 7401 §5.2.21'), repeatable: true },
};
