import { localSocketPath } from '../system/local-api.ts';
import type { PolicyExplanation, PolicyReport } from '../webui/api/policy-route.ts';
import { readArguments, readNumber, UsageError } from './arguments.ts';
import { askBox as ask, notKnown } from './ask-box.ts';
import { printJson, say } from './output.ts';
import { formatTable } from './table.ts';

export const policyHelp = `Usage: hithe policy VERB

  list                               the rules in force, and how many connections each decided
  learn [--since 1h] [--until TIME] [--all] [--exact]
                                     rules that would allow what was seen and no rule decides (--all:
                                     what rules allow too), each with its evidence and what it would
                                     allow besides (--exact: nothing between known ends)
  learn accept ID...                 takes proposed rules, as they were shown last, into the settings
                                     as staged
  stage RULE... | enforce RULE...    has rules only be counted, or decide; shows what they counted
                                     (these and accept: --author NAME)
  explain --from END --to END [--proto tcp|udp|icmp|other] [--port N]
                                     whether this gateway lets a connection through, by which rule,
                                     and what it matched

A TIME is 90s, 15m, 1h or 7d ago, or 2026-06-01T12:00:00Z. An END is an address, a
device's name, a peer's name or its HIT, or this: the gateway itself. Every verb takes --json.

JSON of explain:
  { "from"|"to": { "given", "address", "devices", "gateway", "hit", "labels", "own" }, "protocol",
    "port", "verdict": "allow"|"deny", "reason": "rule"|"default"|"quarantine"|"served"|"not-served"|
    "switched"|"not-forwarded",
    "rule": { "id", "verb", "mode" }|null, "matched": { "table", "source"|"destination"|"service":
    { "layer", "class", "set" } }|null, "staged": rule|null, "ends": [ { "gateway", "hit",
    "verdict" } ], "why" }

Exit status: 0 where it is allowed (or listed), 1 where it is denied, 2 for wrong use, 3 where the
box cannot say.
`;

const options = {
  json: { type: 'boolean' },
  from: { type: 'string' },
  to: { type: 'string' },
  proto: { type: 'string', default: 'tcp' },
  port: { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
  all: { type: 'boolean' },
  exact: { type: 'boolean' },
  author: { type: 'string' },
  socket: { type: 'string', default: localSocketPath },
} as const;
export type PolicyValues = ReturnType<typeof readArguments<typeof options>>['values'];

const protocols = ['tcp', 'udp', 'icmp', 'other'];
export async function policy(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, options);
  const [verb, ...rest] = positionals;
  if (verb === 'learn' || verb === 'stage' || verb === 'enforce') {
    const { changePolicy } = await import('./policy-learn.ts');
    return changePolicy(values, verb, rest);
  }
  if (rest.length > 0 || (verb !== 'list' && verb !== 'explain'))
    throw new UsageError('policy takes: list, explain --from END --to END, learn, stage or enforce');
  return verb === 'list' ? list(values) : explain(values);
}

async function list(values: PolicyValues): Promise<number> {
  const report = await ask<PolicyReport>(values, '/api/v1/policy');
  if (report === null) return notKnown;
  if (values.json) printJson(report);
  else {
    const rows = report.rules.map(({ id, number, active, connections }) => [
      ...[id, number, active ? 'active' : 'outside its schedule', connections],
    ]);
    say(formatTable(['RULE', 'NUMBER', 'STATE', 'CONNECTIONS'], rows));
    const counts = Object.entries(report.counters).map(([name, count]) => `${name} ${count}`);
    say(`${counts.join(', ')}\n`);
    if (report.problem !== null) say(`NOT IN FORCE: ${report.problem}\n`);
  }
  return 0;
}

async function explain(values: PolicyValues): Promise<number> {
  const { from, to, proto, port } = values;
  if (from === undefined || to === undefined)
    throw new UsageError('policy explain takes --from END and --to END');
  if (!protocols.includes(proto)) throw new UsageError(`--proto takes ${protocols.join(', ')}`);
  const hasPorts = proto === 'tcp' || proto === 'udp';
  if (hasPorts !== (port !== undefined))
    throw new UsageError(hasPorts ? `${proto} takes a --port` : `${proto} has no ports`);
  const number = port === undefined ? 0 : readNumber('--port', port, { from: 0, to: 65_535 });
  const query = new URLSearchParams({ from, to, protocol: proto, port: String(number) });
  const answer = await ask<PolicyExplanation>(values, `/api/v1/policy/explain?${query}`);
  if (answer === null) return notKnown;
  if (values.json) printJson(answer);
  else say(explanationText(answer));
  return answer.verdict === 'allow' ? 0 : 1;
}

function explanationText({ from, to, why, matched, ends }: PolicyExplanation): string {
  const end = ({ address, devices, gateway, labels }: PolicyExplanation['from']) =>
    `${address}${devices.length > 0 ? ` (${devices.join(', ')})` : ''} behind ${gateway}${labels.length > 0 ? `, labels ${labels.join(' ')}` : ''}`;
  const rows: [string, string][] = [
    ['From', end(from)],
    ['To', end(to)],
    ['Verdict', why],
    ...(matched === null
      ? []
      : ([
          ['Source', matched.source.set.join(', ')],
          ['Destination', matched.destination.set.join(', ')],
          ['Service', matched.service.set.join(', ')],
        ] satisfies [string, string][])),
    ...ends.map(({ gateway, verdict }): [string, string] => [`At ${gateway}`, verdict]),
  ];
  return rows.map(([name, value]) => `${name.padEnd(12)} ${value}\n`).join('');
}
