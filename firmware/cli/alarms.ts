import { localSocketPath } from '../system/local-api.ts';
import type { Alarm, Alarms } from '../webui/api/alarms-route.ts';
import { readArguments, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { printJson, say } from './output.ts';
import { formatTable } from './table.ts';

/** Ends with 1 while there is an alarm, so that a script can tell. */
export async function alarms(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    all: { type: 'boolean' },
    socket: { type: 'string', default: localSocketPath },
  });
  if (positionals.length > 0) throw new UsageError('alarms takes: --all, --json');
  const found = await askBox<Alarms>(values, '/api/v1/alarms');
  if (found === null) return notKnown;
  const shown = values.all ? [...found.active, ...found.over] : found.active;
  if (values.json) printJson(shown);
  else say(formatTable(['KIND', 'SUBJECT', 'SINCE', 'UNTIL', 'REASON'], shown.map(row)));
  return found.active.length > 0 ? 1 : 0;
}

function row({ kind, subject, raisedAt, clearedAt, reason, advice }: Alarm): (string | null)[] {
  const time = (at: number | null) => (at === null ? null : new Date(at).toISOString());
  return [
    kind,
    subject,
    time(raisedAt),
    time(clearedAt),
    clearedAt === null ? `${reason}. ${advice}` : reason,
  ];
}
