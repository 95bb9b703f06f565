import { limits } from './limits.ts';

/** What the page needs to know of an interface; the status's interfaces have it. */
export interface PageInterface {
  readonly role: 'underlay' | 'lan' | 'management' | 'overlay' | 'unused';
  readonly kernelName: string;
  /** With or without prefix length. */
  readonly addresses: readonly string[];
}

/**
 * The addresses where the page is served: those of the LAN and the management side. A box that has neither, with its one
 * port as underlay, serves the page there until it is claimed, since nobody could set it up otherwise.
 */
export function pageAddresses(interfaces: readonly PageInterface[], claimed: boolean): string[] {
  const inner = interfaces.filter(({ role }) => role === 'lan' || role === 'management');
  const serving = inner.length > 0 || claimed ? inner : interfaces.filter(({ role }) => role === 'underlay');
  const addresses = serving.flatMap((from) =>
    from.addresses.map((address) => bare(address, from.kernelName)),
  );
  return [...new Set(addresses)].slice(0, limits.addresses);
}

/** Without the prefix length; link-local addresses mean something on their own interface alone (RFC 4007 § 11). */
function bare(address: string, kernelName: string): string {
  const [host = ''] = address.split('/');
  return /^fe[89ab][0-9a-f]:/i.test(host) && !host.includes('%') ? `${host}%${kernelName}` : host;
}
