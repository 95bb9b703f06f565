import { concatBytes } from '../bytes/bytes.ts';
import { hipProtocol, internetChecksum } from './checksum.ts';
import { header } from './packet.ts';

/** The UDP port of HIP and ESP (RFC 9028 §5.1). */
export const hipUdpPort = 10500;

const markerLength = 4;

/** Puts 32 zero bits, which no ESP packet starts with, before a packet whose checksum is zero (RFC 9028 §5.1). */
export function frameUdp(packet: Uint8Array): Uint8Array {
  return concatBytes(new Uint8Array(markerLength), packet);
}

/** The HIP packet of a UDP payload, or undefined for ESP, keepalives and what is too short. Its checksum must be zero (RFC 9028 §5.1). */
export function unframeUdp(payload: Uint8Array): Uint8Array | undefined {
  if (payload.length < markerLength + header.length) return undefined;
  for (let index = 0; index < markerLength; index++) if (payload[index] !== 0) return undefined;
  const packet = payload.subarray(markerLength);
  return checksumOf(packet) === 0 ? packet : undefined;
}

/** A copy with the checksum that protocol 139 needs between two addresses of 4 or 16 octets (RFC 7401 §5.1.1). */
export function frameRaw(packet: Uint8Array, source: Uint8Array, destination: Uint8Array): Uint8Array {
  const framed = packet.slice();
  const view = new DataView(framed.buffer);
  view.setUint16(header.checksum, 0);
  view.setUint16(header.checksum, internetChecksum(source, destination, hipProtocol, framed));
  return framed;
}

/** Whether a packet of protocol 139 came as it was sent. */
export function rawChecksumIsGood(packet: Uint8Array, source: Uint8Array, destination: Uint8Array): boolean {
  return internetChecksum(source, destination, hipProtocol, packet) === 0;
}

function checksumOf(packet: Uint8Array): number {
  return ((packet[header.checksum] ?? 0) << 8) | (packet[header.checksum + 1] ?? 0);
}
