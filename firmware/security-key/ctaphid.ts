import { limits } from './limits.ts';

/**
 * Messages in reports of 64 octets (FIDO U2F HID Protocol 1.2, 2.4; the same in CTAP 2.1, 11.2.4): a first packet with
 * channel, command and length, then packets with channel and sequence number.
 */
export const reportOctets = 64;
export const broadcastChannel = 0xffff_ffff;

/** The first packet of a message has the top bit of this set (there, 2.4). */
export const hidCommands = { message: 0x03, init: 0x06, keepAlive: 0x3b, error: 0x3f } as const;
export const nonceOctets = 8;

/** Why a key could not do what it was told (CTAP 2.1, 11.2.9.1.6): another program speaks with it. */
export const channelBusy = 0x06;

const [firstHeader, nextHeader] = [7, 5];
const firstBit = 0x80;

/** @throws RangeError where the message is longer than the protocol carries */
export function packetsOf(channel: number, command: number, message: Uint8Array): readonly Uint8Array[] {
  if (message.length > limits.messageOctets) throw new RangeError('A message that no key takes');
  const first = new Uint8Array(reportOctets);
  const header = new DataView(first.buffer);
  header.setUint32(0, channel);
  header.setUint8(4, command | firstBit);
  header.setUint16(5, message.length);
  first.set(message.subarray(0, reportOctets - firstHeader), firstHeader);
  const packets = [first];
  for (let at = reportOctets - firstHeader; at < message.length; at += reportOctets - nextHeader) {
    const next = new Uint8Array(reportOctets);
    new DataView(next.buffer).setUint32(0, channel);
    next[4] = packets.length - 1;
    next.set(message.subarray(at, at + reportOctets - nextHeader), nextHeader);
    packets.push(next);
  }
  return packets;
}

/** What has come of a message; null between two. */
export type Assembly = {
  readonly command: number;
  readonly length: number;
  /** Octets so far, fewer than `length`. */
  readonly octets: Uint8Array;
  /** Sequence number of the next packet. */
  readonly next: number;
} | null;

export type Assembled = {
  readonly assembly: Assembly;
  readonly event:
    | { readonly kind: 'message'; readonly command: number; readonly message: Uint8Array }
    /** The rest of what was coming means nothing. */
    | { readonly kind: 'broken'; readonly reason: string }
    | null;
};

/** Takes a report that came. Other channels are other programs'; a packet that continues nothing is left from before. */
export function assemble(assembly: Assembly, channel: number, report: Uint8Array): Assembled {
  if (report.length !== reportOctets) return broken(`a report of ${report.length} octets`);
  const view = new DataView(report.buffer, report.byteOffset, report.byteLength);
  if (view.getUint32(0) !== channel) return { assembly, event: null };
  const mark = view.getUint8(4);
  if ((mark & firstBit) === 0) return assembly === null ? nothing : goOn(assembly, mark, report);
  if (assembly !== null) return broken('a message in another');
  const [command, length] = [mark & ~firstBit, view.getUint16(5)];
  if (length > limits.messageOctets) return broken(`a message of ${length} octets`);
  return whole({ command, length, octets: new Uint8Array(0), next: 0 }, report.subarray(firstHeader));
}

const nothing: Assembled = { assembly: null, event: null };
const broken = (reason: string): Assembled => ({ assembly: null, event: { kind: 'broken', reason } });

function goOn(assembly: NonNullable<Assembly>, sequence: number, report: Uint8Array): Assembled {
  if (sequence !== assembly.next) return broken(`packet ${sequence} for ${assembly.next}`);
  return whole({ ...assembly, next: sequence + 1 }, report.subarray(nextHeader));
}

function whole(before: NonNullable<Assembly>, more: Uint8Array): Assembled {
  const octets = new Uint8Array(Math.min(before.length, before.octets.length + more.length));
  octets.set(before.octets);
  octets.set(more.subarray(0, octets.length - before.octets.length), before.octets.length);
  if (octets.length < before.length) return { assembly: { ...before, octets }, event: null };
  return { assembly: null, event: { kind: 'message', command: before.command, message: octets } };
}

/** What a key answers to INIT (there, 2.6.3). */
export type InitAnswer = { readonly channel: number; readonly speaksU2f: boolean };

const noMessages = 0x08;
const initOctets = 17;

/** Null where it is the answer to somebody else's nonce, or none at all. */
export function readInit(message: Uint8Array, nonce: Uint8Array): InitAnswer | null {
  if (message.length < initOctets || !nonce.every((octet, index) => message[index] === octet)) return null;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const channel = view.getUint32(nonceOctets);
  if (channel === 0 || channel === broadcastChannel) return null;
  return { channel, speaksU2f: (view.getUint8(16) & noMessages) === 0 };
}
