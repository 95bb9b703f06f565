/** What a browser sends as host of a URL: a name or an address, and perhaps a port (RFC 9110 § 7.2). */
const hostSyntax = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9]([a-z0-9.-]{0,252}))(:\d{1,5})?$/;
const ipv4Syntax = /^\d{1,3}(\.\d{1,3}){3}$/;

/**
 * Whether a request's Host header is one that this box answers to. DNS rebinding makes a visitor's browser talk to the
 * box under a name of an attacker's; the box's own names and plain addresses cannot be given to it from outside. Every
 * address is let through, not just the box's own: behind a cloud's address translation or a forwarded port a box does
 * not know the one it is called by.
 */
export function isAllowedHost(header: string | undefined, hostname: string): boolean {
  const match = hostSyntax.exec((header ?? '').toLowerCase());
  const host = match?.[1]?.replace(/\.$/, '');
  if (host === undefined) return false;
  if (host.startsWith('[') || ipv4Syntax.test(host)) return true;
  const own = hostname.toLowerCase();
  if (host === own || host === 'localhost') return true;
  // Of two boxes on a network one is `hithe-2.local`; nobody gets such a name anywhere else (RFC 6762 § 3).
  const [, name = ''] = /^(.+?)(?:-\d{1,2})?\.local$/.exec(host) ?? [];
  return host === `${own}.local` || name === own || name === 'hithe';
}
