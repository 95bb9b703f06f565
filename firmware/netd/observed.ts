import { limits } from './limits.ts';

/** Parses what iproute2 prints as JSON. Pure; a text that is not what it should be is a result. */

/** Marks the routes that this room made (rtnetlink's `rtm_protocol`, a number that nobody else uses): only those are its own. */
export const routeProtocol = 72;

/**
 * Input of `ip -j -d -s -batch -`: everything that is compared, with one process. All tables, since only then ip lists
 * both IP versions at once.
 */
export const observationBatch = [
  'address show',
  `route show table all proto ${routeProtocol}`,
  'route show table all proto ra',
  '',
].join('\n');

export type ObservedAddress = {
  readonly family: 4 | 6;
  readonly address: string;
  readonly prefixLength: number;
  readonly scope: string;
  /** Usable as a source: neither tentative, failed, deprecated nor temporary. */
  readonly usable: boolean;
};

export type Counters = {
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly receivedPackets: number;
  readonly sentPackets: number;
};

export type ObservedLink = {
  readonly name: string;
  readonly kind: string | null;
  readonly up: boolean;
  readonly carrier: 'up' | 'down' | 'unknown';
  readonly master: string | null;
  readonly mtu: number;
  readonly mac: string | null;
  readonly addresses: readonly ObservedAddress[];
  readonly counters: Counters;
};

export type ObservedRoute = {
  readonly destination: string;
  readonly gateway: string | null;
  readonly onLink: boolean;
  readonly link: string;
  readonly metric: number;
};

export type Observation = {
  readonly links: readonly ObservedLink[];
  readonly routes: readonly ObservedRoute[];
  /** IPv6 default routes that routers have announced (RFC 4861 § 6.3.4), as the kernel keeps them. */
  readonly announced: readonly ObservedRoute[];
};
export type ObservationParse =
  | { readonly ok: true; readonly value: Observation }
  | { readonly ok: false; readonly reason: string };

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function hasFlag(fields: Fields, flag: string): boolean {
  return Array.isArray(fields['flags']) && fields['flags'].includes(flag);
}

function carrierOf(link: Fields): ObservedLink['carrier'] {
  if (!hasFlag(link, 'UP')) return 'down';
  const state = textOf(link['operstate']);
  // Drivers without a link state (tunnels) report UNKNOWN; LOWER_UP is then all there is to know.
  if (state === 'UNKNOWN') return 'unknown';
  return state === 'UP' ? 'up' : 'down';
}

function readAddress(fields: Fields): ObservedAddress[] {
  const [family, address] = [fields['family'], textOf(fields['local'])];
  if ((family !== 'inet' && family !== 'inet6') || address === null) return [];
  const unusable = ['tentative', 'dadfailed', 'deprecated', 'temporary'].some(
    (flag) => fields[flag] === true,
  );
  return [
    {
      family: family === 'inet' ? 4 : 6,
      address,
      prefixLength: numberOf(fields['prefixlen']),
      scope: textOf(fields['scope']) ?? '',
      usable: !unusable,
    },
  ];
}

function readLink(link: Fields): ObservedLink[] {
  const name = textOf(link['ifname']);
  if (name === null) return [];
  const [received, sent] = ['rx', 'tx'].map((side) => fieldsOf(fieldsOf(link['stats64'])[side]));
  return [
    {
      name,
      kind: textOf(fieldsOf(link['linkinfo'])['info_kind']),
      up: hasFlag(link, 'UP'),
      carrier: carrierOf(link),
      master: textOf(link['master']),
      mtu: numberOf(link['mtu']),
      mac: link['link_type'] === 'ether' ? textOf(link['address']) : null,
      addresses: listOf(link['addr_info']).flatMap(readAddress),
      counters: {
        receivedBytes: numberOf(received?.['bytes']),
        sentBytes: numberOf(sent?.['bytes']),
        receivedPackets: numberOf(received?.['packets']),
        sentPackets: numberOf(sent?.['packets']),
      },
    },
  ];
}

function readRoute(route: Fields): ObservedRoute[] {
  const [destination, link] = [textOf(route['dst']), textOf(route['dev'])];
  // Other tables are others' business.
  const isMain = (textOf(route['table']) ?? 'main') === 'main';
  if (destination === null || link === null || !isMain) return [];
  return [
    {
      // iproute2 leaves /32 away.
      destination: destination === 'default' || destination.includes('/') ? destination : `${destination}/32`,
      gateway: textOf(route['gateway']),
      onLink: hasFlag(route, 'onlink'),
      link,
      metric: numberOf(route['metric']),
    },
  ];
}

/** Reads the output of `ip -j -d -s -batch -` for `observationBatch`: one JSON array a line. */
export function parseObservation(text: string): ObservationParse {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const arrays: unknown[] = [];
  for (const line of lines) {
    try {
      arrays.push(JSON.parse(line));
    } catch (cause) {
      return { ok: false, reason: `ip printed what is not JSON: ${String(cause)}` };
    }
  }
  const [links, routes, announced] = arrays;
  if (!Array.isArray(links) || !Array.isArray(routes) || !Array.isArray(announced)) {
    return { ok: false, reason: `ip printed ${arrays.length} lists, not links and two kinds of routes` };
  }
  const defaults = listOf(announced)
    .flatMap(readRoute)
    .filter(({ destination, gateway }) => destination === 'default' && gateway !== null);
  return {
    ok: true,
    value: {
      links: listOf(links).flatMap(readLink),
      routes: listOf(routes).flatMap(readRoute),
      announced: defaults.slice(0, limits.announcedRoutes),
    },
  };
}
