import type { PolicyProposals } from '../webui/api/learn-route.ts';
import type { PolicyReport } from '../webui/api/policy-route.ts';
import { UsageError } from './arguments.ts';
import { askBox as ask, notKnown } from './ask-box.ts';
import { readMoment } from './moment.ts';
import { printJson, say } from './output.ts';
import type { PolicyValues } from './policy.ts';
import { showApplied } from './show-applied.ts';
import { formatTable } from './table.ts';

/** What changes the policy: proposals, those accepted, rules staged and enforced. */
export async function changePolicy(
  values: PolicyValues,
  verb: 'learn' | 'stage' | 'enforce',
  names: readonly string[],
): Promise<number> {
  const author = values.author === undefined ? {} : { author: values.author };
  if (verb === 'learn') {
    const [what, ...ids] = names;
    if (what === undefined) return learn(values);
    if (what !== 'accept' || ids.length === 0) throw new UsageError('policy learn takes: accept ID...');
    return showApplied(values, await ask(values, '/api/v1/policy/accept', { ids, ...author }));
  }
  if (names.length === 0) throw new UsageError(`policy ${verb} takes: RULE...`);
  const counted = await countedBy(values, names);
  if (counted === null) return notKnown;
  if (!values.json) say(counted);
  const mode = verb === 'stage' ? 'staged' : 'enforce';
  return showApplied(values, await ask(values, '/api/v1/policy/mode', { ids: names, mode, ...author }));
}

async function learn(values: PolicyValues): Promise<number> {
  const now = Date.now();
  const until = values.until === undefined ? now : readMoment('--until', values.until, now);
  const since = readMoment('--since', values.since ?? '1h', now);
  const query = new URLSearchParams({
    ...{ since: String(since), until: String(until) },
    from: values.all ? 'all' : 'undecided',
    exact: values.exact ? 'true' : 'false',
  });
  const found = await ask<PolicyProposals>(values, `/api/v1/policy/proposals?${query}`);
  if (found === null) return notKnown;
  if (values.json) printJson(found);
  else say(proposalsText(found));
  return 0;
}

function proposalsText({ proposals, flows, left, complete }: PolicyProposals): string {
  const rows = proposals.map(({ rule, evidence, beyond }) => {
    const [example] = evidence.examples;
    const more = [
      ...(beyond.talks > 0 ? [`${beyond.talks} unseen`] : []),
      ...beyond.gateways.map((name) => `all behind ${name}`),
    ];
    return [
      ...[rule.id, evidence.flows, evidence.denied, evidence.bytes, new Date(evidence.last).toISOString()],
      example === undefined ? null : `${example.from}>${example.to}`,
      more.join(', '),
      `${sideText(rule.subject)} to ${sideText(rule.object)}: ${servicesText(rule.services)}`,
    ];
  });
  const columns = ['ID', 'FLOWS', 'DENIED', 'BYTES', 'LAST', 'EXAMPLE', 'BESIDES', 'ALLOWS'];
  const others = Object.entries(left).flatMap(([why, count]) => (count > 0 ? [`${why} ${count}`] : []));
  return [
    formatTable(columns, rows),
    `Flows: ${flows}. Nothing is learned from: ${others.length === 0 ? 'none' : others.join(', ')}.\n`,
    ...(complete ? [] : ['The window holds more flows than are read; the newest were.\n']),
  ].join('');
}

/** A side as a person writes it, from the settings' form. */
function sideText(side: unknown): string {
  if (side === 'any') return 'any';
  return [side]
    .flat()
    .map((selector) =>
      Object.entries(selector as Readonly<Record<string, unknown>>)
        .map(([name, value]) => `${name} ${[value].flat().join(' ')}`)
        .join(' '),
    )
    .join(' or ');
}

function servicesText(services: unknown): string {
  if (!Array.isArray(services)) return 'any';
  return (services as { protocol: string; ports?: unknown[] }[])
    .map(({ protocol, ports = [] }) => [protocol, ...ports].join(' '))
    .join(', ');
}

/** What the rules have counted so far: staged ones, how many connections they would have decided. */
async function countedBy(values: PolicyValues, names: readonly string[]): Promise<string | null> {
  const report = await ask<PolicyReport>(values, '/api/v1/policy');
  if (report === null) return null;
  const rows = report.rules
    .filter(({ id }) => names.includes(id))
    .map(({ id, connections }) => [id, connections]);
  return formatTable(['RULE', 'CONNECTIONS'], rows);
}
