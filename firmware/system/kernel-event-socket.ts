import { type KernelEvent, kernelEventGroups, parseKernelEvents } from '../netd/overlay/kernel-events.ts';
import type { OverlayTimer } from '../netd/overlay/ports.ts';
import { AF_NETLINK, netlinkName } from './netlink-name.ts';
import { SOCK_RAW, SystemSocket } from './system-socket.ts';

/** Number of the kernel's interface (linux/netlink.h), the same on x86-64 and arm64. */
const NETLINK_XFRM = 6;

/** Above any event that is wanted: the largest, an expiry, has some 400 octets. */
const bufferSize = 8192;

/**
 * Hears XFRM's events. Where they come faster than they are read the kernel drops some: none of them is sent once only.
 * Rejects with `SocketCallError` where the kernel has no XFRM.
 */
export async function watchKernelEvents(listener: (event: KernelEvent) => void): Promise<OverlayTimer> {
  const socket = await SystemSocket.open(AF_NETLINK, SOCK_RAW, NETLINK_XFRM);
  try {
    socket.bindName(netlinkName(kernelEventGroups));
  } catch (error) {
    socket.close();
    throw error;
  }
  const buffer = new Uint8Array(bufferSize);
  socket.watch(() => {
    for (;;) {
      const received = socket.receive(buffer);
      if (received === undefined) return;
      for (const event of parseKernelEvents(buffer.subarray(0, received.length))) listener(event);
    }
  });
  return { close: () => socket.close() };
}
