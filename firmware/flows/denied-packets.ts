import { formatIpv6 } from '../bytes/ipv6-text.ts';
import { flowMarks, logPrefixes } from '../policy/flow-marks.ts';
import { limits } from './limits.ts';
import { attributesOf, bigEndian, eachMessage, encodeRequest, type Span, u32At } from './netlink.ts';

/** A packet that the policy has logged (linux/netfilter/nfnetlink_log.h), by the connection that it is of. */
export type LoggedPacket = {
  readonly reason: keyof typeof logPrefixes;
  readonly from: string;
  readonly to: string;
  /** IANA's number. */
  readonly protocol: number;
  /** Of the end that did not begin it; 0 where the protocol has none. */
  readonly port: number;
  /** Length of the IP packet. */
  readonly octets: number;
  /** Number of the rule, 0 where none matched. */
  readonly mark: number;
  /** It is of a connection that was let through before. */
  readonly established: boolean;
  /** It goes back to who began the connection: `from` began it all the same. */
  readonly isReply: boolean;
};

export type LogDatagram = {
  readonly packets: readonly LoggedPacket[];
  /** The sequence numbers of packets in it, also of those that were not understood: gaps are packets that were lost. */
  readonly sequences: readonly number[];
};

/** NFNL_SUBSYS_ULOG with NFULNL_MSG_PACKET and NFULNL_MSG_CONFIG. */
const messageType = { packet: 0x400, config: 0x401 } as const;
/** NFULA_*. */
const attribute = { header: 1, mark: 2, payload: 9, prefix: 10, sequence: 12, state: 19 } as const;
/** enum ip_conntrack_info. */
const connectionState = { established: 0, new: 2, isReply: 3 } as const;
const ipv6 = { size: 40, nextHeader: 6 } as const;
/** Extension headers of IPv6 (RFC 8200 § 4) that say how long they are in units of 8 octets, and how many are looked through. */
const extensions = { lengths: [0, 43, 60], fragment: 44, most: 4 } as const;
const ported = [6, 17, 33, 132, 136];
const reasonOf = new Map(Object.entries(logPrefixes).map(([reason, prefix]) => [prefix as string, reason]));

/** Reads a datagram of the log group. What is not understood is passed over; never throws. */
export function parseLogDatagram(octets: Uint8Array): LogDatagram {
  const datagram = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const packets: LoggedPacket[] = [];
  const sequences: number[] = [];
  eachMessage(datagram, (message) => {
    if (message.kind !== 'message' || message.type !== messageType.packet) return;
    const found = attributesOf(datagram, message);
    const sequence = u32At(datagram, found.get(attribute.sequence));
    if (sequence !== undefined) sequences.push(sequence);
    const packet = packetOf(datagram, octets, found);
    if (packet !== undefined) packets.push(packet);
  });
  return { packets, sequences };
}

function packetOf(
  datagram: DataView,
  octets: Uint8Array,
  found: ReadonlyMap<number, Span>,
): LoggedPacket | undefined {
  const payload = found.get(attribute.payload);
  const reason = reasonOf.get(textAt(octets, found.get(attribute.prefix)));
  if (payload === undefined || reason === undefined) return undefined;
  const ends = endsOf(datagram, octets, payload);
  if (ends === undefined) return undefined;
  const state = u32At(datagram, found.get(attribute.state)) ?? connectionState.new;
  const isReply = state >= connectionState.isReply;
  const { source, destination, sourcePort, destinationPort, ...rest } = ends;
  return {
    ...{ reason: reason as LoggedPacket['reason'], ...rest },
    ...(isReply
      ? { from: destination, to: source, port: sourcePort }
      : { from: source, to: destination, port: destinationPort }),
    mark: (u32At(datagram, found.get(attribute.mark)) ?? 0) & flowMarks.ruleMask,
    established: state % connectionState.isReply === connectionState.established,
    isReply,
  };
}

type PacketEnds = {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly octets: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
};

function endsOf(datagram: DataView, octets: Uint8Array, { from, to }: Span): PacketEnds | undefined {
  const length = to - from;
  const version = length > 0 ? datagram.getUint8(from) >> 4 : 0;
  if (version === 4 && length >= 20) {
    const headerLength = (datagram.getUint8(from) & 0x0f) * 4;
    const isFirst = (datagram.getUint16(from + 6) & 0x1fff) === 0;
    const protocol = datagram.getUint8(from + 9);
    return {
      source: octets.subarray(from + 12, from + 16).join('.'),
      destination: octets.subarray(from + 16, from + 20).join('.'),
      ...{ protocol, octets: datagram.getUint16(from + 2) },
      ...portsAt(datagram, protocol, isFirst ? { from: from + headerLength, to } : undefined),
    };
  }
  if (version !== 6 || length < ipv6.size) return undefined;
  const { protocol, at } = upperOf(datagram, { from, to });
  return {
    source: formatIpv6(octets.subarray(from + 8, from + 24)),
    destination: formatIpv6(octets.subarray(from + 24, from + 40)),
    ...{ protocol, octets: ipv6.size + datagram.getUint16(from + 4) },
    ...portsAt(datagram, protocol, at === undefined ? undefined : { from: at, to }),
  };
}

/** The protocol behind IPv6's extension headers, and where it begins; undefined in a later fragment. */
function upperOf(
  datagram: DataView,
  { from, to }: Span,
): { readonly protocol: number; readonly at: number | undefined } {
  let protocol = datagram.getUint8(from + ipv6.nextHeader);
  let at = from + ipv6.size;
  for (let count = 0; count < extensions.most && at + 8 <= to; count++) {
    if (protocol === extensions.fragment) {
      const isFirst = (datagram.getUint16(at + 2) & 0xfff8) === 0;
      if (!isFirst) return { protocol: datagram.getUint8(at), at: undefined };
    } else if (!(extensions.lengths as readonly number[]).includes(protocol)) break;
    const octets = protocol === extensions.fragment ? 8 : (datagram.getUint8(at + 1) + 1) * 8;
    protocol = datagram.getUint8(at);
    at += octets;
  }
  return { protocol, at };
}

function portsAt(
  datagram: DataView,
  protocol: number,
  span: Span | undefined,
): { readonly sourcePort: number; readonly destinationPort: number } {
  const has = span !== undefined && ported.includes(protocol) && span.to - span.from >= 4;
  return has
    ? { sourcePort: datagram.getUint16(span.from), destinationPort: datagram.getUint16(span.from + 2) }
    : { sourcePort: 0, destinationPort: 0 };
}

function textAt(octets: Uint8Array, span: Span | undefined): string {
  if (span === undefined) return '';
  const text = octets.subarray(span.from, Math.min(span.to, span.from + limits.prefixLength));
  // Ends with a zero, as C's strings do.
  const end = text.indexOf(0);
  return String.fromCharCode(...(end < 0 ? text : text.subarray(0, end))).trimEnd();
}

/** NFULA_CFG_*, and what they are set to. */
const config = { command: 1, mode: 2, bufferSize: 3, timeout: 4, threshold: 5, flags: 6 } as const;
const bind = 1;
const copyPacket = 2;
/** NFULNL_CFG_F_SEQ and NFULNL_CFG_F_CONNTRACK. */
const logFlags = { sequence: 1, connection: 4 } as const;

export type LogOptions = {
  /** Octets copied of each packet: its headers. */
  readonly copied: number;
  /** The kernel sends once so many packets wait, or the first has waited so many hundredths of a second. */
  readonly packets: number;
  readonly hundredths: number;
  /** Whether it is to say which packets are answers, and of connections that were let through: not all kernels can. */
  readonly connections: boolean;
};

/** Asks the kernel for the packets of {@link flowMarks.logGroup}: a request with an acknowledgement. */
export function encodeLogRequest(
  sequence: number,
  { copied, packets, hundredths, connections }: LogOptions,
): Uint8Array {
  // NLM_F_ACK.
  return encodeRequest({
    ...{ type: messageType.config, flags: 0x4, sequence, resource: flowMarks.logGroup },
    attributes: [
      [config.command, [bind]],
      [config.mode, [...bigEndian(copied, 4), copyPacket, 0]],
      [config.bufferSize, bigEndian(65_536, 4)],
      [config.timeout, bigEndian(hundredths, 4)],
      [config.threshold, bigEndian(packets, 4)],
      [config.flags, bigEndian(logFlags.sequence | (connections ? logFlags.connection : 0), 2)],
    ],
  });
}
