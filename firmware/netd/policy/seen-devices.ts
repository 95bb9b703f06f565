import { limits } from '../limits.ts';
import type { DhcpClient } from './dhcp-clients.ts';
import type { Neighbour } from './neighbours.ts';

/** A host by its MAC. Times in milliseconds since 1970; null where the clock had not been set then. */
export type SeenDevice = {
  readonly mac: string;
  /** The last one seen first. */
  readonly addresses: readonly string[];
  /** As it called itself when it asked for an address, or else in multicast DNS. */
  readonly hostName: string | null;
  readonly link: string;
  readonly firstSeen: number | null;
  readonly lastSeen: number | null;
};

export type SeenDevices = ReadonlyMap<string, SeenDevice>;

/** 2025: a clock that is before this has not been set. */
const clockIsSet = 1_735_689_600_000;

/** How hosts call themselves: to the DHCP server, and by address in multicast DNS. */
type HostNames = {
  readonly clients: readonly DhcpClient[];
  readonly names?: ReadonlyMap<string, string>;
};

/** Adds what was heard now. Of more hosts than are remembered those go that were not heard of for longest. */
export function noteSeen(
  before: SeenDevices,
  neighbours: readonly Neighbour[],
  { clients, names = new Map() }: HostNames,
  now: number,
): SeenDevices {
  const time = now < clockIsSet ? null : now;
  const told = new Map(clients.map(({ mac, name }) => [mac, name]));
  const seen = new Map(before);
  for (const { mac, address, link } of neighbours) {
    const known = seen.get(mac);
    const addresses = [address, ...(known?.addresses ?? []).filter((other) => other !== address)];
    // In the order in which they were heard last, which is the order in which they are forgotten.
    seen.delete(mac);
    seen.set(mac, {
      ...{ mac, link, addresses: addresses.slice(0, limits.seenAddresses) },
      hostName: told.get(mac) ?? names.get(address) ?? known?.hostName ?? null,
      firstSeen: known?.firstSeen ?? time,
      lastSeen: time ?? known?.lastSeen ?? null,
    });
  }
  const tooMany = Math.max(0, seen.size - limits.seenDevices);
  return new Map([...seen].slice(tooMany));
}

export function formatSeen(seen: SeenDevices): string {
  return `${JSON.stringify([...seen.values()])}\n`;
}

/** What the file says; entries that are not understood are left out, and a file that is not is empty. */
export function parseSeen(text: string | null): SeenDevices {
  let listed: unknown;
  try {
    listed = JSON.parse(text ?? '');
  } catch {
    return new Map();
  }
  if (!Array.isArray(listed)) return new Map();
  const isTime = (value: unknown) => value === null || typeof value === 'number';
  const entries = listed.filter((entry: unknown): entry is SeenDevice => {
    const { mac, addresses, hostName, link, firstSeen, lastSeen } = (entry ?? {}) as Record<string, unknown>;
    return (
      [mac, link].every((value) => typeof value === 'string') &&
      (hostName === null || typeof hostName === 'string') &&
      Array.isArray(addresses) &&
      addresses.every((address) => typeof address === 'string') &&
      isTime(firstSeen) &&
      isTime(lastSeen)
    );
  });
  return new Map(entries.slice(-limits.seenDevices).map((entry) => [entry.mac, entry]));
}
