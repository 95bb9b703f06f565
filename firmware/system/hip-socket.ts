import { createSocket, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { frameUdp, unframeUdp } from '../hip/framing.ts';
import type { Locator } from '../hip/locator.ts';
import type { OverlaySocket } from '../netd/overlay/ports.ts';
import { errorCode } from './error-code.ts';
import { openRawHipSockets, type RawHipSockets } from './hip-socket-raw.ts';
import { AF_INET6, SOCK_DGRAM, SystemSocket } from './system-socket.ts';

/** Numbers of the kernel's interface (linux/in.h, linux/in6.h, linux/udp.h), the same on x86-64 and arm64. */
const IPPROTO_UDP = 17;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const UDP_ENCAP = 100;
const UDP_ENCAP_ESPINUDP = 2;
const UDP_GRO = 104;

/**
 * Opens one UDP socket for IPv4 and IPv6 on all addresses whose ESP the kernel keeps for XFRM (RFC 9028 §5.11). The
 * option must be set before anything can arrive, so the descriptor is made and bound here and handed to node:dgram.
 * Rejects with `SocketCallError`.
 *
 * @param port UDP port, 10500 for HIP
 */
export async function openHipSocket(port: number): Promise<OverlaySocket> {
  const made = await SystemSocket.open(AF_INET6, SOCK_DGRAM, 0);
  try {
    made.setOption(IPPROTO_IPV6, IPV6_V6ONLY, 0);
    made.setOption(IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP);
    // ESP is opened where the port's packets are put together, before they go through the stack; HIP's stay single.
    made.setOption(IPPROTO_UDP, UDP_GRO, 1);
    made.bind('::', port);
  } catch (error) {
    made.close();
    throw error;
  }
  const udp = newUdpSocket('udp6');
  await bound(udp, { fd: made.fd });
  return new HipSocket(udp);
}

/** A socket that talks HIP alone, and the UDP port that it got. */
export type DiagnosticHipSocket = { readonly socket: OverlaySocket; readonly port: number };

/**
 * Opens the same without ESP and without privileges, for commands; on a machine without IPv6 for IPv4 alone. Rejects
 * with the system's error.
 *
 * @param port UDP port, or 0 for any
 */
export async function openDiagnosticHipSocket(port: number): Promise<DiagnosticHipSocket> {
  let udp = newUdpSocket('udp6');
  try {
    await bound(udp, { port });
  } catch (error) {
    if (errorCode(error) !== 'EAFNOSUPPORT') throw error;
    udp = newUdpSocket('udp4');
    await bound(udp, { port });
  }
  return { socket: new HipSocket(udp), port: udp.address().port };
}

function newUdpSocket(type: 'udp4' | 'udp6'): Socket {
  // Locators are addresses: without this every datagram would go through the name service's queue.
  const lookup = (
    address: string,
    _: unknown,
    done: (error: null, address: string, family: number) => void,
  ) => done(null, address, type === 'udp6' ? 6 : 4);
  return createSocket({ type, lookup });
}

async function bound(socket: Socket, binding: { fd: number } | { port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(binding, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

class HipSocket implements OverlaySocket {
  readonly #udp: Socket;
  readonly #mapsIpv4: boolean;
  readonly #packetListeners: ((packet: Uint8Array, from: Locator) => void)[] = [];
  readonly #failureListeners: ((to: Locator, reason: string) => void)[] = [];
  #raw: RawHipSockets | undefined;
  /** Opening and closing of `#raw`, one after the other. */
  #rawChange: Promise<void> = Promise.resolve();
  #notHip = 0;

  constructor(udp: Socket) {
    this.#udp = udp;
    this.#mapsIpv4 = udp.address().family === 'IPv6';
    // An error that the kernel reports later (ICMP) concerns one peer, which retransmission deals with.
    udp.on('error', () => {});
    udp.on('message', (payload, { address, port }) => {
      const packet = unframeUdp(payload);
      if (packet === undefined) this.#notHip++;
      else this.#hear(packet, { address: plainAddress(address), port });
    });
  }

  send(packet: Uint8Array, to: Locator): void {
    if (to.port === null) this.#sendRaw(packet, to);
    else this.#sendUdp(packet, to, to.port);
  }

  onPacket(listener: (packet: Uint8Array, from: Locator) => void): void {
    this.#packetListeners.push(listener);
  }

  onSendFailure(listener: (to: Locator, reason: string) => void): void {
    this.#failureListeners.push(listener);
  }

  useRaw(wanted: boolean): Promise<void> {
    this.#rawChange = this.#rawChange.catch(() => {}).then(() => this.#changeRaw(wanted));
    return this.#rawChange;
  }

  dropped(): { notHip: number; badChecksum: number } {
    return { notHip: this.#notHip, badChecksum: this.#raw?.dropped() ?? 0 };
  }

  async close(): Promise<void> {
    await this.useRaw(false);
    await new Promise<void>((resolve) => this.#udp.close(() => resolve()));
  }

  async #changeRaw(wanted: boolean): Promise<void> {
    if (wanted) {
      this.#raw ??= await openRawHipSockets((packet, from) => this.#hear(packet, from));
    } else {
      this.#raw?.close();
      this.#raw = undefined;
    }
  }

  #sendUdp(packet: Uint8Array, to: Locator, port: number): void {
    const address = this.#mapsIpv4 && isIPv4(to.address) ? `::ffff:${to.address}` : to.address;
    this.#udp.send(frameUdp(packet), port, address, (error) => {
      if (error !== null) this.#fail(to, error.message);
    });
  }

  #sendRaw(packet: Uint8Array, to: Locator): void {
    if (this.#raw === undefined) {
      this.#fail(to, 'HIP without UDP is not in use');
      return;
    }
    try {
      this.#raw.send(packet, to.address);
    } catch (error) {
      this.#fail(to, error instanceof Error ? error.message : String(error));
    }
  }

  #hear(packet: Uint8Array, from: Locator): void {
    for (const listener of this.#packetListeners) listener(packet, from);
  }

  #fail(to: Locator, reason: string): void {
    for (const listener of this.#failureListeners) listener(to, reason);
  }
}

/** IPv4 as such and link-local IPv6 without its zone. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');
}
