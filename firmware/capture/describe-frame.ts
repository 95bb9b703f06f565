import type { DecodeError } from '../bytes/decode.ts';
import { decode } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';
import { hipProtocol } from '../hip/checksum.ts';
import {
  type ChecksumDescription,
  describeChecksum,
  describeHip,
  type PacketDescription,
} from '../hip/describe.ts';
import { addressText } from '../hip/describe-parameter.ts';
import { hipUdpPort } from '../hip/framing.ts';
import { type IpDatagram, readIpDatagram } from '../hip/ip-datagram.ts';
import type { CapturedFrame } from './capture-item.ts';
import { readLinkLayer } from './link-layer.ts';

const protocols = { udp: 17, esp: 50 } as const;

type Ends = {
  readonly number: number;
  readonly time: string | null;
  readonly framing: 'udp' | 'raw';
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
  /** Octets of the HIP or ESP packet, without UDP and marker. */
  readonly length: number;
};

/** A packet of a capture. Stable: fields may be added. */
export type CapturedPacket =
  | (Ends & { readonly kind: 'hip'; readonly ok: true } & Omit<
        PacketDescription,
        'framing' | 'addresses' | 'length'
      >)
  | (Ends & {
      readonly kind: 'hip';
      readonly ok: false;
      readonly checksum: ChecksumDescription | null;
      readonly error: DecodeError;
    })
  | (Ends & { readonly kind: 'esp'; readonly spi: string; readonly sequence: number })
  | (Ends & { readonly kind: 'keepalive' })
  | (Ends & {
      readonly kind: 'fragment';
      readonly protocol: number;
      readonly fragment: { readonly identification: number; readonly offset: number; readonly more: boolean };
    })
  /** Cut or damaged below HIP. */
  | {
      readonly kind: 'damaged';
      readonly number: number;
      readonly time: string | null;
      readonly ok: false;
      readonly error: DecodeError;
    };

/** A frame's HIP or ESP packet, or null for what is neither. Never throws, whatever the octets are. */
export function describeFrame(
  { number, time, linkType, octets }: CapturedFrame,
  hipPorts: readonly number[] = [hipUdpPort],
): CapturedPacket | null {
  const damaged = (error: DecodeError): CapturedPacket => ({
    ...{ kind: 'damaged', number, time, ok: false },
    error,
  });
  const link = readLinkLayer(linkType, octets);
  if (!link.ok) return damaged(link.error);
  if (link.value === null) return null;
  const ip = readIpDatagram(link.value);
  if (!ip.ok) return damaged(ip.error);
  const { protocol, payload, fragment } = ip.value;
  if (protocol !== hipProtocol && protocol !== protocols.udp && protocol !== protocols.esp) return null;
  const raw: Ends = {
    ...{ number, time, framing: 'raw' },
    ...{ source: addressText(ip.value.source), destination: addressText(ip.value.destination) },
    ...{ sourcePort: null, destinationPort: null, length: payload.length },
  };
  if (fragment !== undefined) return { ...raw, kind: 'fragment', protocol, fragment };
  if (protocol === hipProtocol) return describeHipPayload(raw, payload, ip.value);
  if (protocol === protocols.esp) return describeEsp(raw, payload);
  const udp = readUdp(payload);
  if (!udp.ok) return damaged(udp.error);
  const { sourcePort, destinationPort, data } = udp.value;
  const ends: Ends = { ...raw, framing: 'udp', sourcePort, destinationPort, length: data.length };
  if (isMarkedHip(data)) return describeMarked(ends, data, ip.value);
  if (!hipPorts.includes(sourcePort) && !hipPorts.includes(destinationPort)) return null;
  // RFC 3948 §2.3: one octet of ones keeps a NAT's mapping.
  if (data.length === 1 && data[0] === 0xff) return { ...ends, kind: 'keepalive' };
  const isMarked = data.length >= 4 && data.subarray(0, 4).every((octet) => octet === 0);
  return isMarked ? describeMarked(ends, data, ip.value) : describeEsp(ends, data);
}

function readUdp(payload: Uint8Array) {
  return decode(() => {
    const reader = new Reader(payload, 'UDP');
    const sourcePort = reader.u16('Source Port');
    const destinationPort = reader.u16('Destination Port');
    const length = reader.u16('Length');
    reader.u16('Checksum');
    if (length < 8) reader.fail(`${length} is less than the header`, 'Length', 4);
    return {
      sourcePort,
      destinationPort,
      data: reader.bytes(Math.min(length - 8, reader.remaining), 'Data'),
    };
  });
}

/** Whether a UDP payload between any ports can only be meant as HIP: zero marker, version and a length that fits. */
function isMarkedHip(data: Uint8Array): boolean {
  const version = (data[7] ?? 0) >> 4;
  return (
    data.subarray(0, 4).every((octet) => octet === 0) &&
    (version === 1 || version === 2) &&
    data.length === ((data[5] ?? 0) + 1) * 8 + 4
  );
}

function describeMarked(ends: Ends, data: Uint8Array, addresses: IpDatagram): CapturedPacket {
  return describeHipPayload({ ...ends, length: data.length - 4 }, data.subarray(4), addresses);
}

function describeHipPayload(ends: Ends, octets: Uint8Array, ip: IpDatagram): CapturedPacket {
  const described = describeHip(octets, ends.framing, ip);
  if (!described.ok) {
    const checksum = describeChecksum(octets, ends.framing, ip);
    return { ...ends, kind: 'hip', ok: false, checksum, error: described.error };
  }
  const { framing: _, addresses: __, ...packet } = described.value;
  return { ...ends, kind: 'hip', ok: true, ...packet };
}

function describeEsp(ends: Ends, octets: Uint8Array): CapturedPacket {
  const esp = decode(() => {
    const reader = new Reader(octets, 'ESP');
    return { spi: reader.u32('SPI'), sequence: reader.u32('Sequence Number') };
  });
  if (!esp.ok) return { kind: 'damaged', number: ends.number, time: ends.time, ok: false, error: esp.error };
  const spi = `0x${esp.value.spi.toString(16).padStart(8, '0')}`;
  return { ...ends, kind: 'esp', spi, sequence: esp.value.sequence };
}
