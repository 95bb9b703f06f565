import { localSocketPath } from '../system/local-api.ts';
import { type Hop, type TracerouteResult, traceroute as trace } from '../system/traceroute.ts';
import type { PolicyExplanation } from '../webui/api/policy-route.ts';
import type { Status } from '../webui/api/status-schema.ts';
import { printJson, readArguments, readNumber, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { formatTable } from './table.ts';

export const tracerouteHelp = `Usage: hithe traceroute TO [--underlay] [--hops N] [--json]

The routers on the way from this gateway to TO: an address, a device's name, a peer's name or its
HIT. Through a tunnel the peer is one hop, whatever lies under it; --underlay asks for the way of
the tunnel itself, to where the peer is. Packets are UDP to ports from 33434 on, which the policy
of a peer may deny.

  --hops N   at most, 1 to 64; 20 unless given

JSON:
  { "to", "from", "hops": [ { "hop", "address", "ms", "note" } ], "reached", "problem" }

Exit status: 0 where TO was reached, 1 where not, 2 for wrong use, 3 where the box cannot say.
`;

type Trace = (
  to: string,
  options: { hops: number; source?: string | undefined },
) => Promise<TracerouteResult>;

/** @param run sends; it is the operating system's unless told */
export async function traceroute(args: readonly string[], run: Trace = trace): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    underlay: { type: 'boolean' },
    hops: { type: 'string', default: '20' },
    socket: { type: 'string', default: localSocketPath },
  });
  const [to, ...more] = positionals;
  if (to === undefined || more.length > 0) throw new UsageError('traceroute takes one TO');
  const hops = readNumber('--hops', values.hops, { from: 1, to: 64 });
  const query = new URLSearchParams({ from: 'this', to, protocol: 'udp', port: '33434' });
  const ends = await askBox<PolicyExplanation>(values, `/api/v1/policy/explain?${query}`);
  if (ends === null) return notKnown;
  const way = values.underlay
    ? await underlayWay(values, ends.to)
    : { to: ends.to.address, source: ends.from.address };
  if (way === null) return notKnown;
  const result = await run(way.to, { hops, source: way.source });
  const found = result.ok ? result.value : [];
  const reached = found.at(-1)?.address === way.to;
  const problem = result.ok ? null : result.problem;
  if (values.json) printJson({ to: way.to, from: way.source ?? null, hops: found, reached, problem });
  else process.stdout.write(problem === null ? hopsText(found) : `${problem}\n`);
  return reached ? 0 : 1;
}

/** Where the peer is whom somebody is behind, by its tunnel. */
async function underlayWay(
  values: { readonly json?: boolean | undefined; readonly socket: string },
  { given, gateway }: PolicyExplanation['to'],
): Promise<{ readonly to: string; readonly source: undefined } | null> {
  const status = await askBox<Status>(values, '/api/v1/status');
  if (status === null) return null;
  const locator = status.tunnels.find(({ peer }) => peer === gateway)?.locator ?? null;
  if (locator === null) throw new UsageError(`${given} is behind no peer whose address is known`);
  // `192.0.2.1:10500`, `[2001:db8::1]:10500`, or an address alone.
  const [, bracketed, plain] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+)(?::\d+)?)$/.exec(locator) ?? [];
  return { to: bracketed ?? plain ?? locator, source: undefined };
}

function hopsText(hops: readonly Hop[]): string {
  return formatTable(
    ['HOP', 'ADDRESS', 'MS', 'NOTE'],
    hops.map(({ hop, address, ms, note }) => [hop, address, ms, note]),
  );
}
