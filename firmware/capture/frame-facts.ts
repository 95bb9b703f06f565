import { decode } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';
import { readIpDatagram } from '../hip/ip-datagram.ts';
import { placeOf } from '../policy/address-line.ts';
import { ethernetLinkType, readLinkLayer } from './link-layer.ts';

/** What a filter may ask of a frame. Null where it has none, or was cut before it. */
export type FrameFacts = {
  /** Of Ethernet: `00:11:22:33:44:55`. */
  readonly macs: { readonly source: string; readonly destination: string } | null;
  readonly isArp: boolean;
  readonly ip: {
    readonly version: 4 | 6;
    /** Places on the line of addresses. */
    readonly source: bigint;
    readonly destination: bigint;
    readonly protocol: number;
    /** Of TCP and UDP, and not of a fragment that begins later. */
    readonly ports: { readonly source: number; readonly destination: number } | null;
  } | null;
};

const arpType = 0x0806;
const withPorts: readonly number[] = [6, 17];

/** Never throws, whatever the octets are. */
export function readFrameFacts(linkType: number, octets: Uint8Array): FrameFacts {
  const isEthernet = linkType === ethernetLinkType && octets.length >= 14;
  const macs = isEthernet
    ? { source: formatMac(octets.subarray(6, 12)), destination: formatMac(octets.subarray(0, 6)) }
    : null;
  const isArp = isEthernet && (((octets[12] ?? 0) << 8) | (octets[13] ?? 0)) === arpType;
  const link = readLinkLayer(linkType, octets);
  const datagram = link.ok && link.value !== null ? readIpDatagram(link.value) : null;
  if (datagram === null || !datagram.ok) return { macs, isArp, ip: null };
  const { source, destination, protocol, payload, fragment } = datagram.value;
  const ports = withPorts.includes(protocol) && (fragment?.offset ?? 0) === 0 ? readPorts(payload) : null;
  return {
    ...{ macs, isArp },
    ip: {
      version: source.length === 4 ? 4 : 6,
      ...{ source: placeOf(source), destination: placeOf(destination), protocol, ports },
    },
  };
}

function readPorts(payload: Uint8Array): { source: number; destination: number } | null {
  const ports = decode(() => {
    const reader = new Reader(payload, 'Ports');
    return { source: reader.u16('Source Port'), destination: reader.u16('Destination Port') };
  });
  return ports.ok ? ports.value : null;
}

function formatMac(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join(':');
}
