import { readIpDatagram } from '../hip/ip-datagram.ts';
import { linkIndex, openOn } from './packet-socket.ts';
import { SOCK_DGRAM } from './system-socket.ts';

/** RFC 6762 § 3, and § 17 for the longest message. */
const port = 5353;
const longestMessage = 9000;
const udpHeaderLength = 8;
/** Messages read in one go: a flood must not keep everything else waiting. */
const batch = 64;

/**
 * Classic BPF (linux/filter.h) over what follows the link's header: UDP to port 5353, over IPv4 unfragmented, over IPv6
 * without extension headers. Operation, instructions to leave out if true and if false, operand.
 */
const filter = encode([
  [0x30, 0, 0, 0], // the first octet's
  [0x74, 0, 0, 4], // upper half
  [0x15, 0, 7, 4], // is 4, else look at IPv6
  [0x30, 0, 0, 9], // the protocol
  [0x15, 0, 11, 17], // is UDP
  [0x28, 0, 0, 6], // flags and fragment offset
  [0x45, 9, 0, 0x3fff], // say that it is whole
  [0xb1, 0, 0, 0], // behind the header
  [0x48, 0, 0, 2], // the destination port
  [0x05, 0, 0, 4], // is asked for below
  [0x15, 0, 5, 6], // is 6
  [0x30, 0, 0, 6], // the next header
  [0x15, 0, 3, 17], // is UDP
  [0x28, 0, 0, 42], // the destination port
  [0x15, 0, 1, port],
  [0x06, 0, 0, longestMessage], // pass it on
  [0x06, 0, 0, 0], // pass it over
]);

function encode(instructions: readonly (readonly [number, number, number, number])[]): Uint8Array {
  const program = new Uint8Array(instructions.length * 8);
  const view = new DataView(program.buffer);
  for (const [index, [operation, ifTrue, ifFalse, operand]] of instructions.entries()) {
    view.setUint16(index * 8, operation, true);
    program.set([ifTrue, ifFalse], index * 8 + 2);
    view.setUint32(index * 8 + 4, operand, true);
  }
  return program;
}

/**
 * Overhears multicast DNS on a link, before any filter and without being part of it, which takes CAP_NET_RAW. Rejects with
 * `SocketCallError`.
 *
 * @param onMessage gets UDP's payload, a view that is good until it returns, and the octets of the source address
 * @returns `isBound`: false once the link is gone, also where there is another of its name
 */
export async function listenForNames(
  link: string,
  onMessage: (message: Uint8Array, source: Uint8Array) => void,
): Promise<{ readonly isBound: () => boolean; readonly close: () => void }> {
  const index = linkIndex(link);
  const socket = await openOn(link, SOCK_DGRAM, filter);
  const buffer = new Uint8Array(longestMessage);
  let isOpen = true;
  socket.watch(() => {
    for (let count = 0; isOpen && count < batch; count++) {
      const packet = socket.readCut(buffer);
      if (packet === undefined) return;
      const datagram = readIpDatagram(packet.octets);
      if (datagram.ok) onMessage(datagram.value.payload.subarray(udpHeaderLength), datagram.value.source);
    }
  });
  return {
    isBound: () => linkIndex(link) === index,
    close: () => {
      isOpen = false;
      socket.close();
    },
  };
}
