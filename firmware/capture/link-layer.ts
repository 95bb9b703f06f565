import { decode, type Result } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';
import { limits } from './limits.ts';

/** Link-layer header types (https://www.tcpdump.org/linktypes.html). */
const linkTypes = {
  null: 0,
  ethernet: 1,
  /** DLT_RAW as some systems number it. */
  rawOfSome: 12,
  rawOfOthers: 14,
  raw: 101,
  loop: 108,
  linuxCooked: 113,
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276,
} as const;

export const ethernetLinkType = linkTypes.ethernet;
/** IP alone, without a header before it. */
export const rawLinkType = linkTypes.raw;

const etherTypes = { ipv4: 0x0800, ipv6: 0x86dd } as const;
/** 802.1Q, 802.1ad and the older double tag. */
const vlanTypes: readonly number[] = [0x8100, 0x88a8, 0x9100];

/** The IP datagram of a captured frame, or null where it carries something else. */
export function readLinkLayer(linkType: number, octets: Uint8Array): Result<Uint8Array | null> {
  return decode(() => {
    switch (linkType) {
      case linkTypes.raw:
      case linkTypes.rawOfSome:
      case linkTypes.rawOfOthers:
      case linkTypes.ipv4:
      case linkTypes.ipv6:
        return octets;
      case linkTypes.null:
      case linkTypes.loop: {
        // The address family in the capturing machine's order says only IPv4 or IPv6, as the datagram itself does.
        const reader = new Reader(octets, 'loopback');
        reader.u32('Family');
        return reader.rest();
      }
      case linkTypes.ethernet: {
        const reader = new Reader(octets, 'Ethernet');
        reader.bytes(12, 'Addresses');
        return afterEtherType(reader, reader.u16('EtherType'));
      }
      case linkTypes.linuxCooked: {
        const reader = new Reader(octets, 'Linux cooked');
        reader.bytes(14, 'Address');
        return afterEtherType(reader, reader.u16('Protocol'));
      }
      case linkTypes.linuxCooked2: {
        const reader = new Reader(octets, 'Linux cooked v2');
        const protocol = reader.u16('Protocol');
        reader.bytes(18, 'Address');
        return afterEtherType(reader, protocol);
      }
      default:
        return new Reader(octets, 'frame').fail(`link type ${linkType} is not known`);
    }
  });
}

function afterEtherType(reader: Reader, first: number): Uint8Array | null {
  let etherType = first;
  for (let tags = 0; vlanTypes.includes(etherType); tags++) {
    if (tags === limits.vlanTags) reader.fail(`more than ${limits.vlanTags}, one within the other`, 'VLAN');
    reader.u16('VLAN');
    etherType = reader.u16('EtherType');
  }
  return etherType === etherTypes.ipv4 || etherType === etherTypes.ipv6 ? reader.rest() : null;
}
