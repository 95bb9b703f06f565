import { localSocketPath } from '../system/local-api.ts';
import type { Audit } from '../webui/api/audit-route.ts';
import { limits } from '../webui/limits.ts';
import { readArguments, readNumber, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { printJson, say } from './output.ts';
import { formatTable } from './table.ts';

export const auditHelp = `Usage: hithe audit [--limit N] [--before ID] [--json]

Who changed what on this box, over the page, with a token, at the console or on this command line,
and who was refused; newest first.

  --limit N      entries, ${limits.auditUnlessTold} unless told, at most ${limits.auditAtOnce}
  --before ID    those that are older than this one

JSON:
  { "entries": [ { "id", "time", "who", "from"|null, "act", "what", "outcome": done|refused|failed } ],
    "before": ID for those that come next, or null }

Exit status: 0 when shown, 2 for wrong use, 3 where the box cannot say.
`;

export async function audit(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    limit: { type: 'string', default: String(limits.auditUnlessTold) },
    before: { type: 'string' },
    socket: { type: 'string', default: localSocketPath },
  });
  if (positionals.length > 0) throw new UsageError('audit takes: --limit, --before, --json');
  const query = new URLSearchParams({
    limit: String(readNumber('--limit', values.limit, { from: 1, to: limits.auditAtOnce })),
  });
  if (values.before !== undefined)
    query.set(
      'before',
      String(readNumber('--before', values.before, { from: 1, to: Number.MAX_SAFE_INTEGER })),
    );
  const found = await askBox<Audit>(values, `/api/v1/audit?${query}`);
  if (found === null) return notKnown;
  if (values.json) printJson(found);
  else {
    const rows = found.entries.map(({ id, time, who, from, outcome, act, what }) => [
      ...[id, time, who, from, outcome, what === '' ? act : `${act}: ${what}`],
    ]);
    say(formatTable(['ID', 'TIME', 'WHO', 'FROM', 'OUTCOME', 'ACT'], rows));
  }
  return 0;
}
