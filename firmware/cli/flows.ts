import { localSocketPath } from '../system/local-api.ts';
import type { Flow, FlowsPage, FlowsStatus, NewFlows } from '../webui/api/flows-route.ts';
import { limits } from '../webui/limits.ts';
import { readArguments, readNumber, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { readMoment } from './moment.ts';
import { complain, print, printJson } from './output.ts';
import { formatTable } from './table.ts';

export const flowsHelp = `Usage: hithe flows [FILTER...] [--limit N] [--live | --follow | --status] [--json]

Recorded flows, newest first: connections that have ended, pieces of those that last, and denied packets of the
same kind within some seconds.

  --from END, --to END     who began it, and who answered
  --address END            either of them
  --device NAME, --gateway NAME, --label LABEL
                           of either end; the gateway "this" is this one
  --proto tcp|udp|icmp|N   --port N
  --direction outbound|inbound|local|internet
  --verdict allow|deny     --rule ID (deciding or staged)
  --reason rule|observed|default|quarantine|spoofed|replaced|firewall
  --since TIME, --until TIME
                           15m, 2h, 7d ago, or 2026-06-01T12:00:00Z
  --limit N                at most so many, ${limits.flowsUnlessTold} unless told
  --live                   connections that live now, with their counts so far
  --follow                 those recorded from now on, as they come, until it is interrupted
  --status                 whether flows are recorded, how many there are, and what was lost

An END is an address, a network, or the name of a device or gateway. With --json a flow is a line of JSON:
  { "id", "start", "end" (milliseconds since 1970; null while it lives), "from"|"to": { "address",
    "devices", "gateway", "labels" }, "protocol", "port", "direction", "verdict", "rule", "reason",
    "staged": { "rule", "verdict" }|null, "sent"|"received": { "packets", "bytes" } }

Exit status: 0 well, 2 for wrong use, 3 where the box cannot say.
`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const options = {
  ...{
    from: text,
    to: text,
    address: text,
    device: text,
    gateway: text,
    label: text,
    proto: text,
    port: text,
  },
  ...{ direction: text, verdict: text, rule: text, reason: text, since: text, until: text, limit: text },
  ...{ live: flag, follow: flag, status: flag, json: flag },
  socket: { type: 'string', default: localSocketPath },
} as const;
type Values = ReturnType<typeof readArguments<typeof options>>['values'];

/** More is no question for a terminal. */
const mostFlows = 1_000_000;

export async function flows(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, options);
  if (positionals.length > 0) throw new UsageError(`flows takes options alone, not ${positionals[0]}`);
  const ways = [values.live, values.follow, values.status].filter((way) => way === true);
  if (ways.length > 1) throw new UsageError('--live, --follow and --status are each for themselves');
  const filter = filterOf(values);
  const limit = readNumber('--limit', values.limit ?? String(limits.flowsUnlessTold), {
    from: 1,
    to: mostFlows,
  });
  if (values.status) return status(values);
  if (values.live) return live(values, filter, limit);
  return values.follow ? follow(values, filter) : list(values, filter, limit);
}

/** Standard output holds nothing but flows: why there are none is said beside it. */
const inLines = ({ socket }: Values) => ({ socket });

function filterOf(values: Values): URLSearchParams {
  const now = Date.now();
  const filter = new URLSearchParams();
  const names = [
    'from',
    'to',
    'address',
    'device',
    'gateway',
    'label',
    'direction',
    'verdict',
    'rule',
    'reason',
  ] as const;
  for (const name of names) {
    const value = values[name];
    if (value !== undefined) filter.set(name, value);
  }
  if (values.proto !== undefined) filter.set('protocol', values.proto);
  if (values.port !== undefined)
    filter.set('port', String(readNumber('--port', values.port, { from: 0, to: 65_535 })));
  for (const name of ['since', 'until'] as const) {
    const value = values[name];
    if (value !== undefined) filter.set(name, String(readMoment(`--${name}`, value, now)));
  }
  return filter;
}

function query(filter: URLSearchParams, more: Readonly<Record<string, number>>): string {
  const all = new URLSearchParams(filter);
  for (const [name, value] of Object.entries(more)) all.set(name, String(value));
  return all.toString();
}

async function list(values: Values, filter: URLSearchParams, limit: number): Promise<number> {
  let before: number | null = Number.MAX_SAFE_INTEGER;
  for (let left = limit; left > 0 && before !== null; ) {
    const asked = query(filter, { before, limit: Math.min(left, limits.flowsAtOnce) });
    const page: FlowsPage | null = await askBox<FlowsPage>(inLines(values), `/api/v1/flows?${asked}`);
    if (page === null) return notKnown;
    await show(values, page.flows, left === limit);
    left -= page.flows.length;
    before = page.before;
  }
  return 0;
}

async function live(values: Values, filter: URLSearchParams, limit: number): Promise<number> {
  const asked = query(filter, { limit: Math.min(limit, limits.flowsAtOnce) });
  const found = await askBox<{ flows: Flow[] }>(inLines(values), `/api/v1/flows/live?${asked}`);
  if (found === null) return notKnown;
  await show(values, found.flows, true);
  return 0;
}

async function follow(values: Values, filter: URLSearchParams): Promise<number> {
  let asked = query(filter, {});
  for (let isFirst = true; ; ) {
    const news = await askBox<NewFlows>(inLines(values), `/api/v1/flows/new?${asked}`);
    if (news === null) return notKnown;
    if (news.missed > 0) complain(`hithe: ${news.missed} flows were deleted before they were read\n`);
    if (news.flows.length > 0) {
      await show(values, news.flows, isFirst);
      isFirst = false;
    }
    asked = query(filter, { after: news.cursor, wait: limits.flowsWaitSeconds });
  }
}

async function status(values: Values): Promise<number> {
  const found = await askBox<FlowsStatus>(values, '/api/v1/flows/status');
  if (found === null) return notKnown;
  if (values.json) {
    printJson(found);
    return 0;
  }
  const { kernel, tracker, unwritten } = found.lost;
  const where = found.persistent ? 'on disk' : 'in memory';
  await print(
    [
      `Recording    ${found.recording ? 'on' : 'off'}`,
      `Records      ${found.records}, ${(found.octets / 1024 / 1024).toFixed(1)} MiB ${where}`,
      `Lost         ${kernel.connections} connections and ${kernel.packets} denied packets unheard, ${tracker.denied} denied packets of too many kinds, ${tracker.records + unwritten} records not written`,
      '',
    ].join('\n'),
  );
  return 0;
}

const columns = [
  ...['START', 'SECONDS', 'FROM', 'TO', 'PROTO', 'PORT', 'DIRECTION', 'VERDICT', 'REASON', 'RULE', 'STAGED'],
  ...['PACKETS', 'BYTES'],
];

async function show({ json }: Values, found: readonly Flow[], withColumns: boolean): Promise<void> {
  if (json) {
    await print(found.map((flow) => `${JSON.stringify(flow)}\n`).join(''));
    return;
  }
  const table = formatTable(columns, found.map(row));
  await print(withColumns ? table : table.slice(table.indexOf('\n') + 1));
}

function row(flow: Flow): (string | number | null)[] {
  const { start, end, from, to, protocol, port, direction, verdict, reason, rule, staged, sent, received } =
    flow;
  const name = ({ address, devices, gateway }: Flow['from']) =>
    `${address}${devices.length > 0 ? `(${devices.join(',')})` : gateway !== null && gateway !== 'this' ? `@${gateway}` : ''}`;
  return [
    new Date(start).toISOString(),
    end === null ? null : ((end - start) / 1000).toFixed(1),
    ...[name(from), name(to), protocol, port, direction, verdict, reason, rule],
    staged === null ? null : `${staged.verdict}:${staged.rule}`,
    ...[`${sent.packets}/${received.packets}`, `${sent.bytes}/${received.bytes}`],
  ];
}
