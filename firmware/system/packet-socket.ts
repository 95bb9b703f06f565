import { readFileSync } from 'node:fs';
import { SOCK_RAW, SystemSocket } from './system-socket.ts';

/** Numbers of the kernel's interface (linux/socket.h, linux/if_packet.h, linux/if_arp.h), the same on x86-64 and arm64. */
const AF_PACKET = 17;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const ETH_P_ALL = 3;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;
/** sizeof(struct sockaddr_ll) */
const nameLength = 20;

/** Frames read in one go: a flood must not keep the end of a capture from being noticed. */
const batch = 256;

/** All that passes a link, in and out, as the kernel sees it before its filters. */
export type PacketSocket = {
  /** Whether frames begin with an Ethernet header; those of tunnels begin with IP's. */
  readonly isEthernet: boolean;
  /** Frames that came faster than they were read, since it was asked last. */
  dropped(): number;
  close(): void;
};

/** What a link is called in /sys, or null where there is none. */
function linkFact(link: string, fact: 'ifindex' | 'type'): number | null {
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(link)) return null;
  try {
    return Number(readFileSync(`/sys/class/net/${link}/${fact}`, 'utf8'));
  } catch {
    return null;
  }
}

/** Numbers links: one that goes and comes again has another. Null where there is none. */
export const linkIndex = (link: string) => linkFact(link, 'ifindex');

/** Whether the kernel has a link of that name. */
export function hasLink(link: string): boolean {
  return linkFact(link, 'ifindex') !== null;
}

/**
 * Listens on a link, which takes CAP_NET_RAW. Rejects with `SocketCallError`.
 *
 * @param snapLength octets of a frame that are kept
 * @param onFrame gets a view that is good until it returns, and the frame's whole length
 */
export async function openPacketSocket(
  link: string,
  snapLength: number,
  onFrame: (octets: Uint8Array, length: number) => void,
): Promise<PacketSocket> {
  const type = linkFact(link, 'type');
  const socket = await openOn(link, SOCK_RAW);
  const buffer = new Uint8Array(snapLength);
  let isOpen = true;
  socket.watch(() => {
    for (let count = 0; isOpen && count < batch; count++) {
      const frame = socket.readCut(buffer);
      if (frame === undefined) return;
      onFrame(frame.octets, frame.length);
    }
  });
  return {
    isEthernet: type === ARPHRD_ETHER || type === ARPHRD_LOOPBACK,
    dropped: () => socket.option(SOL_PACKET, PACKET_STATISTICS, 2)[1] ?? 0,
    close: () => {
      isOpen = false;
      socket.close();
    },
  };
}

/**
 * A socket that hears a link alone. Rejects with `SocketCallError`.
 *
 * @param type SOCK_RAW: with the link's header; SOCK_DGRAM: without
 * @param filter see `SystemSocket.attachFilter`; everything unless given
 */
export async function openOn(link: string, type: number, filter?: Uint8Array): Promise<SystemSocket> {
  // Protocol 0 until it is bound: otherwise it would hear all links for a moment.
  const socket = await SystemSocket.open(AF_PACKET, type, 0);
  try {
    if (filter !== undefined) socket.attachFilter(filter);
    // No link has a negative index; 0 would be all of them.
    socket.bindName(packetName(linkFact(link, 'ifindex') ?? -1));
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}

/** struct sockaddr_ll: the family and the index in host byte order, which is little-endian on both architectures. */
function packetName(index: number): Uint8Array {
  const name = new Uint8Array(nameLength);
  const view = new DataView(name.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, ETH_P_ALL);
  view.setInt32(4, index, true);
  return name;
}
