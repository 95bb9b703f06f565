import { localSocketPath } from '../system/local-api.ts';
import { type PingResultOrProblem, ping as sendEchoes } from '../system/ping.ts';
import type { PolicyExplanation } from '../webui/api/policy-route.ts';
import type { Status } from '../webui/api/status-schema.ts';
import { printJson, readArguments, readNumber, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';

export const pingHelp = `Usage: hithe ping [FROM] TO [--count N] [--json]

Says whether the policy lets FROM ping TO, then sends echoes from this gateway to TO and says what
came of it. Without FROM the gateway asks for itself. An END is an address, a device's name, a
peer's name or its HIT; a peer itself answers where its name or HIT is given.

  --count N   echoes to send, 1 to 100; 3 unless given

JSON:
  { "outcome": "answered"|"denied"|"tunnel-down"|"no-answer", "why", "policy": as policy explain,
    "tunnels": [ { "peer", "state", "lastError" } ], "echo": { "from", "to", "sent", "received",
    "rttMs": { "min", "average", "max" }|null, "problem" } }
  denied: by this gateway's policy; what its own echoes met stands beside it.

Exit status: 0 where it was answered, 1 where not or denied, 2 for wrong use, 3 where the box
cannot say.
`;

export type PingReport = {
  readonly outcome: 'answered' | 'denied' | 'tunnel-down' | 'no-answer';
  readonly why: string;
  readonly policy: PolicyExplanation | null;
  /** To the peers that FROM and TO are behind. */
  readonly tunnels: readonly Pick<Status['tunnels'][number], 'peer' | 'state' | 'lastError'>[];
  readonly echo: {
    readonly from: string | null;
    readonly to: string;
    readonly sent: number;
    readonly received: number;
    readonly rttMs: { readonly min: number; readonly average: number; readonly max: number } | null;
    readonly problem: string | null;
  };
};

/** The gateway itself, as the policy's ends name it. */
const thisGateway = 'this';
/** In R2-SENT a responder has its SAs already (RFC 7401 §4.4.2). */
const carrying: readonly string[] = ['ESTABLISHED', 'R2-SENT'];

type Echo = (
  to: string,
  options: { count: number; source?: string | undefined },
) => Promise<PingResultOrProblem>;

/** @param echo sends; it is the operating system's unless told */
export async function ping(args: readonly string[], echo: Echo = sendEchoes): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    count: { type: 'string', default: '3' },
    socket: { type: 'string', default: localSocketPath },
  });
  const [first, second, ...more] = positionals;
  if (first === undefined || more.length > 0) throw new UsageError('ping takes [FROM] TO');
  const [from, to] = second === undefined ? [thisGateway, first] : [first, second];
  const count = readNumber('--count', values.count, { from: 1, to: 100 });
  const explained = (ends: { readonly from: string; readonly to: string }) =>
    askBox<PolicyExplanation>(
      values,
      `/api/v1/policy/explain?${new URLSearchParams({ ...ends, protocol: 'icmp' })}`,
    );
  // The gateway's own address towards there is one that the peer knows to be behind it.
  const own = await explained({ from: thisGateway, to });
  if (own === null) return notKnown;
  const policy = from === thisGateway ? null : await explained({ from, to });
  if (policy === null && from !== thisGateway) return notKnown;
  const isPeer = to === own.to.gateway || (own.to.hit !== null && to === own.to.hit);
  const target = isPeer && own.to.hit !== null ? own.to.hit : own.to.address;
  const source = isPeer ? undefined : own.from.address;
  const sent = await echo(target, { count, source });
  const status = await askBox<Status>(values, '/api/v1/status');
  if (status === null) return notKnown;
  const gateways = [own.to.gateway, policy?.from.gateway ?? thisGateway];
  const report = reportOf({
    policy,
    tunnels: status.tunnels
      .filter(({ peer }) => gateways.includes(peer))
      .map(({ peer, state, lastError }) => ({ peer, state, lastError })),
    echo: {
      ...{ from: source ?? null, to: target },
      ...(sent.ok ? sent.value : { sent: 0, received: 0, rttMs: null }),
      problem: sent.ok ? null : sent.problem,
    },
  });
  if (values.json) printJson(report);
  else process.stdout.write(reportText(report));
  return report.outcome === 'answered' ? 0 : 1;
}

function reportOf(facts: Pick<PingReport, 'policy' | 'tunnels' | 'echo'>): PingReport {
  const { policy, tunnels, echo } = facts;
  if (policy?.verdict === 'deny') return { outcome: 'denied', why: policy.why, ...facts };
  if (echo.received > 0) {
    const average = echo.rttMs === null ? '' : ` in ${echo.rttMs.average} ms`;
    return { outcome: 'answered', why: `${echo.to} answered${average}.`, ...facts };
  }
  const down = tunnels.find(({ state }) => !carrying.includes(state));
  if (down !== undefined) {
    const error = down.lastError === null ? '' : `: ${down.lastError}`;
    return { outcome: 'tunnel-down', why: `The tunnel to ${down.peer} is ${down.state}${error}.`, ...facts };
  }
  const beyond = tunnels.length > 0 ? ' The tunnel carries: the peer may deny it.' : '';
  const problem = echo.problem === null ? '' : ` ${echo.problem}.`;
  return { outcome: 'no-answer', why: `${echo.to} does not answer.${problem}${beyond}`, ...facts };
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
