import { contains, formatIpv4, netmask, parseIpv4, parseIpv4Prefix } from './ipv4-prefix.ts';
import { limits } from './limits.ts';

export type LeaseRoute = {
  readonly destination: string /** null: on the link itself. */;
  readonly gateway: string | null;
};

/** What a DHCP server gave to one port: one more layer under the desired state. */
export type Lease = {
  /** Address with prefix length. */
  readonly address: string;
  readonly routes: readonly LeaseRoute[];
  readonly dns: readonly string[];
  readonly mtu: number | null;
};

export type LeaseEvent =
  | { readonly event: 'bound'; readonly lease: Lease }
  | { readonly event: 'deconfig' | 'nak' | 'leasefail' };

export type LeaseParse =
  | { readonly ok: true; readonly value: LeaseEvent }
  | { readonly ok: false; readonly reason: string };

/** The lease in force on one port. `fresh`: its client has only just started and has not heard from a server. */
export type LeaseState = { readonly lease: Lease | null; readonly fresh: boolean };

const refuse = (reason: string): LeaseParse => ({ ok: false, reason });

/** A host's own address on a LAN: not 0/8, loopback, multicast or reserved. */
function isHostAddress(value: number): boolean {
  const first = value >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}

function readServers(text: string): string[] {
  const servers = text.split(' ').filter((word) => {
    const value = parseIpv4(word);
    return value !== null && isHostAddress(value);
  });
  return servers.slice(0, limits.leaseServers);
}

/** RFC 3442: pairs of destination and gateway; 0.0.0.0 as the gateway means that the destination is on the link. */
function readClasslessRoutes(text: string): LeaseRoute[] | null {
  const words = text.split(' ').filter((word) => word !== '');
  if (words.length % 2 !== 0 || words.length > 2 * limits.leaseRoutes) return null;
  const routes: LeaseRoute[] = [];
  for (let at = 0; at < words.length; at += 2) {
    const [network = '', digits = ''] = (words[at] ?? '').split('/');
    const [destination, gateway] = [parseIpv4(network), parseIpv4(words[at + 1] ?? '')];
    if (destination === null || gateway === null || !/^([12]?\d|3[0-2])$/.test(digits)) return null;
    if (gateway !== 0 && !isHostAddress(gateway)) return null;
    const masked = (destination & netmask(Number(digits))) >>> 0;
    routes.push({
      destination: Number(digits) === 0 ? 'default' : `${formatIpv4(masked)}/${digits}`,
      gateway: gateway === 0 ? null : formatIpv4(gateway),
    });
  }
  return routes;
}

function readMtu(text: string | undefined): number | null {
  const mtu = /^\d{1,5}$/.test(text ?? '') ? Number(text) : 0;
  return mtu >= limits.smallestMtu && mtu <= limits.largestMtu ? mtu : null;
}

/**
 * Reads what /usr/share/hithe/udhcpc-event wrote: one `key=value` a line, the values as udhcpc gives them. The server
 * on the underlay is not trusted: what does not parse is refused whole, or dropped where the lease is usable without it.
 */
export function parseLease(text: string): LeaseParse {
  if (text.length > limits.leaseText) return refuse('the lease file is too long');
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0 && !fields.has(line.slice(0, equals)))
      fields.set(line.slice(0, equals), line.slice(equals + 1));
  }
  const event = fields.get('event');
  if (event === 'deconfig' || event === 'nak' || event === 'leasefail') return { ok: true, value: { event } };
  if (event !== 'bound' && event !== 'renew') return refuse(`unknown event ${JSON.stringify(event ?? '')}`);

  const address = parseIpv4(fields.get('ip') ?? '');
  if (address === null || !isHostAddress(address)) return refuse('no usable address in the lease');
  const length = fields.get('mask') ?? '';
  if (!/^([1-9]|[12]\d|3[0-2])$/.test(length)) return refuse('no usable netmask in the lease');
  const classless = readClasslessRoutes(fields.get('staticroutes') ?? '');
  if (classless === null) return refuse('the classless routes in the lease cannot be read');
  // RFC 3442: a client that takes the classless routes ignores the router option.
  const [router] = readServers(fields.get('router') ?? '');
  const routes =
    classless.length > 0 || router === undefined ? classless : [{ destination: 'default', gateway: router }];
  return {
    ok: true,
    value: {
      event: 'bound',
      lease: {
        address: `${formatIpv4(address)}/${length}`,
        routes,
        dns: readServers(fields.get('dns') ?? '').slice(0, 3),
        mtu: readMtu(fields.get('mtu')),
      },
    },
  };
}

/**
 * What an event does to the lease in force. A client says `deconfig` when it starts, too: then a lease remembered from
 * before the runtime restarted stays, so that a restart does not take the tunnels down. A server's NAK ends it at once
 * (RFC 2131 § 3.2).
 */
export function nextLease(state: LeaseState, event: LeaseEvent): LeaseState {
  switch (event.event) {
    case 'bound':
      return { lease: event.lease, fresh: false };
    case 'deconfig':
      return state.fresh ? state : { lease: null, fresh: false };
    case 'nak':
    case 'leasefail':
      return { lease: null, fresh: false };
  }
}

/** Whether a gateway can be reached by the address's own network; clouds lease /32 with a gateway outside (GCP). */
export function isOnLink(address: string, gateway: string): boolean {
  const value = parseIpv4(gateway);
  return value !== null && contains(parseIpv4Prefix(address), value);
}
