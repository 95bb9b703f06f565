import type { DesiredLink, DesiredNetwork, DesiredRoute } from './desired.ts';
import type { Observation, ObservedLink, ObservedRoute } from './observed.ts';

/** What the kernel has: iproute2's view, and the files of /proc/sys and /sys that the desired state names. */
export type ObservedNetwork = Observation & {
  /** By path; null where the file does not exist. */
  readonly kernelValues: ReadonlyMap<string, string | null>;
  /** Receive queues' steering files by link, with what they hold. */
  readonly queues: ReadonlyMap<string, ReadonlyMap<string, string | null>>;
};

export type LinkOperation =
  | { readonly do: 'create-bridge'; readonly link: string; readonly mac: string | null }
  | { readonly do: 'create-vlan'; readonly link: string; readonly parent: string; readonly id: number }
  | { readonly do: 'delete-link'; readonly link: string; readonly kind: 'bridge' | 'vlan' }
  | {
      readonly do: 'set-master';
      readonly link: string;
      readonly from: string | null;
      readonly to: string | null;
    }
  | { readonly do: 'set-mtu'; readonly link: string; readonly from: number; readonly to: number }
  | { readonly do: 'set-up'; readonly link: string; readonly up: boolean }
  | { readonly do: 'add-address' | 'delete-address'; readonly link: string; readonly address: string }
  | { readonly do: 'replace-route' | 'delete-route'; readonly route: DesiredRoute };

export type KernelWrite = { readonly path: string; readonly from: string | null; readonly to: string };

/** In this order: values that must hold before a link comes up, one batch for ip, values of links that it made. */
export type Plan = {
  readonly before: readonly KernelWrite[];
  readonly batch: readonly LinkOperation[];
  readonly after: readonly KernelWrite[];
};

export function isEmptyPlan(plan: Plan): boolean {
  return plan.before.length + plan.batch.length + plan.after.length === 0;
}

/** Masks are printed in groups of 32 bits with leading zeros; everything else is compared as text. */
function sameValue(path: string, observed: string, desired: string): boolean {
  if (!path.endsWith('/rps_cpus')) return observed === desired;
  const digits = observed.replaceAll(',', '');
  return /^[0-9a-f]+$/.test(digits) && BigInt(`0x${digits}`) === BigInt(`0x${desired}`);
}

/** Written over whatever was there, or skipped where the kernel has no such file (IPv6 switched off, say). */
function planKernelValues(
  desired: DesiredNetwork,
  observed: ObservedNetwork,
): Pick<Plan, 'before' | 'after'> {
  const existing = new Set(observed.links.map(({ name }) => name));
  const before: KernelWrite[] = [];
  const after: KernelWrite[] = [];
  for (const { path, value, link } of desired.kernelValues) {
    const current = observed.kernelValues.get(path) ?? null;
    if (link !== null && !existing.has(link)) after.push({ path, from: null, to: value });
    else if (current !== null && !sameValue(path, current, value))
      before.push({ path, from: current, to: value });
  }
  for (const [link, mask] of desired.steering) {
    for (const [path, current] of observed.queues.get(link) ?? []) {
      if (current !== null && !sameValue(path, current, mask)) before.push({ path, from: current, to: mask });
    }
  }
  return { before, after };
}

/** Addresses that are ours to give and take. */
function ownAddresses(link: ObservedLink | undefined, ipv6: DesiredLink['ipv6']): string[] {
  const addresses = (link?.addresses ?? []).filter(
    ({ family, scope, prefixLength }) =>
      family === 4 ||
      ipv6 === 'none' ||
      // What the kernel makes has a prefix of 64 bits.
      (scope === 'global' && (ipv6 === 'listed' || prefixLength === 128)),
  );
  return addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
}

/** The steps for one link, in the phases that the whole batch is ordered by. */
type Phases = {
  readonly remove: LinkOperation[];
  readonly shape: LinkOperation[];
  readonly address: LinkOperation[];
};

function planLink(desired: DesiredLink, observed: ObservedLink | undefined, phases: Phases): void {
  const { name: link } = desired;
  if (observed === undefined && desired.kind === 'port') return; // Gone since it was listed; its event brings us back.
  const current = ownAddresses(observed, desired.ipv6);
  for (const address of current) {
    if (!desired.addresses.includes(address)) phases.remove.push({ do: 'delete-address', link, address });
  }
  if (observed === undefined && desired.tagged !== null)
    phases.shape.push({ do: 'create-vlan', link, ...desired.tagged });
  else if (observed === undefined) phases.shape.push({ do: 'create-bridge', link, mac: desired.mac });
  const master = observed?.master ?? null;
  if (master !== desired.master)
    phases.shape.push({ do: 'set-master', link, from: master, to: desired.master });
  if (observed !== undefined && desired.mtu !== null && observed.mtu !== desired.mtu) {
    phases.shape.push({ do: 'set-mtu', link, from: observed.mtu, to: desired.mtu });
  }
  if ((observed?.up ?? false) !== desired.up) phases.shape.push({ do: 'set-up', link, up: desired.up });
  for (const address of desired.addresses) {
    if (!current.includes(address)) phases.address.push({ do: 'add-address', link, address });
  }
}

function sameRoute(a: DesiredRoute, b: ObservedRoute): boolean {
  return (
    a.destination === b.destination &&
    a.gateway === b.gateway &&
    a.onLink === b.onLink &&
    a.link === b.link &&
    a.metric === b.metric
  );
}

/**
 * The steps from what is to what should be. Minimal: what is right already is not touched, so that no port bounces.
 * Owned, and so removed when not desired: the box's ports, bridges named br-…, VLANs, their addresses, and routes of our
 * own protocol number. Everything else (loopback, the overlay, addresses that the kernel makes itself) is left alone.
 */
export function planNetwork(desired: DesiredNetwork, observed: ObservedNetwork): Plan {
  const links = new Map(observed.links.map((link) => [link.name, link]));
  const phases: Phases = { remove: [], shape: [], address: [] };

  for (const link of desired.links) planLink(link, links.get(link.name), phases);
  const wanted = new Set(desired.links.map(({ name }) => name));
  for (const { name, kind } of observed.links) {
    const ours = kind === 'bridge' ? name.startsWith('br-') : kind === 'vlan';
    if (ours && !wanted.has(name) && (kind === 'bridge' || kind === 'vlan'))
      phases.remove.push({ do: 'delete-link', link: name, kind });
  }
  const routes = planRoutes(desired, observed, phases);
  return {
    ...planKernelValues(desired, observed),
    batch: [...routes.first, ...phases.remove, ...phases.shape, ...phases.address, ...routes.last],
  };
}

/**
 * The steps for routes. On links that stay as they are, a route is there before the one goes whose place it takes, so that
 * no packet finds none. On the others the kernel drops routes by itself, and what it drops cannot be deleted any more: so
 * they are deleted before all else, and those that stay are made again.
 */
function planRoutes(
  desired: DesiredNetwork,
  { links, routes: observed }: ObservedNetwork,
  { remove, shape }: Phases,
): { readonly first: readonly LinkOperation[]; readonly last: readonly LinkOperation[] } {
  const changed = new Set(
    [...remove, ...shape].flatMap((step) => ('link' in step && step.do !== 'set-mtu' ? [step.link] : [])),
  );
  const made = desired.links.filter(({ kind }) => kind !== 'port');
  const present = new Set([...links, ...made].map(({ name }) => name));
  const added = desired.routes.filter(
    (route) =>
      present.has(route.link) &&
      (changed.has(route.link) || !observed.some((existing) => sameRoute(route, existing))),
  );
  const surplus = observed.filter((route) => !desired.routes.some((wanted) => sameRoute(wanted, route)));
  // One takes another's place that has its destination and metric.
  const replaced = added.flatMap((route) => surplus.find((old) => isReplaced(old, route)) ?? []);
  const deletion = (route: ObservedRoute): LinkOperation => ({ do: 'delete-route', route });
  const stays = ({ link }: ObservedRoute) => !changed.has(link);
  return {
    first: surplus.filter((route) => !stays(route)).map(deletion),
    last: [
      ...added.map((route): LinkOperation => ({ do: 'replace-route', route })),
      ...surplus.filter((route) => stays(route) && !replaced.includes(route)).map(deletion),
    ],
  };
}

function isReplaced(old: ObservedRoute, route: DesiredRoute): boolean {
  return old.destination === route.destination && old.metric === route.metric;
}
