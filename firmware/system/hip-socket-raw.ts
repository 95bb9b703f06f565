import { isIPv4 } from 'node:net';
import { hipProtocol } from '../hip/checksum.ts';
import { frameRaw, rawChecksumIsGood } from '../hip/framing.ts';
import type { Locator } from '../hip/locator.ts';
import { AF_INET, AF_INET6, addressOctets, SOCK_DGRAM, SOCK_RAW, SystemSocket } from './system-socket.ts';

/** Numbers of the kernel's interface (linux/in.h, linux/in6.h, asm-generic/socket.h, linux/sock_diag.h). */
const SOL_SOCKET = 1;
const SO_MEMINFO = 55;
const SK_MEMINFO_DROPS = 8;
const SK_MEMINFO_VARS = 9;
const IPPROTO_IP = 0;
const IP_MTU_DISCOVER = 10;
const IP_PMTUDISC_DONT = 0;
const IPPROTO_IPV6 = 41;
const IPV6_CHECKSUM = 7;
const IPV6_MTU = 24;

/** What every IPv6 path carries (RFC 8200 §5). */
const smallestIpv6Mtu = 1280;

/** Where the checksum is in a HIP packet (RFC 7401 §5.1). */
const checksumOffset = 4;
/** The largest IPv4 datagram, which is what a raw socket gives after reassembly. */
const longestDatagram = 65_535;
/** Datagrams read in one go: a flood must not keep everything else waiting. */
const batch = 64;

/** HIP straight over IP: protocol 139, IPv4 and IPv6. */
export type RawHipSockets = {
  /** Fills in the checksum, which covers the addresses (RFC 7401 §5.1.1), and sends. Throws `SocketCallError`. */
  send(packet: Uint8Array, address: string): void;
  /** Packets that came with a wrong checksum or too short; over IPv6 also what the kernel had no room for. */
  dropped(): number;
  close(): void;
};

/**
 * Opens protocol 139 on all addresses, which takes CAP_NET_RAW. The kernel fragments and reassembles (RFC 7401 §5.1.3).
 * Rejects with `SocketCallError`.
 */
export async function openRawHipSockets(
  onPacket: (packet: Uint8Array, from: Locator) => void,
): Promise<RawHipSockets> {
  const ipv4 = await SystemSocket.open(AF_INET, SOCK_RAW, hipProtocol);
  const ipv6 = ipv4.another(AF_INET6, SOCK_RAW, hipProtocol);
  // Long packets are few, and one that is lost to path MTU discovery costs a second: routers may fragment IPv4, and
  // IPv6 leaves in fragments that fit any path.
  ipv4.setOption(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
  // RFC 3542 §3.1: over IPv6 the kernel makes and checks it, so that it uses the very addresses of the packet.
  ipv6.setOption(IPPROTO_IPV6, IPV6_CHECKSUM, checksumOffset);
  ipv6.setOption(IPPROTO_IPV6, IPV6_MTU, smallestIpv6Mtu);
  const buffer = new Uint8Array(longestDatagram);
  let dropped = 0;

  ipv4.watch(() => {
    for (let count = 0; count < batch; count++) {
      const datagram = ipv4.receive(buffer);
      if (datagram === undefined) return;
      const packet = verifiedPacket(buffer.subarray(0, datagram.length));
      if (packet === undefined) dropped++;
      else onPacket(packet.slice(), { address: datagram.from, port: null });
    }
  });
  ipv6.watch(() => {
    for (let count = 0; count < batch; count++) {
      const datagram = ipv6.receive(buffer);
      if (datagram === undefined) return;
      onPacket(buffer.slice(0, datagram.length), { address: datagram.from, port: null });
    }
  });

  return {
    send(packet, address) {
      if (!isIPv4(address)) return ipv6.send(packet, address);
      const source = sourceTowards(address, ipv4);
      ipv4.send(frameRaw(packet, source, addressOctets(address)), address);
    },
    dropped: () => dropped + (ipv6.option(SOL_SOCKET, SO_MEMINFO, SK_MEMINFO_VARS)[SK_MEMINFO_DROPS] ?? 0),
    close() {
      ipv4.close();
      ipv6.close();
    },
  };
}

/** The routing table chooses the source of a raw packet as it does a connected UDP socket's; connecting sends nothing. */
function sourceTowards(address: string, socket: SystemSocket): Uint8Array {
  const question = socket.another(AF_INET, SOCK_DGRAM, 0);
  try {
    question.connect(address, anyPort);
    return addressOctets(question.localAddress());
  } finally {
    question.close();
  }
}

/** Any port but 0 will do. */
const anyPort = 10500;

/** The HIP packet in an IPv4 datagram, if its checksum is that of its addresses. */
function verifiedPacket(datagram: Uint8Array): Uint8Array | undefined {
  const headerLength = ((datagram[0] ?? 0) & 0x0f) * 4;
  const packet = datagram.subarray(headerLength);
  if (headerLength < 20 || packet.length === 0) return undefined;
  return rawChecksumIsGood(packet, datagram.subarray(12, 16), datagram.subarray(16, 20)) ? packet : undefined;
}
