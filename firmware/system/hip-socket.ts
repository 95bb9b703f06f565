import { createSocket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { getSystemErrorMessage } from 'node:util';
import { frameUdp, unframeUdp } from '../hip/framing.ts';
import type { Locator } from '../hip/locator.ts';
import type { OverlaySocket } from '../netd/overlay/ports.ts';

/** Numbers of the kernel's interface (linux/socket.h, linux/in.h, linux/udp.h), the same on x86-64 and arm64. */
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_UDP = 17;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const UDP_ENCAP = 100;
const UDP_ENCAP_ESPINUDP = 2;

/** The socket could not be had; the message says which call failed and why. */
class HipSocketError extends Error {
  override readonly name = 'HipSocketError';
  readonly code = 'socket';
}

/**
 * Opens one UDP socket for IPv4 and IPv6 on all addresses whose ESP the kernel keeps for XFRM (RFC 9028 §5.11). The
 * option must be set before anything can arrive, so the descriptor is made and bound here and handed to node:dgram.
 *
 * @param port UDP port, 10500 for HIP
 */
export async function openHipSocket(port: number): Promise<OverlaySocket> {
  const fd = await boundDescriptor(port);
  // Locators are addresses: without this every datagram would go through the name service's queue.
  const lookup = (
    address: string,
    _: unknown,
    done: (error: null, address: string, family: number) => void,
  ) => done(null, address, 6);
  const socket = createSocket({ type: 'udp6', lookup });
  const failureListeners: ((to: Locator, reason: string) => void)[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ fd }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  // An error that the kernel reports later (ICMP) concerns one peer, which retransmission deals with.
  socket.on('error', () => {});
  return {
    send(packet, to) {
      const fail = (reason: string) => {
        for (const listener of failureListeners) listener(to, reason);
      };
      if (to.port === null) return fail('no socket for HIP without UDP');
      const address = isIPv4(to.address) ? `::ffff:${to.address}` : to.address;
      socket.send(frameUdp(packet), to.port, address, (error) => {
        if (error !== null) fail(error.message);
      });
    },
    onPacket(listener) {
      socket.on('message', (payload, { address, port: from }) => {
        const packet = unframeUdp(payload);
        if (packet !== undefined) listener(packet, { address: plainAddress(address), port: from });
      });
    },
    onSendFailure(listener) {
      failureListeners.push(listener);
    },
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** IPv4 as such and link-local IPv6 without its zone. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');
}

async function boundDescriptor(port: number): Promise<number> {
  // Loaded when needed: the page must not wait for it.
  const { default: koffi } = await import('koffi');
  const libc = koffi.load('libc.so.6');
  const call = (name: string, signature: string, ...args: unknown[]): number => {
    const result = Number(libc.func(signature)(...args));
    if (result < 0) throw new HipSocketError(`${name}: ${getSystemErrorMessage(-koffi.errno())}`);
    return result;
  };
  const fd = call(
    'socket',
    'int socket(int domain, int type, int protocol)',
    AF_INET6,
    SOCK_DGRAM | SOCK_CLOEXEC,
    0,
  );
  const setsockopt = (level: number, option: number, value: number) => {
    const signature = 'int setsockopt(int fd, int level, int option, const int *value, uint32_t length)';
    call('setsockopt', signature, fd, level, option, [value], 4);
  };
  try {
    setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0);
    setsockopt(IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP);
    const address = anyAddress(port);
    call('bind', 'int bind(int fd, const uint8_t *address, uint32_t length)', fd, address, address.length);
  } catch (error) {
    libc.func('int close(int fd)')(fd);
    throw error;
  }
  return fd;
}

/** struct sockaddr_in6 (ipv6(7)) for `::`: the family in host byte order, which is little-endian on both architectures. */
function anyAddress(port: number): Uint8Array {
  const address = new Uint8Array(28);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, port);
  return address;
}
