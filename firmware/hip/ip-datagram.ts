import { decode, type Result } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';

/** What an IPv4 or IPv6 datagram carries behind its header and extension headers. Byte fields are views. */
export type IpDatagram = {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** The number of the protocol of `payload`. */
  readonly protocol: number;
  /** As far as it is in the input: a capture may have cut it. */
  readonly payload: Uint8Array;
  /** Where it is one of several: then the payload is a part of the protocol's. */
  readonly fragment?: {
    readonly identification: number;
    /** In octets. */
    readonly offset: number;
    readonly more: boolean;
  };
};

/** IPv6 extension headers (RFC 8200 §4, RFC 4302). HIP and ESP count as what they carry. */
const extension = { hopByHop: 0, routing: 43, fragment: 44, authentication: 51, destination: 60 } as const;

/** Reads an IPv4 or IPv6 datagram, told apart by the version field. Octets after its end (Ethernet's padding) are left out. */
export function readIpDatagram(input: Uint8Array): Result<IpDatagram> {
  return decode(() => {
    const version = (input[0] ?? 0) >> 4;
    if (version === 4) return readIpv4(new Reader(input, 'IPv4'));
    if (version === 6) return readIpv6(new Reader(input, 'IPv6'));
    return new Reader(input, 'IP').fail(`${version} is neither 4 nor 6`, 'Version');
  });
}

function readIpv4(reader: Reader): IpDatagram {
  const headerLength = (reader.u8('IHL') & 0x0f) * 4;
  if (headerLength < 20) reader.fail(`names ${headerLength} octets, the header has 20`, 'IHL', 0);
  reader.u8('Type of Service');
  const totalLength = reader.u16('Total Length');
  const identification = reader.u16('Identification');
  const flagsAndOffset = reader.u16('Fragment Offset');
  reader.u8('Time to Live');
  const protocol = reader.u8('Protocol');
  reader.u16('Header Checksum');
  const source = reader.bytes(4, 'Source Address');
  const destination = reader.bytes(4, 'Destination Address');
  reader.bytes(headerLength - 20, 'Options');
  // Zero where the network card cuts segments: the capture shows the whole.
  const length = totalLength === 0 ? reader.remaining : totalLength - headerLength;
  if (length < 0) reader.fail(`${totalLength} is less than the header`, 'Total Length', 2);
  const payload = reader.bytes(Math.min(length, reader.remaining), 'Payload');
  const offset = (flagsAndOffset & 0x1fff) * 8;
  const more = (flagsAndOffset & 0x2000) !== 0;
  const whole = { source, destination, protocol, payload };
  return offset === 0 && !more ? whole : { ...whole, fragment: { identification, offset, more } };
}

function readIpv6(reader: Reader): IpDatagram {
  reader.u32('Flow Label');
  const length = reader.u16('Payload Length');
  let protocol = reader.u8('Next Header');
  reader.u8('Hop Limit');
  const source = reader.bytes(16, 'Source Address');
  const destination = reader.bytes(16, 'Destination Address');
  // Zero in a jumbogram and where the network card cuts segments.
  const body = reader.sub(length === 0 ? reader.remaining : Math.min(length, reader.remaining), 'Payload');
  let fragment: IpDatagram['fragment'];
  for (;;) {
    switch (protocol) {
      case extension.hopByHop:
      case extension.routing:
      case extension.destination: {
        protocol = body.u8('Next Header');
        body.bytes(body.u8('Hdr Ext Len') * 8 + 6, 'Options');
        break;
      }
      case extension.authentication: {
        protocol = body.u8('Next Header');
        body.bytes(body.u8('Payload Len') * 4 + 6, 'Authentication Data');
        break;
      }
      case extension.fragment: {
        protocol = body.u8('Next Header');
        body.u8('Reserved');
        const field = body.u16('Fragment Offset');
        const [offset, more] = [field & 0xfff8, (field & 1) !== 0];
        const identification = body.u32('Identification');
        // RFC 6946: an atomic fragment is a whole datagram.
        if (offset !== 0 || more) fragment = { identification, offset, more };
        // What follows in a later fragment is no header.
        if (offset !== 0)
          return { source, destination, protocol, payload: body.rest(), ...(fragment && { fragment }) };
        break;
      }
      default:
        return { source, destination, protocol, payload: body.rest(), ...(fragment && { fragment }) };
    }
  }
}
