import { localSocketPath } from '../system/local-api.ts';
import type { Status } from '../webui/api/status-schema.ts';
import { readArguments, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { print, printJson } from './output.ts';
import { formatTable } from './table.ts';

export const tunnelHelp = `Usage: hithe tunnel list [--json]
       hithe tunnel renew PEER [--json]

list     the peers and how their tunnels are
renew    closes the association with PEER, a name or a HIT. One that is always wanted is made anew at once, with
         other keys; one on demand when traffic asks for it.

Exit status: 0 well, 2 for wrong use, 3 where the box cannot say.
`;

const options = {
  json: { type: 'boolean' },
  socket: { type: 'string', default: localSocketPath },
} as const;

export async function tunnel(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, options);
  const [verb, peer, ...more] = positionals;
  const isList = verb === 'list' && peer === undefined;
  const isRenewal = verb === 'renew' && peer !== undefined && more.length === 0;
  if (!isList && !isRenewal) throw new UsageError('tunnel takes: list, or renew PEER');
  const found = await askBox<Status>(values, '/api/v1/status');
  if (found === null) return notKnown;
  if (isRenewal) {
    const { hit } = found.tunnels.find((each) => each.peer === peer) ?? { hit: peer };
    const path = `/api/v1/associations/${encodeURIComponent(hit)}/renew`;
    const answer = await askBox<{ readonly hit: string }>(values, path, {});
    if (answer === null) return notKnown;
    if (values.json) printJson(answer);
    else await print(`The association with ${peer} is being closed.\n`);
    return 0;
  }
  if (values.json) printJson(found.tunnels);
  else await print(formatTable(columns, found.tunnels.map(row)) + strayLine(found));
  return 0;
}

/** A line where something came that was no peer's, else nothing. */
function strayLine({ strayDatagrams }: Status): string {
  if (strayDatagrams === null) return '';
  const { notHip, badChecksum } = strayDatagrams;
  if (notHip + badChecksum === 0) return '';
  return `Dropped unheard: ${notHip} datagrams that were no HIP, ${badChecksum} packets with a wrong checksum\n`;
}

/** The error comes last: it alone may hold spaces. */
const columns = [
  ...['PEER', 'STATE', 'CONNECT', 'ROLE', 'HIT', 'LOCATOR', 'ESP', 'SINCE', 'REKEYS', 'RTT-MS', 'MTU'],
  ...['SENT-BYTES', 'RECEIVED-BYTES', 'DROPPED', 'PREFIXES', 'ERROR'],
];

function row(each: Status['tunnels'][number]): (string | number | null)[] {
  const { peer, state, role, hit, locator, espSuite, establishedAt, rekeys, roundTripMs } = each;
  const { wrongSource, tooOld, replayed, forged } = each.dropped;
  const { sentBytes, receivedBytes } = each.traffic;
  return [
    ...[peer, state, each.connect, role, hit, locator, espSuite, establishedAt, rekeys],
    ...[roundTripMs === null ? null : roundTripMs.toFixed(1), each.pathMtu, sentBytes, receivedBytes],
    ...[wrongSource + tooOld + replayed + forged, each.protectedPrefixes.join(',') || null],
    each.lastError,
  ];
}
