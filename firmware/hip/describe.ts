import { fromHex } from '../bytes/bytes.ts';
import type { Result } from '../bytes/decode.ts';
import { hipProtocol, internetChecksum } from './checksum.ts';
import {
  addressText,
  describeParameter,
  fieldText,
  type ParameterDescription,
} from './describe-parameter.ts';
import { formatHit } from './host-identity-tag.ts';
import { readIpDatagram } from './ip-datagram.ts';
import { decodePacket, header, type PacketName } from './packet.ts';

export type ChecksumVerdict =
  /** Right for the addresses that the packet came with. */
  | 'good'
  | 'bad'
  /** Zero, as it must be over UDP (RFC 9028 §5.1). */
  | 'zero-as-over-udp'
  /** Not zero over UDP. */
  | 'not-zero-over-udp'
  /** The IP addresses that it covers are not in the input (RFC 7401 §5.1.1). */
  | 'unknown-without-addresses';

export type ChecksumDescription = { readonly value: string; readonly verdict: ChecksumVerdict };

/** Of 4 or 16 octets. */
export type PacketAddresses = { readonly source: Uint8Array; readonly destination: Uint8Array };

export type PacketDescription = {
  readonly framing: 'udp' | 'raw';
  readonly addresses: { readonly source: string; readonly destination: string } | null;
  readonly packet: PacketName;
  readonly sender: string;
  readonly receiver: string;
  readonly controls: number;
  readonly length: number;
  readonly checksum: ChecksumDescription;
  readonly parameters: readonly ParameterDescription[];
};

/** A file's or an argument's content as octets: hexadecimal with any white space, or the octets themselves. */
export function packetOctets(input: Uint8Array | string): Uint8Array {
  if (typeof input === 'string') return fromHex(input.replaceAll(/\s/g, '')) ?? new Uint8Array();
  const isText = input.every((octet) => octet < 0x80 && /[0-9a-fA-F\s]/.test(String.fromCharCode(octet)));
  if (!isText) return input;
  return (
    fromHex(
      Array.from(input, (octet) => String.fromCharCode(octet))
        .join('')
        .replaceAll(/\s/g, ''),
    ) ?? input
  );
}

/**
 * Describes one packet: an IPv4 or IPv6 datagram of protocol 139 or of UDP, a UDP payload with its zero marker, or the
 * bare HIP packet. Unknown critical parameters are shown, though a receiver would drop the packet.
 */
export function describePacket(input: Uint8Array): Result<PacketDescription> {
  const { octets, framing, addresses } = unwrap(input);
  return describeHip(octets, framing, addresses);
}

/** Describes a bare HIP packet that came in a framing, with its IP addresses where they are known. */
export function describeHip(
  octets: Uint8Array,
  framing: 'udp' | 'raw',
  addresses: PacketAddresses | null,
): Result<PacketDescription> {
  const decoded = decodePacket(octets, { keepUnknownCritical: true });
  if (!decoded.ok) return decoded;
  const packet = decoded.value;
  return {
    ok: true,
    value: {
      framing,
      addresses: addresses && {
        source: addressText(addresses.source),
        destination: addressText(addresses.destination),
      },
      packet: packet.packet,
      sender: formatHit(packet.sender),
      receiver: formatHit(packet.receiver),
      controls: packet.controls,
      length: packet.octets.length,
      checksum: {
        value: hex16(packet.checksum),
        verdict: checksumVerdict(packet.checksum, packet.octets, framing, addresses),
      },
      parameters: packet.parameters.map((parameter, index) =>
        describeParameter(parameter, packet.offsets[index] ?? 0),
      ),
    },
  };
}

/** The description as lines for a person. */
export function formatDescription(description: PacketDescription): string {
  const { packet, sender, receiver, length, checksum, framing, addresses } = description;
  const lines = [
    `${packet}  ${length} octets  ${framing === 'udp' ? 'over UDP' : 'protocol 139'}${addresses ? `  ${addresses.source} → ${addresses.destination}` : ''}`,
    `  sender    ${sender}`,
    `  receiver  ${receiver}`,
    `  checksum  ${checksum.value} ${verdictText[checksum.verdict]}`,
  ];
  for (const { type, name, critical, section, fields } of description.parameters) {
    lines.push(
      `  ${String(type).padStart(5)} ${name}${critical ? '' : ' (not critical)'}${section === null ? '' : `  ${section}`}`,
    );
    for (const [field, value] of Object.entries(fields)) {
      lines.push(`          ${field}: ${fieldText(value)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

const verdictText: Readonly<Record<ChecksumVerdict, string>> = {
  good: 'good',
  bad: 'BAD',
  'zero-as-over-udp': 'zero, as it must be over UDP',
  'not-zero-over-udp': 'BAD: must be zero over UDP',
  'unknown-without-addresses': 'not checked: it covers IP addresses, which are not in the input',
};

function unwrap(input: Uint8Array): {
  octets: Uint8Array;
  framing: 'udp' | 'raw';
  addresses: PacketAddresses | null;
} {
  // HIP's own first octet is 59 or another protocol number: 0x4_ and 0x6_ are read as IP.
  const ip = readIpDatagram(input);
  if (ip.ok && ip.value.protocol === hipProtocol)
    return { octets: ip.value.payload, framing: 'raw', addresses: ip.value };
  if (ip.ok && ip.value.protocol === 17)
    return { octets: ip.value.payload.subarray(12), framing: 'udp', addresses: ip.value };
  const isMarked = input.length > 4 && input.subarray(0, 4).every((octet) => octet === 0);
  if (isMarked) return { octets: input.subarray(4), framing: 'udp', addresses: null };
  return { octets: input, framing: 'raw', addresses: null };
}

/** A HIP packet's checksum and what is to be said of it, also of one that is no HIP packet otherwise; null where it is cut off. */
export function describeChecksum(
  octets: Uint8Array,
  framing: 'udp' | 'raw',
  addresses: PacketAddresses | null,
): ChecksumDescription | null {
  const [high, low] = octets.subarray(header.checksum);
  if (high === undefined || low === undefined) return null;
  const checksum = (high << 8) | low;
  const message = octets.subarray(0, ((octets[header.headerLength] ?? 0) + 1) * 8);
  return { value: hex16(checksum), verdict: checksumVerdict(checksum, message, framing, addresses) };
}

function checksumVerdict(
  checksum: number,
  message: Uint8Array,
  framing: 'udp' | 'raw',
  addresses: PacketAddresses | null,
): ChecksumVerdict {
  if (framing === 'udp') return checksum === 0 ? 'zero-as-over-udp' : 'not-zero-over-udp';
  if (addresses === null) return 'unknown-without-addresses';
  const { source, destination } = addresses;
  return internetChecksum(source, destination, hipProtocol, message) === 0 ? 'good' : 'bad';
}

function hex16(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}
