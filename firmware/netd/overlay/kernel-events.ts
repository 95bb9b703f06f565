import { formatIpv6 } from '../../bytes/ipv6-text.ts';
import type { Locator } from '../../hip/locator.ts';
import { limits } from './limits.ts';

/** What XFRM tells its key managers. `mark` is the peer's, which its security associations have as reqid. */
export type KernelEvent =
  /** A packet to this HIT met the trap policy and waits for nobody: it was dropped. */
  | { readonly type: 'acquire'; readonly peerHit: string }
  /** A limit of a security association was reached; `hard` says that the kernel has removed it. */
  | { readonly type: 'expire'; readonly mark: number; readonly spi: number; readonly hard: boolean }
  /** ESP that authenticated came from another place than the security association's. */
  | { readonly type: 'mapping'; readonly mark: number; readonly spi: number; readonly from: Locator };

/** The multicast groups that carry these events, as a bit each (XFRMNLGRP_ACQUIRE, _EXPIRE, _MAPPING of linux/xfrm.h). */
export const kernelEventGroups = (1 << (1 - 1)) | (1 << (2 - 1)) | (1 << (8 - 1));

/** XFRM_MSG_* of linux/xfrm.h. */
const message = { acquire: 0x17, expire: 0x18, mapping: 0x26 } as const;
/** struct nlmsghdr. */
const header = { size: 16, type: 4 } as const;
/** struct xfrm_user_acquire: the selector of the packet, of which `destination` and `family` are wanted. */
const acquire = { size: 280, destination: 40, family: 80 } as const;
/** struct xfrm_user_expire, which starts with a struct xfrm_usersa_info. */
const expire = { size: 232, spi: 72, reqid: 208, hard: 224 } as const;
/** struct xfrm_user_mapping. */
const mapping = { size: 64, spi: 16, family: 20, reqid: 24, newAddress: 44, newPort: 62 } as const;
const family = { ipv4: 2, ipv6: 10 } as const;

/**
 * Reads one datagram of a netlink socket of NETLINK_XFRM: structures of linux/xfrm.h with the layout that x86-64 and
 * arm64 share, little-endian but for addresses, ports and SPIs. What is of another kind, cut off or not understood is
 * passed over, and of one datagram at most `limits.eventsPerDatagram` events are taken.
 */
export function parseKernelEvents(datagram: Uint8Array): readonly KernelEvent[] {
  const events: KernelEvent[] = [];
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  for (let offset = 0; offset + header.size <= datagram.length; ) {
    const length = view.getUint32(offset, true);
    if (length < header.size || length > datagram.length - offset) break;
    const body = datagram.subarray(offset + header.size, offset + length);
    const event = parseMessage(view.getUint16(offset + header.type, true), body);
    if (event !== undefined) events.push(event);
    if (events.length >= limits.eventsPerDatagram) break;
    // NLMSG_ALIGN.
    offset += (length + 3) & ~3;
  }
  return events;
}

function parseMessage(type: number, body: Uint8Array): KernelEvent | undefined {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  if (type === message.acquire && body.length >= acquire.size) {
    if (view.getUint16(acquire.family, true) !== family.ipv6) return undefined;
    return { type: 'acquire', peerHit: ipv6At(body, acquire.destination) };
  }
  if (type === message.expire && body.length >= expire.size) {
    const [mark, spi] = [view.getUint32(expire.reqid, true), view.getUint32(expire.spi)];
    return { type: 'expire', mark, spi, hard: view.getUint8(expire.hard) !== 0 };
  }
  if (type === message.mapping && body.length >= mapping.size) {
    const [mark, spi] = [view.getUint32(mapping.reqid, true), view.getUint32(mapping.spi)];
    const address =
      view.getUint16(mapping.family, true) === family.ipv6
        ? ipv6At(body, mapping.newAddress)
        : body.subarray(mapping.newAddress, mapping.newAddress + 4).join('.');
    return { type: 'mapping', mark, spi, from: { address, port: view.getUint16(mapping.newPort) } };
  }
  return undefined;
}

function ipv6At(body: Uint8Array, offset: number): string {
  return formatIpv6(body.subarray(offset, offset + 16));
}
