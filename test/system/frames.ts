import { isIP } from 'node:net';
import { concatBytes } from '../../firmware/bytes/bytes.ts';
import { parseIpv6 } from '../../firmware/bytes/ipv6-text.ts';
import { internetChecksum } from '../../firmware/hip/checksum.ts';

/** Frames as a stranger makes them, field by field; only as much as the tests send and read. */

export const etherTypes = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
export const protocols = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

export type Ipv4Packet = {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly payload: Uint8Array;
};

export type Datagram = {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
};

function addressOctets(address: string): Uint8Array {
  if (isIP(address) !== 4) throw new RangeError(`${address} is not an IPv4 address`);
  return Uint8Array.from(address.split('.'), Number);
}

const u16 = (value: number) => Uint8Array.of(value >> 8, value & 0xff);

export function ethernet(
  destination: Uint8Array,
  source: Uint8Array,
  type: number,
  payload: Uint8Array,
): Uint8Array {
  return concatBytes(destination, source, u16(type), payload);
}

/** RFC 791, without options and not to be fragmented. */
function ipv4({ source, destination, protocol, payload }: Ipv4Packet): Uint8Array {
  const header = concatBytes(
    Uint8Array.of(0x45, 0),
    u16(20 + payload.length),
    Uint8Array.of(0, 0, 0x40, 0, 64, protocol, 0, 0),
    addressOctets(source),
    addressOctets(destination),
  );
  // The header's checksum has no pseudo-header: nothing but its own words.
  const none = new Uint8Array();
  header.set(u16(internetChecksum(none, none, -header.length, header)), 10);
  return concatBytes(header, payload);
}

/** RFC 768, within IPv4. */
export function udp({ source, destination, sourcePort, destinationPort, payload }: Datagram): Uint8Array {
  const datagram = concatBytes(
    u16(sourcePort),
    u16(destinationPort),
    u16(8 + payload.length),
    u16(0),
    payload,
  );
  const [from, to] = [addressOctets(source), addressOctets(destination)];
  datagram.set(u16(internetChecksum(from, to, protocols.udp, datagram) || 0xffff), 6);
  return ipv4({ source, destination, protocol: protocols.udp, payload: datagram });
}

/** A TCP segment with nothing but SYN (RFC 9293 §3.1), within IPv4. */
export function tcpSyn({
  source,
  destination,
  sourcePort,
  destinationPort,
}: Omit<Datagram, 'payload'>): Uint8Array {
  const segment = concatBytes(
    u16(sourcePort),
    u16(destinationPort),
    Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0),
  );
  const [from, to] = [addressOctets(source), addressOctets(destination)];
  segment.set(u16(internetChecksum(from, to, protocols.tcp, segment)), 16);
  return ipv4({ source, destination, protocol: protocols.tcp, payload: segment });
}

/** RFC 826: asks, or answers, for an IPv4 address. */
export function arp(
  operation: 'request' | 'reply',
  sender: { readonly mac: Uint8Array; readonly address: string },
  target: { readonly mac: Uint8Array; readonly address: string },
): Uint8Array {
  return concatBytes(
    Uint8Array.of(0, 1, 8, 0, 6, 4, 0, operation === 'request' ? 1 : 2),
    sender.mac,
    addressOctets(sender.address),
    target.mac,
    addressOctets(target.address),
  );
}

type Neighbour = { readonly mac: Uint8Array; readonly address: string };

/**
 * A frame that solicits a neighbour, or advertises the sender to one (RFC 4861 §4.3, §4.4), with the sender's link-layer
 * address.
 */
export function neighbourMessage(
  kind: 'solicit' | 'advertise',
  sender: Neighbour,
  receiver: Neighbour,
): Uint8Array {
  const [from, to] = [sender, receiver].map(({ address }) => parseIpv6(address) ?? new Uint8Array(16));
  if (from === undefined || to === undefined) throw new RangeError('an address is missing');
  const message =
    kind === 'solicit'
      ? concatBytes(Uint8Array.of(135, 0, 0, 0, 0, 0, 0, 0), to, Uint8Array.of(1, 1), sender.mac)
      : // Solicited, and to override what is known.
        concatBytes(Uint8Array.of(136, 0, 0, 0, 0x60, 0, 0, 0), from, Uint8Array.of(2, 1), sender.mac);
  message.set(u16(internetChecksum(from, to, protocols.icmpv6, message)), 2);
  // RFC 8200 §3; no neighbour's message has passed a router: hop limit 255.
  const header = concatBytes(
    Uint8Array.of(0x60, 0, 0, 0),
    u16(message.length),
    Uint8Array.of(protocols.icmpv6, 255),
    from,
    to,
  );
  return ethernet(receiver.mac, sender.mac, etherTypes.ipv6, concatBytes(header, message));
}

/** A frame by which a client looks for a DHCP server (RFC 2131 §4.4.1). */
export function dhcpDiscover(mac: Uint8Array): Uint8Array {
  const payload = new Uint8Array(300);
  payload.set([1, 1, 6, 0]);
  payload.set(mac.subarray(2), 4);
  payload.set(mac, 28);
  // RFC 2132 §9.6: the cookie, message type 1, the end.
  payload.set([0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255], 236);
  const datagram = udp({
    ...{ source: '0.0.0.0', sourcePort: 68, destination: '255.255.255.255', destinationPort: 67, payload },
  });
  return ethernet(new Uint8Array(6).fill(0xff), mac, etherTypes.ipv4, datagram);
}

/** What a frame from the network holds. Undefined for what is neither ARP nor IPv4. */
export function readFrame(frame: Uint8Array):
  | {
      readonly type: 'arp';
      readonly operation: number;
      readonly sender: { mac: Uint8Array; address: string };
      readonly target: string;
    }
  | ({ readonly type: 'ipv4' } & Ipv4Packet)
  | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 34) return undefined;
  const type = view.getUint16(12);
  const body = frame.subarray(14);
  const address = (offset: number) => body.subarray(offset, offset + 4).join('.');
  if (type === etherTypes.arp) {
    return {
      ...{ type: 'arp', operation: view.getUint16(20), target: address(24) },
      sender: { mac: body.slice(8, 14), address: address(14) },
    };
  }
  if (type !== etherTypes.ipv4) return undefined;
  const headerLength = ((body[0] ?? 0) & 0xf) * 4;
  return {
    ...{ type: 'ipv4', source: address(12), destination: address(16), protocol: body[9] ?? 0 },
    payload: body.slice(headerLength, view.getUint16(16)),
  };
}
