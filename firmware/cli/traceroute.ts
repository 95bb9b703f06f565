import { setTimeout as sleep } from 'node:timers/promises';
import { localSocketPath } from '../system/local-api.ts';
import type { Traceroute } from '../webui/api/diagnostics-route.ts';
import { limits } from '../webui/limits.ts';
import { readArguments, readNumber, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { printJson, say } from './output.ts';
import { formatTable } from './table.ts';

export const tracerouteHelp = `Usage: hithe traceroute TO [--underlay] [--hops N] [--json]

The routers on the way from this gateway to TO: an address, a device's name, a peer's name or its
HIT. Through a tunnel the peer is one hop, whatever lies under it; --underlay asks for the way of
the tunnel itself, to where the peer is. Packets are UDP to ports from 33434 on, which the policy
of a peer may deny.

  --hops N   at most, ${limits.tracerouteHops.join(' to ')}; 20 unless given

JSON:
  { "to", "from", "hops": [ { "hop", "address", "ms", "note" } ], "reached", "problem" }

Exit status: 0 where TO was reached, 1 where not, 2 for wrong use, 3 where the box cannot say.
`;

/** Between two looks at how far it is: a silent router is waited for two seconds. */
const lookMs = 200;

export async function traceroute(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    underlay: { type: 'boolean', default: false },
    hops: { type: 'string', default: '20' },
    socket: { type: 'string', default: localSocketPath },
  });
  const [to, ...more] = positionals;
  if (to === undefined || more.length > 0) throw new UsageError('traceroute takes one TO');
  const [least, most] = limits.tracerouteHops;
  const hops = readNumber('--hops', values.hops, { from: least, to: most });
  const path = '/api/v1/diagnostics/traceroute';
  let trace = await askBox<Traceroute>(values, path, { to, underlay: values.underlay, hops });
  while (trace?.state === 'running') {
    await sleep(lookMs);
    trace = (await askBox<{ traceroute: Traceroute | null }>(values, path))?.traceroute ?? null;
  }
  if (trace === null) return notKnown;
  const { state: _, ...result } = trace;
  if (values.json) printJson(result);
  else say(result.problem === null ? hopsText(result.hops) : `${result.problem}\n`);
  return result.reached ? 0 : 1;
}

function hopsText(hops: Traceroute['hops']): string {
  return formatTable(
    ['HOP', 'ADDRESS', 'MS', 'NOTE'],
    hops.map(({ hop, address, ms, note }) => [hop, address, ms, note]),
  );
}
