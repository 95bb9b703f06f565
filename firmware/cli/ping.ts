import { localSocketPath } from '../system/local-api.ts';
import type { PingReport } from '../webui/api/diagnostics-route.ts';
import { limits } from '../webui/limits.ts';
import { readArguments, readNumber, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { printJson, say } from './output.ts';

export const pingHelp = `Usage: hithe ping [FROM] TO [--count N] [--json]

Says whether the policy lets FROM ping TO, then sends echoes from this gateway to TO and says what
came of it. Without FROM the gateway asks for itself. An END is an address, a device's name, a
peer's name or its HIT; a peer itself answers where its name or HIT is given.

  --count N   echoes to send, ${limits.pingCount.join(' to ')}; 3 unless given

JSON:
  { "outcome": "answered"|"denied"|"tunnel-down"|"no-answer", "why", "policy": as policy explain,
    "tunnels": [ { "peer", "state", "lastError" } ], "echo": { "from", "to", "sent", "received",
    "rttMs": { "min", "average", "max" }|null, "problem" } }
  denied: by this gateway's policy; what its own echoes met stands beside it.

Exit status: 0 where it was answered, 1 where not or denied, 2 for wrong use, 3 where the box
cannot say.
`;

export async function ping(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    count: { type: 'string', default: '3' },
    socket: { type: 'string', default: localSocketPath },
  });
  const [first, second, ...more] = positionals;
  if (first === undefined || more.length > 0) throw new UsageError('ping takes [FROM] TO');
  const [least, most] = limits.pingCount;
  const count = readNumber('--count', values.count, { from: least, to: most });
  const ends = second === undefined ? { to: first } : { from: first, to: second };
  const report = await askBox<PingReport>(values, '/api/v1/diagnostics/ping', { ...ends, count });
  if (report === null) return notKnown;
  if (values.json) printJson(report);
  else say(reportText(report));
  return report.outcome === 'answered' ? 0 : 1;
}

function reportText({ outcome, why, policy, tunnels, echo }: PingReport): string {
  const times = echo.rttMs === null ? '' : `, ${echo.rttMs.min}/${echo.rttMs.average}/${echo.rttMs.max} ms`;
  const rows: [string, string][] = [
    ...(policy === null ? [] : [['Policy', policy.why] as [string, string]]),
    ...tunnels.map(({ peer, state }): [string, string] => [`To ${peer}`, state]),
    ['Echoes', `${echo.received} of ${echo.sent} from ${echo.from ?? 'here'} to ${echo.to}${times}`],
    ['Outcome', outcome === 'denied' ? 'denied here' : why],
  ];
  return rows.map(([name, value]) => `${name.padEnd(12)} ${value}\n`).join('');
}
