/** An underlay address as text (canonical IPv4 or IPv6, no zone) and a UDP port. */
export type Locator = { readonly address: string; readonly port: number };

export function formatLocator({ address, port }: Locator): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The text as octets, for hashing: a locator has nothing but ASCII. */
export function locatorOctets(locator: Locator): Uint8Array {
  return Uint8Array.from(formatLocator(locator), (character) => character.charCodeAt(0) & 0x7f);
}
