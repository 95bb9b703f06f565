import { isIPv4 } from 'node:net';
import type { NameSocket, OpenNameSocket } from '../netd/names/host-names.ts';
import { linkIndex } from './packet-socket.ts';
import { AF_INET, AF_INET6, addressOctets, SOCK_DGRAM, SystemSocket } from './system-socket.ts';

/** Numbers of the kernel's interface (linux/in.h, linux/in6.h, asm-generic/socket.h), the same on x86-64 and arm64. */
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BINDTOIFINDEX = 62;
const IPPROTO_IP = 0;
const ip = { ttl: 2, multicastTtl: 33, multicastLoop: 34, addMembership: 35, multicastIf: 32 } as const;
const IPPROTO_IPV6 = 41;
const ipv6 = {
  v6only: 26,
  unicastHops: 16,
  multicastIf: 17,
  multicastHops: 18,
  multicastLoop: 19,
  join: 20,
} as const;

/** RFC 6762 § 3, § 11, and § 17 for the longest message. */
const group = { ipv4: '224.0.0.251', ipv6: 'ff02::fb', port: 5353 } as const;
const hopLimit = 255;
const longestMessage = 9000;
/** Messages read in one go: a flood must not keep everything else waiting. */
const batch = 64;

/**
 * Multicast DNS on one link, bound to it so that what comes from elsewhere is not heard. A machine without IPv6 speaks IPv4
 * alone. Rejects with `SocketCallError` where there is no such link.
 */
export const openNameSocket: OpenNameSocket = async (link, onMessage) => {
  const index = linkIndex(link) ?? -1;
  const ipv4 = await openIpv4(index);
  const sockets = { ipv4, ipv6: await openIpv6(index).catch(() => null) };
  const buffer = new Uint8Array(longestMessage);
  let isOpen = true;
  for (const socket of [sockets.ipv4, sockets.ipv6])
    socket?.watch(() => {
      for (let count = 0; isOpen && count < batch; count++) {
        const datagram = socket.receive(buffer);
        if (datagram === undefined) return;
        const { length, from, port } = datagram;
        onMessage(buffer.slice(0, length), { address: from, port });
      }
    });
  const send = (socket: SystemSocket | null, octets: Uint8Array, address: string, port: number) => {
    try {
      socket?.send(octets, address, port);
    } catch {
      // A link that is down or has no address of a family: who asks asks again.
    }
  };
  const opened: NameSocket = {
    send(octets, to) {
      if (to === null) {
        send(sockets.ipv4, octets, group.ipv4, group.port);
        send(sockets.ipv6, octets, group.ipv6, group.port);
      } else send(isIPv4(to.address) ? sockets.ipv4 : sockets.ipv6, octets, to.address, to.port);
    },
    isBound: () => linkIndex(link) === index,
    close() {
      isOpen = false;
      sockets.ipv4.close();
      sockets.ipv6?.close();
    },
  };
  return opened;
};

async function openIpv4(index: number): Promise<SystemSocket> {
  return prepared(await SystemSocket.open(AF_INET, SOCK_DGRAM, 0), index, (socket) => {
    socket.setOption(IPPROTO_IP, ip.ttl, hopLimit);
    socket.setOption(IPPROTO_IP, ip.multicastTtl, hopLimit);
    socket.setOption(IPPROTO_IP, ip.multicastLoop, 0);
    // struct ip_mreqn: the group, an address of ours, the link.
    socket.setWords(IPPROTO_IP, ip.multicastIf, [0, 0, index]);
    socket.setWords(IPPROTO_IP, ip.addMembership, [...wordsOf(group.ipv4), 0, index]);
    socket.bind('0.0.0.0', group.port);
  });
}

async function openIpv6(index: number): Promise<SystemSocket> {
  return prepared(await SystemSocket.open(AF_INET6, SOCK_DGRAM, 0), index, (socket) => {
    socket.setOption(IPPROTO_IPV6, ipv6.v6only, 1);
    socket.setOption(IPPROTO_IPV6, ipv6.unicastHops, hopLimit);
    socket.setOption(IPPROTO_IPV6, ipv6.multicastHops, hopLimit);
    socket.setOption(IPPROTO_IPV6, ipv6.multicastLoop, 0);
    socket.setOption(IPPROTO_IPV6, ipv6.multicastIf, index);
    // struct ipv6_mreq: the group, the link.
    socket.setWords(IPPROTO_IPV6, ipv6.join, [...wordsOf(group.ipv6), index]);
    socket.bind('::', group.port);
  });
}

function prepared(
  socket: SystemSocket,
  index: number,
  prepare: (socket: SystemSocket) => void,
): SystemSocket {
  try {
    socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1);
    socket.setOption(SOL_SOCKET, SO_BINDTOIFINDEX, index);
    prepare(socket);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** The octets of an address as words in host byte order, which is little-endian on both architectures. */
function wordsOf(address: string): number[] {
  const octets = addressOctets(address);
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  return Array.from({ length: octets.length / 4 }, (_, index) => view.getUint32(index * 4, true));
}
