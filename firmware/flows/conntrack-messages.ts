import { formatIpv6 } from '../bytes/ipv6-text.ts';
import type { FlowCount } from './flow-record.ts';
import { attributesOf, eachMessage, encodeRequest, type Span, u8At, u16At, u32At, u64At } from './netlink.ts';

/** A connection as conntrack tells it (linux/netfilter/nfnetlink_conntrack.h). */
export type Connection = {
  /** conntrack's own, unique among those that live. */
  readonly id: number;
  readonly from: string;
  /** Who really answers: where an address was translated, the one behind. */
  readonly to: string;
  /** IANA's number. */
  readonly protocol: number;
  /** The answering one; 0 where the protocol has none. */
  readonly port: number;
  readonly mark: number;
  /** Milliseconds since 1970; null where the kernel was not told to note them, and as long as it lives. */
  readonly start: number | null;
  readonly end: number | null;
  readonly sent: FlowCount;
  readonly received: FlowCount;
};

export type ConntrackMessage =
  | { readonly kind: 'lives' | 'ended'; readonly connection: Connection }
  /** A dump is complete; `error` is an errno or 0. */
  | { readonly kind: 'end'; readonly error: number };

/** NFNL_SUBSYS_CTNETLINK and IPCTNL_MSG_CT_*. */
const conntrackMessages = { new: 0x100, get: 0x101, delete: 0x102 } as const;
/** The multicast group of ended connections, NFNLGRP_CONNTRACK_DESTROY, as a bit. */
export const conntrackEndedGroup = 1 << (3 - 1);

/** CTA_*, CTA_TUPLE_*, CTA_IP_*, CTA_PROTO_*, CTA_COUNTERS_*, CTA_TIMESTAMP_*. */
const attribute = { original: 1, reply: 2, mark: 8, sent: 9, received: 10, id: 12, timestamp: 20 } as const;
const tuple = { address: 1, protocol: 2 } as const;
const address = { ipv4Source: 1, ipv4Destination: 2, ipv6Source: 3, ipv6Destination: 4 } as const;
const protocol = { number: 1, sourcePort: 2, destinationPort: 3 } as const;
const counters = { packets: 1, bytes: 2 } as const;
const timestamp = { start: 1, stop: 2 } as const;

/**
 * Reads a datagram of conntrack's netlink, an event's or a dump's. What is of another kind, cut off or not understood is
 * passed over; never throws, whatever the octets are.
 */
export function parseConntrackMessages(octets: Uint8Array): readonly ConntrackMessage[] {
  const datagram = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const messages: ConntrackMessage[] = [];
  eachMessage(datagram, (message) => {
    if (message.kind === 'end') {
      messages.push({ kind: 'end', error: message.error });
      return;
    }
    const { type } = message;
    if (type !== conntrackMessages.new && type !== conntrackMessages.delete) return;
    const connection = connectionOf(datagram, octets, message);
    if (connection === undefined) return;
    messages.push({ kind: type === conntrackMessages.delete ? 'ended' : 'lives', connection });
  });
  return messages;
}

function connectionOf(datagram: DataView, octets: Uint8Array, span: Span): Connection | undefined {
  const found = attributesOf(datagram, span);
  const original = tupleOf(datagram, octets, found.get(attribute.original));
  const reply = tupleOf(datagram, octets, found.get(attribute.reply));
  const id = u32At(datagram, found.get(attribute.id));
  if (original === undefined || reply === undefined || id === undefined) return undefined;
  const times = nested(datagram, found.get(attribute.timestamp));
  return {
    ...{ id, from: original.source, to: reply.source, protocol: original.protocol, port: reply.sourcePort },
    mark: u32At(datagram, found.get(attribute.mark)) ?? 0,
    start: milliseconds(u64At(datagram, times.get(timestamp.start))),
    end: milliseconds(u64At(datagram, times.get(timestamp.stop))),
    sent: countOf(datagram, found.get(attribute.sent)),
    received: countOf(datagram, found.get(attribute.received)),
  };
}

type Tuple = { readonly source: string; readonly protocol: number; readonly sourcePort: number };

function tupleOf(datagram: DataView, octets: Uint8Array, span: Span | undefined): Tuple | undefined {
  const parts = nested(datagram, span);
  const addresses = nested(datagram, parts.get(tuple.address));
  const ports = nested(datagram, parts.get(tuple.protocol));
  const source =
    addressAt(octets, addresses.get(address.ipv4Source), 4) ??
    addressAt(octets, addresses.get(address.ipv6Source), 16);
  const number = u8At(datagram, ports.get(protocol.number));
  if (source === undefined || number === undefined) return undefined;
  return { source, protocol: number, sourcePort: u16At(datagram, ports.get(protocol.sourcePort)) ?? 0 };
}

function nested(datagram: DataView, span: Span | undefined): ReadonlyMap<number, Span> {
  return span === undefined ? nothing : attributesOf(datagram, span);
}
const nothing: ReadonlyMap<number, Span> = new Map();

function addressAt(octets: Uint8Array, span: Span | undefined, length: 4 | 16): string | undefined {
  if (span === undefined || span.to - span.from !== length) return undefined;
  const value = octets.subarray(span.from, span.to);
  return length === 4 ? value.join('.') : formatIpv6(value);
}

function countOf(datagram: DataView, span: Span | undefined): FlowCount {
  const found = nested(datagram, span);
  return {
    packets: wholeOf(u64At(datagram, found.get(counters.packets))),
    bytes: wholeOf(u64At(datagram, found.get(counters.bytes))),
  };
}

/** No count of a real box comes near. */
function wholeOf(count: number | undefined): number {
  return Math.min(count ?? 0, Number.MAX_SAFE_INTEGER);
}

/** The kernel tells nanoseconds, and zero for a time that has not come. */
function milliseconds(nanoseconds: number | undefined): number | null {
  return nanoseconds === undefined || nanoseconds === 0 ? null : Math.floor(nanoseconds / 1e6);
}

/** Asks for all connections that live: a request for the kernel. */
export function encodeConntrackDump(sequence: number): Uint8Array {
  // NLM_F_DUMP.
  return encodeRequest({ type: conntrackMessages.get, flags: 0x300, sequence });
}
