import { localSocketPath } from '../system/local-api.ts';
import type { SessionList } from '../webui/api/session-list-route.ts';
import { readArguments, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { printJson, say } from './output.ts';
import { formatTable } from './table.ts';

export const sessionsHelp = `Usage: hithe sessions VERB

  list       who is signed in on the page, and from where
  end ID     signs them out

Every verb takes --json.

JSON:
  list: [ { "id", "user": { "name", "role" }, "from", "browser", "begunAt", "usedAt", "expiresAt", "own" } ]

Exit status: 0 when done, 2 for wrong use, 3 where the box would not; it says why.
`;

const options = {
  json: { type: 'boolean' },
  socket: { type: 'string', default: localSocketPath },
} as const;
type Values = ReturnType<typeof readArguments<typeof options>>['values'];

export async function sessions(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, options);
  const [verb, id, ...more] = positionals;
  if (verb === 'list' && id === undefined) return list(values);
  if (verb === 'end' && id !== undefined && more.length === 0) return end(values, id);
  throw new UsageError('sessions takes: list, end ID');
}

async function list(values: Values): Promise<number> {
  const found = await askBox<SessionList>(values, '/api/v1/sessions');
  if (found === null) return notKnown;
  if (values.json) printJson(found.sessions);
  else {
    const rows = found.sessions.map(({ id, user, from, begunAt, usedAt, browser }) => [
      ...[id, user.name, user.role, from, begunAt, usedAt, browser],
    ]);
    const columns = ['ID', 'USER', 'ROLE', 'FROM', 'SINCE', 'LAST USED', 'BROWSER'];
    say(formatTable(columns, rows));
  }
  return 0;
}

async function end(values: Values, id: string): Promise<number> {
  const path = `/api/v1/sessions/${encodeURIComponent(id)}`;
  if ((await askBox<undefined>(values, path, undefined, 'DELETE')) === null) return notKnown;
  if (values.json) printJson({ ended: id });
  else say(`Session ${id} has ended.\n`);
  return 0;
}
