import { decode, type Result } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { limits } from './limits.ts';
import type { Parameter, ParameterName, ParameterOf } from './parameter-fields.ts';
import { isCritical, isRepeatable, parameterType, readParameter, writeParameter } from './parameters.ts';

/** Packet types (RFC 7401 §5.3). */
export const packetTypes = {
  I1: 1,
  R1: 2,
  I2: 3,
  R2: 4,
  UPDATE: 16,
  NOTIFY: 17,
  CLOSE: 18,
  CLOSE_ACK: 19,
} as const;
export type PacketName = keyof typeof packetTypes;

const nameByType: ReadonlyMap<number, PacketName> = new Map(
  (Object.keys(packetTypes) as PacketName[]).map((name) => [packetTypes[name], name]),
);

/** What a packet says, apart from its checksum, which belongs to the way it travels. */
export type PacketContents = {
  readonly packet: PacketName;
  /** HIP Controls (RFC 7401 §5.1.2). */
  readonly controls: number;
  /** Sixteen octets; whether they are HITs that matter here is for the receiver to decide. */
  readonly sender: Uint8Array;
  /** Sixteen octets, all zero in an opportunistic I1. */
  readonly receiver: Uint8Array;
  /** In wire order. */
  readonly parameters: readonly Parameter[];
};

export type Packet = PacketContents & {
  readonly checksum: number;
  /** The packet as it came, from the Next Header field to the end that Header Length names. */
  readonly octets: Uint8Array;
  /** Where each parameter starts in `octets`: MACs and signatures cover what stands before. */
  readonly offsets: readonly number[];
};

/** The fixed header's length, and the offsets of the fields that MACs and signatures see changed. */
export const header = { length: 40, headerLength: 1, checksum: 4, sender: 8, receiver: 24 } as const;

/**
 * Reads a HIP packet (RFC 7401 §5.1). Refused are: another version or packet type, parameters out of order or doubled,
 * and an unknown critical parameter unless the caller only wants to look (`keepUnknownCritical`). Octets after the end
 * that Header Length names are ignored, as §5.1 asks.
 */
export function decodePacket(input: Uint8Array, { keepUnknownCritical = false } = {}): Result<Packet> {
  return decode(() => {
    const reader = new Reader(input, 'HIP');
    reader.u8('Next Header');
    const total = (reader.u8('Header Length') + 1) * 8;
    if (total < header.length)
      reader.fail('is less than the two HITs need', 'Header Length', header.headerLength);
    if (total > input.length)
      reader.fail(`names ${total} octets, ${input.length} came`, 'Header Length', header.headerLength);
    // The upper bit is SHIM6's and is ignored, as are the reserved bits beside the version.
    const type = reader.u8('Packet Type') & 0x7f;
    const packet = nameByType.get(type);
    if (packet === undefined) return reader.fail(`${type} is not known`, 'Packet Type', 2);
    const version = reader.u8('Version') >> 4;
    if (version !== 2) reader.fail(`${version} is not 2`, 'Version', 3);
    const checksum = reader.u16('Checksum');
    const controls = reader.u16('Controls');
    const sender = reader.bytes(16, "Sender's HIT");
    const receiver = reader.bytes(16, "Receiver's HIT");
    const { parameters, offsets } = readParameters(
      reader.sub(total - header.length, packet),
      keepUnknownCritical,
    );
    return {
      packet,
      checksum,
      controls,
      sender,
      receiver,
      parameters,
      octets: input.subarray(0, total),
      offsets,
    };
  });
}

/** Reads parameters to the reader's end and checks their order (RFC 7401 §5.2.1). Also used on what ENCRYPTED held. */
export function readParameters(
  reader: Reader,
  keepUnknownCritical = false,
): { parameters: Parameter[]; offsets: number[] } {
  const parameters: Parameter[] = [];
  const offsets: number[] = [];
  let previous = -1;
  while (reader.remaining > 0) {
    const start = reader.offset;
    const parameter = readParameter(reader);
    const type = parameterType(parameter);
    const name = parameter.name === 'unknown' ? `parameter ${type}` : parameter.name;
    if (type < previous) reader.fail(`follows type ${previous}`, name, start);
    if (type === previous && !isRepeatable(parameter)) reader.fail('stands twice', name, start);
    if (parameter.name === 'unknown' && isCritical(type) && !keepUnknownCritical) {
      reader.fail('is critical and not known', name, start);
    }
    previous = type;
    parameters.push(parameter);
    offsets.push(header.length + start);
  }
  return { parameters, offsets };
}

/**
 * Writes a packet with its checksum zero, as it travels over UDP (RFC 9028 §5.1). The parameters must be in order.
 * A packet that does not fit Header Length is a defect.
 */
export function encodePacket({ packet, controls, sender, receiver, parameters }: PacketContents): Uint8Array {
  const writer = new Writer(1024);
  // Next Header 59 is "none"; version 2 stands beside the S bit (RFC 7401 §5.1).
  writer.u8(59).u8(0).u8(packetTypes[packet]).u8(0x21).u16(0).u16(controls).bytes(sender).bytes(receiver);
  let previous = -1;
  for (const parameter of parameters) {
    const type = parameterType(parameter);
    if (type < previous) throw new RangeError(`parameter ${type} follows ${previous}`);
    previous = type;
    writeParameter(writer, parameter);
  }
  return withHeaderLength(writer.finish());
}

/** Appends parameters that sort after all that the packet has, and corrects Header Length. */
export function appendParameters(packet: Uint8Array, ...parameters: readonly Parameter[]): Uint8Array {
  const writer = new Writer(packet.length + 256).bytes(packet);
  for (const parameter of parameters) writeParameter(writer, parameter);
  return withHeaderLength(writer.finish());
}

/** Sets Header Length to cover exactly these octets, in place. */
export function withHeaderLength(packet: Uint8Array): Uint8Array {
  if (packet.length > limits.packetLength)
    throw new RangeError(`a packet of ${packet.length} octets cannot be sent`);
  packet[header.headerLength] = packet.length / 8 - 1;
  return packet;
}

/** The first parameter of a name, or undefined. */
export function parameter<Name extends ParameterName>(
  packet: { readonly parameters: readonly Parameter[] },
  name: Name,
): ParameterOf<Name> | undefined {
  return packet.parameters.find((candidate): candidate is ParameterOf<Name> => candidate.name === name);
}

/** All parameters of a name, in order. */
export function parametersNamed<Name extends ParameterName>(
  packet: { readonly parameters: readonly Parameter[] },
  name: Name,
): ParameterOf<Name>[] {
  return packet.parameters.filter((candidate): candidate is ParameterOf<Name> => candidate.name === name);
}

/** Where the first parameter of a name starts in the packet's octets, or undefined. */
export function parameterOffset(packet: Packet, name: ParameterName): number | undefined {
  return packet.offsets[packet.parameters.findIndex((candidate) => candidate.name === name)];
}
