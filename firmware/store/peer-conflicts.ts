/** What two peers of one document must not have in common; a path below `overlay.peers`. */
export type PeerConflict = { readonly path: readonly (string | number)[]; readonly problem: string };

type PeerFields = {
  readonly name: string;
  readonly uri: string;
  readonly protectedPrefixes: readonly string[];
};

/** A network as all of its spellings have it: family, first address as a number, and prefix length. */
type Network = { readonly bits: 32 | 128; readonly start: bigint; readonly length: number };

/** ORCHIDv2 (RFC 7343 §6): host identity tags are never behind a peer. */
const hits: Network = { bits: 128, start: 0x2001_0020n << 96n, length: 28 };

/**
 * Peers that stand in each other's way: the same name, the same HIT, or the same network twice. A network within
 * another peer's is none: the nearer route wins. Fields that cannot be read are left to their own checks.
 */
export function peerConflicts(peers: readonly PeerFields[]): readonly PeerConflict[] {
  const owners = new Map<string, string>();
  const conflicts: PeerConflict[] = [];
  const claim = (key: string, owner: string, path: PeerConflict['path'], what: string) => {
    const other = owners.get(key);
    if (other === undefined) owners.set(key, owner);
    else conflicts.push({ path, problem: `${what} stands twice: ${other} has it` });
  };
  for (const [index, { name, uri, protectedPrefixes }] of peers.entries()) {
    const hit = ipv6Number(uri.slice(uri.lastIndexOf('/') + 1));
    claim(`name ${name}`, `peer ${index + 1}`, [index, 'name'], 'the name');
    if (hit !== undefined) claim(`hit ${hit}`, name, [index, 'uri'], 'the HIT');
    const own = new Set<string>();
    for (const [place, prefix] of protectedPrefixes.entries()) {
      const path = [index, 'protectedPrefixes', place];
      const network = parseNetwork(prefix);
      if (network === undefined) continue;
      if (isWithin(network, hits))
        conflicts.push({ path, problem: 'host identity tags (2001:20::/28) cannot be behind a peer' });
      const key = `${network.bits} ${network.start}/${network.length}`;
      // One that a peer names twice does no harm.
      if (!own.has(key)) claim(key, name, path, 'the network');
      own.add(key);
    }
  }
  return conflicts;
}

function isWithin(inner: Network, outer: Network): boolean {
  const shift = BigInt(outer.bits - outer.length);
  return (
    inner.bits === outer.bits && inner.length >= outer.length && inner.start >> shift === outer.start >> shift
  );
}

function parseNetwork(text: string): Network | undefined {
  const [address = '', lengthText = ''] = text.split('/');
  const bits = address.includes(':') ? 128 : 32;
  const number = bits === 128 ? ipv6Number(address) : ipv4Number(address);
  const length = Number(lengthText);
  if (number === undefined || !(length >= 0 && length <= bits)) return undefined;
  const host = BigInt(bits - length);
  return { bits, start: (number >> host) << host, length };
}

function ipv4Number(text: string): bigint | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  return text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

/** The platform's URL parser knows every spelling of an IPv6 address. */
function ipv6Number(text: string): bigint | undefined {
  // Anything else could end the host's part of the URL.
  const url = /^[0-9a-fA-F:.]+$/.test(text) ? URL.parse(`http://[${text}]`) : null;
  if (url === null) return undefined;
  const [front = '', back] = url.hostname.slice(1, -1).split('::');
  const words = (part: string) => part.split(':').filter((word) => word !== '');
  const [head, tail] = [words(front), words(back ?? '')];
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  return [...head, ...zeros, ...tail].reduce((sum, word) => (sum << 16n) | BigInt(`0x${word}`), 0n);
}
