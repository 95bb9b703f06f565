import { limits } from './limits.ts';

/** Structures of netlink (linux/netlink.h): little-endian lengths, as x86-64 and arm64 have them. */

/** struct nlmsghdr, and struct nfgenmsg of linux/netfilter/nfnetlink.h behind it. */
const header = { size: 16, type: 4, flags: 6, sequence: 8 } as const;
const genericSize = 4;
/** NLMSG_ERROR and NLMSG_DONE. */
const control = { error: 2, done: 3 } as const;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER say nothing that the attribute's number does not. */
const typeMask = 0x3fff;

export type NetlinkMessage =
  /** Of a subsystem of nfnetlink; `from` and `to` are its attributes in the datagram. */
  | {
      readonly kind: 'message';
      readonly type: number;
      readonly family: number;
      readonly sequence: number;
      readonly from: number;
      readonly to: number;
    }
  /** A dump is complete, or a request has failed (`error` is an errno) or succeeded (0). */
  | { readonly kind: 'end'; readonly sequence: number; readonly error: number };

/** Visits the messages of a datagram, up to what is cut off. Never throws by itself. */
export function eachMessage(datagram: DataView, visit: (message: NetlinkMessage) => void): void {
  let count = 0;
  for (let offset = 0; offset + header.size <= datagram.byteLength; ) {
    const length = datagram.getUint32(offset, true);
    if (length < header.size || length > datagram.byteLength - offset) return;
    if (++count > limits.messagesPerDatagram) return;
    const type = datagram.getUint16(offset + header.type, true);
    const sequence = datagram.getUint32(offset + header.sequence, true);
    const body = offset + header.size;
    if (type === control.done) visit({ kind: 'end', sequence, error: 0 });
    else if (type === control.error) {
      const error = length >= header.size + 4 ? Math.abs(datagram.getInt32(body, true)) : 0;
      visit({ kind: 'end', sequence, error });
    } else if (type > control.done && length >= header.size + genericSize) {
      const family = datagram.getUint8(body);
      visit({
        ...{ kind: 'message', type, family, sequence },
        ...{ from: body + genericSize, to: offset + length },
      });
    }
    // NLMSG_ALIGN.
    offset += (length + 3) & ~3;
  }
}

/** Where an attribute's value is in the datagram. */
export type Span = { readonly from: number; readonly to: number };

/** The values of a structure's attributes by their numbers; of one that comes twice the last. Never throws. */
export function attributesOf(datagram: DataView, { from, to }: Span): ReadonlyMap<number, Span> {
  const found = new Map<number, Span>();
  let count = 0;
  for (let offset = from; offset + 4 <= to && count < limits.attributes; count++) {
    const length = datagram.getUint16(offset, true);
    if (length < 4 || length > to - offset) break;
    found.set(datagram.getUint16(offset + 2, true) & typeMask, { from: offset + 4, to: offset + length });
    // NLA_ALIGN.
    offset += (length + 3) & ~3;
  }
  return found;
}

/** Numbers within attributes are big-endian. Undefined where the attribute is missing or too short. */
export function u8At(datagram: DataView, span: Span | undefined): number | undefined {
  return has(span, 1) ? datagram.getUint8(span.from) : undefined;
}

export function u16At(datagram: DataView, span: Span | undefined): number | undefined {
  return has(span, 2) ? datagram.getUint16(span.from) : undefined;
}

export function u32At(datagram: DataView, span: Span | undefined): number | undefined {
  return has(span, 4) ? datagram.getUint32(span.from) : undefined;
}

/** As near as a number is: from 2^53 on it is rounded. */
export function u64At(datagram: DataView, span: Span | undefined): number | undefined {
  return has(span, 8)
    ? datagram.getUint32(span.from) * 2 ** 32 + datagram.getUint32(span.from + 4)
    : undefined;
}

function has(span: Span | undefined, octets: number): span is Span {
  return span !== undefined && span.to - span.from >= octets;
}

/** A request to a subsystem of nfnetlink. `flags`: NLM_F_* beside NLM_F_REQUEST; attributes' values are in network order. */
export type NetlinkRequest = {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly family?: number;
  /** res_id of struct nfgenmsg. */
  readonly resource?: number;
  readonly attributes?: readonly (readonly [number, readonly number[]])[];
};

export function encodeRequest(request: NetlinkRequest): Uint8Array {
  const { type, flags, sequence, family = 0, resource = 0, attributes = [] } = request;
  const body = attributes.flatMap(([number, value]) => [
    ...littleEndian(4 + value.length, 2),
    ...littleEndian(number, 2),
    ...value,
    ...new Array<number>((4 - (value.length % 4)) % 4).fill(0),
  ]);
  return Uint8Array.from([
    ...littleEndian(header.size + genericSize + body.length, 4),
    ...littleEndian(type, 2),
    ...littleEndian(flags | 1, 2),
    ...littleEndian(sequence, 4),
    ...[0, 0, 0, 0],
    ...[family, 0, ...bigEndian(resource, 2)],
    ...body,
  ]);
}

export function bigEndian(value: number, octets: number): number[] {
  return littleEndian(value, octets).toReversed();
}

function littleEndian(value: number, octets: number): number[] {
  return Array.from({ length: octets }, (_, index) => (value >>> (8 * index)) & 0xff);
}
