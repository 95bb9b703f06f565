import { parseAddress } from '../../policy/address-line.ts';

/** A host that the kernel has spoken with on a link, by ARP or neighbour discovery. */
export type Neighbour = { readonly address: string; readonly mac: string; readonly link: string };

/** States in which a neighbour's MAC was not heard from itself (RFC 4861 § 7.3.2), or was put there by hand. */
const notHeard: ReadonlySet<string> = new Set(['FAILED', 'INCOMPLETE', 'NOARP']);

/** Reads `ip -j neigh`; what is not understood is left out. Link-local addresses say nothing of who a device is. */
export function parseNeighbours(text: string): readonly Neighbour[] {
  let listed: unknown;
  try {
    listed = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(listed)) return [];
  return listed.flatMap((entry: unknown) => {
    const { dst, dev, lladdr, state } = (entry ?? {}) as Record<string, unknown>;
    if (typeof dst !== 'string' || typeof dev !== 'string' || typeof lladdr !== 'string') return [];
    if (parseAddress(dst) === undefined || /^fe[89ab]/i.test(dst)) return [];
    if (Array.isArray(state) && state.some((name) => notHeard.has(String(name)))) return [];
    return [{ address: dst, mac: lladdr.toLowerCase(), link: dev }];
  });
}
