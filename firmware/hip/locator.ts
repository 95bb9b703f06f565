/**
 * An underlay address as text (canonical IPv4 or IPv6, no zone) and a UDP port, or null for HIP and ESP straight over IP
 * (protocols 139 and 50).
 */
export type Locator = { readonly address: string; readonly port: number | null };

/** The address alone where there is no port. */
export function formatLocator({ address, port }: Locator): string {
  if (port === null) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The text as octets, for hashing: a locator has nothing but ASCII. */
export function locatorOctets(locator: Locator): Uint8Array {
  const text = formatLocator(locator);
  const octets = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) octets[index] = text.charCodeAt(index) & 0x7f;
  return octets;
}

export function sameLocator(left: Locator, right: Locator): boolean {
  return left.address === right.address && left.port === right.port;
}
