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
import { decodePacket, type Packet, type PacketName } from './packet.ts';

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

export type PacketDescription = {
  readonly framing: 'udp' | 'raw';
  readonly addresses: { readonly source: string; readonly destination: string } | null;
  readonly packet: PacketName;
  readonly sender: string;
  readonly receiver: string;
  readonly controls: number;
  readonly length: number;
  readonly checksum: { readonly value: string; readonly verdict: ChecksumVerdict };
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
      checksum: { value: hex16(packet.checksum), verdict: checksumVerdict(packet, framing, addresses) },
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

type Addresses = { readonly source: Uint8Array; readonly destination: Uint8Array };

function unwrap(input: Uint8Array): {
  octets: Uint8Array;
  framing: 'udp' | 'raw';
  addresses: Addresses | null;
} {
  const first = input[0] ?? 0;
  // HIP's own first octet is 59 or another protocol number: 0x4_ and 0x6_ are read as IP.
  const ip = first >> 4 === 4 ? ipv4(input) : first >> 4 === 6 ? ipv6(input) : undefined;
  if (ip !== undefined && ip.protocol === hipProtocol)
    return { octets: ip.payload, framing: 'raw', addresses: ip };
  if (ip !== undefined && ip.protocol === 17)
    return { octets: ip.payload.subarray(12), framing: 'udp', addresses: ip };
  const isMarked = input.length > 4 && input.subarray(0, 4).every((octet) => octet === 0);
  if (isMarked) return { octets: input.subarray(4), framing: 'udp', addresses: null };
  return { octets: input, framing: 'raw', addresses: null };
}

type IpPayload = Addresses & { readonly protocol: number; readonly payload: Uint8Array };

function ipv4(input: Uint8Array): IpPayload | undefined {
  const headerLength = ((input[0] ?? 0) & 0x0f) * 4;
  if (headerLength < 20 || input.length < headerLength) return undefined;
  const total = ((input[2] ?? 0) << 8) | (input[3] ?? 0);
  const payload = input.subarray(headerLength, Math.max(total, headerLength));
  return {
    source: input.subarray(12, 16),
    destination: input.subarray(16, 20),
    protocol: input[9] ?? 0,
    payload,
  };
}

function ipv6(input: Uint8Array): IpPayload | undefined {
  if (input.length < 40) return undefined;
  const length = ((input[4] ?? 0) << 8) | (input[5] ?? 0);
  return {
    source: input.subarray(8, 24),
    destination: input.subarray(24, 40),
    protocol: input[6] ?? 0,
    payload: input.subarray(40, 40 + length),
  };
}

function checksumVerdict(
  packet: Packet,
  framing: 'udp' | 'raw',
  addresses: Addresses | null,
): ChecksumVerdict {
  if (framing === 'udp') return packet.checksum === 0 ? 'zero-as-over-udp' : 'not-zero-over-udp';
  if (addresses === null) return 'unknown-without-addresses';
  const { source, destination } = addresses;
  return internetChecksum(source, destination, hipProtocol, packet.octets) === 0 ? 'good' : 'bad';
}

function hex16(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}
