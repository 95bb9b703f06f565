/** A host that the gateway's DHCP server gave an address, and the name that it gave itself. */
export type DhcpClient = { readonly mac: string; readonly address: string; readonly name: string | null };

/** dnsmasq writes `*` where a host said none. */
const hostName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/**
 * Reads dnsmasq's file of leases, a line each: when it ends, MAC, IPv4 address, name, client identifier. Other lines, of
 * IPv6 and of links without MACs, are left out.
 */
export function parseDhcpClients(text: string): readonly DhcpClient[] {
  return text.split('\n').flatMap((line) => {
    const [, mac = '', address = '', name = ''] = line.split(' ');
    if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac) || !/^\d{1,3}(\.\d{1,3}){3}$/.test(address)) return [];
    return [{ mac: mac.toLowerCase(), address, name: hostName.test(name) ? name : null }];
  });
}
