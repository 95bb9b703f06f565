import type { Reader } from '../bytes/reader.ts';
import type { Writer } from '../bytes/writer.ts';
import {
  mac,
  opaque,
  type ParameterCodec,
  type Parameters,
  shortU16List,
  signature,
  u8List,
  u16List,
  writeShortList,
} from './parameter-codec.ts';
import type { KnownParameter, Parameter, ParameterFields, ParameterName } from './parameter-fields.ts';
import { mobilityParameters } from './parameters-mobility.ts';

type Catalogue = Parameters<ParameterName>;

/** Every parameter of RFC 7401 and RFC 7402, CERT of RFC 8002 and NAT_TRAVERSAL_MODE of RFC 9028, in wire order. */
export const catalogue: Catalogue = {
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
  ...mobilityParameters,
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
  NAT_TRAVERSAL_MODE: {
    type: 608,
    section: 'RFC 9028 §5.4',
    parse(reader) {
      reader.u16('Reserved');
      return { modes: shortU16List(reader, 'Mode ID') };
    },
    write: (writer, { modes }) => writeShortList(writer.u16(0), modes),
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

const nameByType: ReadonlyMap<number, ParameterName> = new Map(
  (Object.keys(catalogue) as ParameterName[]).map((name) => [catalogue[name].type, name]),
);

/** Critical types are odd and must be understood by the receiver (RFC 7401 §5.2.1). */
export function isCritical(type: number): boolean {
  return type % 2 === 1;
}

export function parameterType(parameter: Parameter): number {
  return parameter.name === 'unknown' ? parameter.type : catalogue[parameter.name].type;
}

export function parameterSection(parameter: KnownParameter): string {
  return catalogue[parameter.name].section;
}

/** Whether more than one parameter of this type may stand in a packet. An unknown one may. */
export function isRepeatable(parameter: Parameter): boolean {
  return parameter.name === 'unknown' || catalogue[parameter.name].repeatable === true;
}

/** Octets of a whole parameter with contents of `length`: 11 + L − (L + 3) mod 8 (RFC 7401 §5.2.1). */
export function parameterLength(length: number): number {
  return 11 + length - ((length + 3) % 8);
}

/** Reads one parameter with its padding, whose value is not checked (RFC 7401 §5.2.1). */
export function readParameter(reader: Reader): Parameter {
  const type = reader.u16('Type');
  const length = reader.u16('Length');
  const name = nameByType.get(type);
  const contents = reader.sub(length, name ?? `parameter ${type}`);
  reader.bytes(parameterLength(length) - length - 4, 'Padding');
  if (name === undefined) return { name: 'unknown', type, contents: contents.rest() };
  const parameter = parseKnown(name, contents);
  contents.end();
  return parameter;
}

function parseKnown<Name extends ParameterName>(name: Name, contents: Reader): KnownParameter {
  const codec: ParameterCodec<Name> = catalogue[name];
  // The union cannot be narrowed by a generic name; `name` and the codec's fields come from the same entry.
  return { name, ...codec.parse(contents) } as unknown as KnownParameter;
}

/** Writes one parameter with its padding of zeros. */
export function writeParameter(writer: Writer, parameter: Parameter): void {
  const start = writer.length;
  writer.u16(parameterType(parameter)).u16(0);
  if (parameter.name === 'unknown') writer.bytes(parameter.contents);
  else writeKnown(writer, parameter.name, parameter);
  const length = writer.length - start - 4;
  writer.patch16(start + 2, length).zeros(parameterLength(length) - length - 4);
}

function writeKnown<Name extends ParameterName>(writer: Writer, name: Name, fields: unknown): void {
  const codec: ParameterCodec<Name> = catalogue[name];
  codec.write(writer, fields as ParameterFields[Name]);
}
