import type { Result } from '../bytes/decode.ts';
import { formatIpv6, parseIpv6 } from '../bytes/ipv6-text.ts';
import { hipUdpPort } from './framing.ts';
import { formatHit, type HostIdentityTag, parseHit } from './host-identity-tag.ts';

/** Where a peer is and who it must be. `host` is a name, an IPv4 or an IPv6 address without brackets. */
export type HipUri = { readonly host: string; readonly port: number; readonly hit: HostIdentityTag };

const form = /^hip:\/\/(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+))(?::(\d{1,5}))?\/([0-9a-fA-F:]+)$/;
const hostLabel = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const longestName = 253;

/** Reads `hip://host[:port]/HIT`; the port is 10500 unless given. The error says what is wrong, for the person who wrote it. */
export function parseHipUri(text: string): Result<HipUri, string> {
  const match = form.exec(text);
  if (match === null) return { ok: false, error: 'must read hip://host:port/HIT' };
  const [, bracketed, name, portText, hitText = ''] = match;
  const host = bracketed === undefined ? hostName(name ?? '') : ipv6Address(bracketed);
  if (host === undefined)
    return { ok: false, error: `${bracketed ?? name} is neither a host name nor an address` };
  const port = portText === undefined ? hipUdpPort : Number(portText);
  if (port < 1 || port > 65_535) return { ok: false, error: `${portText} is not a port` };
  const hit = parseHit(hitText);
  if (hit === undefined)
    return { ok: false, error: `${hitText} is not a HIT: HITs start with 2001:20 to 2001:2f` };
  return { ok: true, value: { host, port, hit } };
}

/** The canonical text: lower-case name, canonical addresses, the port always there. */
export function formatHipUri({ host, port, hit }: HipUri): string {
  return `hip://${host.includes(':') ? `[${host}]` : host}:${port}/${formatHit(hit)}`;
}

function hostName(text: string): string | undefined {
  const labels = text.split('.');
  // All digits can only be meant as an IPv4 address.
  if (labels.every((label) => /^\d+$/.test(label))) {
    const isAddress =
      labels.length === 4 && labels.every((label) => String(Number(label)) === label && Number(label) <= 255);
    return isAddress ? text : undefined;
  }
  return text.length <= longestName && labels.every((label) => hostLabel.test(label))
    ? text.toLowerCase()
    : undefined;
}

function ipv6Address(text: string): string | undefined {
  const octets = parseIpv6(text);
  return octets === undefined ? undefined : formatIpv6(octets);
}
