import type { Locator } from '../../firmware/hip/locator.ts';

/** An ESP packet. Who made it is told by its key, whose place in the packet the ICV has on a real wire. */
export type EspPacket = {
  readonly spi: number;
  readonly sequence: number;
  /** The key that it was authenticated with, as hexadecimal text. */
  readonly key: string;
  readonly data: UserData;
};

/** A packet between the hosts behind the gateways, or of the gateways themselves, by HITs. */
export type UserData = { readonly id: number; readonly from: string; readonly to: string };

export type Content =
  | { readonly kind: 'hip'; readonly octets: Uint8Array }
  | { readonly kind: 'esp'; readonly esp: EspPacket };

/** What crosses the underlay. */
export type Datagram = {
  readonly from: Locator;
  readonly to: Locator;
  readonly content: Content;
  /** Who really made it, and where it was sent to before any NAT: what the simulation knows and no gateway does. */
  readonly origin: string;
  readonly sentTo: Locator;
};
