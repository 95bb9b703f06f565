import { isIPv4 } from 'node:net';
import type { TimeSocket } from '../netd/system-port.ts';
import { linkIndex } from './packet-socket.ts';
import { AF_INET, AF_INET6, SOCK_DGRAM, SystemSocket } from './system-socket.ts';

/** Numbers of the kernel's interface (linux/in6.h, asm-generic/socket.h), the same on x86-64 and arm64. */
const SOL_SOCKET = 1;
const SO_BINDTOIFINDEX = 62;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

const ntpPort = 123;
/** Longer questions have extensions or a key, which nobody here has: their first octets are answered. */
const longestQuestion = 256;
/** Questions read in one go: a flood must not keep everything else waiting. */
const batch = 64;

/**
 * NTP's port on one link, bound to it so that no other link has it. A machine without IPv6 speaks IPv4 alone. Rejects with
 * `SocketCallError` where there is no such link.
 */
export async function openTimeSocket(
  link: string,
  onQuestion: (question: Uint8Array, from: { readonly address: string; readonly port: number }) => void,
): Promise<TimeSocket> {
  const index = linkIndex(link) ?? -1;
  const ipv4 = await openBound(AF_INET, index);
  const ipv6 = await openBound(AF_INET6, index).catch(() => null);
  const buffer = new Uint8Array(longestQuestion);
  let isOpen = true;
  for (const socket of [ipv4, ipv6])
    socket?.watch(() => {
      for (let count = 0; isOpen && count < batch; count++) {
        const datagram = socket.receive(buffer);
        if (datagram === undefined) return;
        const { length, from, port } = datagram;
        onQuestion(buffer.slice(0, length), { address: from, port });
      }
    });
  return {
    send(octets, { address, port }) {
      try {
        (isIPv4(address) ? ipv4 : ipv6)?.send(octets, address, port);
      } catch {
        // A link that is down, or a host that is gone: who asks asks again.
      }
    },
    isBound: () => linkIndex(link) === index,
    close() {
      isOpen = false;
      ipv4.close();
      ipv6?.close();
    },
  };
}

async function openBound(family: number, index: number): Promise<SystemSocket> {
  const socket = await SystemSocket.open(family, SOCK_DGRAM, 0);
  try {
    socket.setOption(SOL_SOCKET, SO_BINDTOIFINDEX, index);
    if (family === AF_INET6) socket.setOption(IPPROTO_IPV6, IPV6_V6ONLY, 1);
    socket.bind(family === AF_INET6 ? '::' : '0.0.0.0', ntpPort);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}
