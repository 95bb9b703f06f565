import { type FlowFilter, readWantedEnd } from '../flows/flow-filter.ts';
import { type FlowEnd, type FlowRecord, flowDirections, flowReasons } from '../flows/flow-record.ts';
import { formatAddress, parseAddress } from '../policy/address-line.ts';

/** A record with its number: later ones have higher numbers, and none is given twice. */
export type StoredFlow = FlowRecord & { readonly id: number };

/** Codes in the table are places in these lists, which only ever grow at their ends. */
const verdicts = ['allow', 'deny'] as const;

/** A row of `flow` but for its id; names are those of {@link flowColumns}. */
export type FlowRow = {
  readonly start: number;
  readonly end: number | null;
  readonly source: number;
  readonly destination: number;
  readonly protocol: string;
  readonly port: number;
  readonly direction: number;
  readonly verdict: number;
  readonly reason: number;
  readonly rule: string | null;
  readonly staged: string | null;
  readonly stagedVerdict: number | null;
  readonly sentPackets: number;
  readonly sentBytes: number;
  readonly receivedPackets: number;
  readonly receivedBytes: number;
};

/** A row of `endpoint` but for its id. */
export type EndpointRow = {
  readonly place: Uint8Array;
  readonly gateway: string | null;
  /** JSON arrays. */
  readonly devices: string;
  readonly labels: string;
  readonly platform: string | null;
  readonly attestation: string | null;
};

/** A flow with its ends as `selectFlows` reads them. */
export type JoinedRow = FlowRow & { readonly id: number } & {
  readonly [column in keyof EndpointRow as `from_${column}`]: EndpointRow[column];
} & { readonly [column in keyof EndpointRow as `to_${column}`]: EndpointRow[column] };

export const flowColumns = [
  ...(['start', 'end', 'source', 'destination', 'protocol', 'port', 'direction', 'verdict'] as const),
  ...(['reason', 'rule', 'staged', 'stagedVerdict'] as const),
  ...(['sentPackets', 'sentBytes', 'receivedPackets', 'receivedBytes'] as const),
] satisfies readonly (keyof FlowRow)[];

export const endpointColumns = [
  ...(['place', 'gateway', 'devices', 'labels', 'platform', 'attestation'] as const),
] satisfies readonly (keyof EndpointRow)[];

/** All columns of flows with their ends; a WHERE clause follows. */
export const selectFlows = `SELECT flow.id, ${flowColumns.map((name) => `flow."${name}"`).join(', ')},
  ${(['from', 'to'] as const)
    .flatMap((end) => endpointColumns.map((name) => `"${end}"."${name}" AS "${end}_${name}"`))
    .join(', ')}
  FROM flow JOIN endpoint AS "from" ON "from".id = flow.source JOIN endpoint AS "to" ON "to".id = flow.destination`;

/** The values of a row of `flow` in the order of {@link flowColumns}: bound by their places they are in a quarter faster. */
export function flowValues(
  { start, end, protocol, port, direction, verdict, reason, rule, staged, sent, received }: FlowRecord,
  ends: { readonly source: number; readonly destination: number },
): FlowRow[keyof FlowRow][] {
  return [
    start,
    end,
    ends.source,
    ends.destination,
    protocol,
    port,
    flowDirections.indexOf(direction),
    verdicts.indexOf(verdict),
    flowReasons.indexOf(reason),
    rule,
    staged === null ? null : staged.rule,
    staged === null ? null : verdicts.indexOf(staged.verdict),
    sent.packets,
    sent.bytes,
    received.packets,
    received.bytes,
  ];
}

export function endpointRow({ address, devices, gateway, labels, ...facts }: FlowEnd): EndpointRow {
  return {
    place: placeOctets(parseAddress(address) ?? 0n),
    gateway,
    devices: JSON.stringify(devices),
    labels: JSON.stringify(labels),
    platform: facts.platform ?? null,
    attestation: facts.attestation ?? null,
  };
}

export function storedFlow(row: JoinedRow): StoredFlow {
  const { id, start, end, protocol, port, rule, staged } = row;
  return {
    ...{ id, start, end, protocol, port, rule },
    from: endOf(
      ...([row.from_place, row.from_gateway, row.from_devices, row.from_labels, row.from_platform] as const),
      row.from_attestation,
    ),
    to: endOf(
      ...([row.to_place, row.to_gateway, row.to_devices, row.to_labels, row.to_platform] as const),
      row.to_attestation,
    ),
    direction: flowDirections[row.direction] ?? 'local',
    verdict: verdicts[row.verdict] ?? 'deny',
    reason: flowReasons[row.reason] ?? 'default',
    staged: staged === null ? null : { rule: staged, verdict: verdicts[row.stagedVerdict ?? 0] ?? 'deny' },
    sent: { packets: row.sentPackets, bytes: row.sentBytes },
    received: { packets: row.receivedPackets, bytes: row.receivedBytes },
  };
}

function endOf(
  place: Uint8Array,
  gateway: string | null,
  devices: string,
  labels: string,
  platform: string | null,
  attestation: string | null,
): FlowEnd {
  return {
    address: formatAddress(place.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n)),
    devices: JSON.parse(devices) as string[],
    gateway,
    labels: JSON.parse(labels) as string[],
    ...(platform === null ? {} : { platform }),
    ...(attestation === null ? {} : { attestation: attestation as NonNullable<FlowEnd['attestation']> }),
  };
}

/** A place on the address line in 17 octets: SQLite compares them as it compares numbers. */
function placeOctets(place: bigint): Uint8Array {
  return Uint8Array.from({ length: 17 }, (_, index) => Number((place >> BigInt(128 - 8 * index)) & 0xffn));
}

export type Condition = { readonly sql: string; readonly values: readonly (string | number | Uint8Array)[] };

/**
 * What of a filter SQLite looks for. It may find more than is wanted (a name that reads like the border of two), so
 * `matchesFlow` has the last word.
 */
export function conditionOf(filter: FlowFilter): Condition {
  const parts: Condition[] = [];
  const add = (sql: string, ...values: Condition['values']) => parts.push({ sql, values });
  const either = (wanted: (end: 'from' | 'to') => Condition) => {
    const [from, to] = [wanted('from'), wanted('to')];
    add(`(${from.sql} OR ${to.sql})`, ...from.values, ...to.values);
  };
  const { since, until, from, to, address, device, gateway, label } = filter;
  if (since !== undefined) add('(flow."end" IS NULL OR flow."end" >= ?)', since);
  if (until !== undefined) add('flow.start <= ?', until);
  if (filter.protocol !== undefined) add('flow.protocol = ?', filter.protocol);
  if (filter.port !== undefined) add('flow.port = ?', filter.port);
  if (filter.direction !== undefined) add('flow.direction = ?', flowDirections.indexOf(filter.direction));
  if (filter.verdict !== undefined) add('flow.verdict = ?', verdicts.indexOf(filter.verdict));
  if (filter.reason !== undefined) add('flow.reason = ?', flowReasons.indexOf(filter.reason));
  if (filter.rule !== undefined) add('(flow.rule = ? OR flow.staged = ?)', filter.rule, filter.rule);
  if (gateway !== undefined) either((end) => ({ sql: `"${end}".gateway = ?`, values: [gateway] }));
  if (device !== undefined) either((end) => named(end, 'devices', device));
  if (label !== undefined) either((end) => named(end, 'labels', label));
  if (from !== undefined) parts.push(endCondition('from', from));
  if (to !== undefined) parts.push(endCondition('to', to));
  if (address !== undefined) either((end) => endCondition(end, address));
  return {
    sql: parts.map(({ sql }) => ` AND ${sql}`).join(''),
    values: parts.flatMap(({ values }) => values),
  };
}

function endCondition(end: 'from' | 'to', text: string): Condition {
  const wanted = readWantedEnd(text);
  if (wanted.kind === 'addresses') {
    const { from, to } = wanted.range;
    return { sql: `"${end}".place BETWEEN ? AND ?`, values: [placeOctets(from), placeOctets(to)] };
  }
  const device = named(end, 'devices', wanted.name);
  return { sql: `("${end}".gateway = ? OR ${device.sql})`, values: [wanted.name, ...device.values] };
}

function named(end: 'from' | 'to', column: 'devices' | 'labels', name: string): Condition {
  return { sql: `instr("${end}".${column}, ?) > 0`, values: [JSON.stringify(name)] };
}
