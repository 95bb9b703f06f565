import { localSocketPath } from '../system/local-api.ts';
import { accesses } from '../webui/access.ts';
import type { MadeToken, TokenView } from '../webui/api/token-route.ts';
import { limits } from '../webui/limits.ts';
import { readArguments, readNumber, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { complain, printJson, say } from './output.ts';
import { formatTable } from './table.ts';

const daysUnlessTold = 365;

export const tokensHelp = `Usage: hithe tokens VERB

  list                               the tokens by which programs use the API
  make NAME --access ACCESS[,ACCESS…] [--days N|--no-end]
                                     makes one and prints it, once: it is not kept
  revoke ID                          ends it

An ACCESS is ${accesses.join(', ')}. A token is good for ${daysUnlessTold} days unless told. Programs send it as
Authorization: Bearer hithe_…; it makes no users and no other tokens. Every verb takes --json.

JSON:
  list: [ { "id", "name", "access", "createdBy", "createdAt", "expiresAt"|null, "lastUsedAt"|null } ]
  make: { "token", "secret" }

Exit status: 0 when done, 2 for wrong use, 3 where the box would not; it says why.
`;

const options = {
  json: { type: 'boolean' },
  access: { type: 'string' },
  days: { type: 'string' },
  'no-end': { type: 'boolean' },
  socket: { type: 'string', default: localSocketPath },
} as const;
type Values = ReturnType<typeof readArguments<typeof options>>['values'];

export async function tokens(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, options);
  const [verb, given, ...more] = positionals;
  if (verb === 'list' && given === undefined) return list(values);
  if (given === undefined || more.length > 0 || (verb !== 'make' && verb !== 'revoke'))
    throw new UsageError('tokens takes: list, make NAME, revoke ID');
  return verb === 'make' ? make(values, given) : revoke(values, given);
}

async function list(values: Values): Promise<number> {
  const found = await askBox<{ tokens: readonly TokenView[] }>(values, '/api/v1/tokens');
  if (found === null) return notKnown;
  if (values.json) printJson(found.tokens);
  else {
    const rows = found.tokens.map(({ id, access, createdBy, expiresAt, lastUsedAt, name }) => [
      ...[id, access.join(','), createdBy, expiresAt, lastUsedAt, name],
    ]);
    const columns = ['ID', 'ACCESS', 'CREATED BY', 'GOOD UNTIL', 'LAST USED', 'NAME'];
    say(formatTable(columns, rows));
  }
  return 0;
}

async function make(values: Values, name: string): Promise<number> {
  const access = accessOf(values.access);
  const days = daysOf(values);
  const made = await askBox<MadeToken>(values, '/api/v1/tokens', { name, access, days });
  if (made === null) return notKnown;
  if (values.json) printJson(made);
  else {
    // The token alone on standard output, so that a shell can take it.
    complain(`Token ${made.token.id} is made. It is shown this once:\n`);
    say(`${made.secret}\n`);
  }
  return 0;
}

async function revoke(values: Values, id: string): Promise<number> {
  const path = `/api/v1/tokens/${encodeURIComponent(id)}`;
  if ((await askBox<undefined>(values, path, undefined, 'DELETE')) === null) return notKnown;
  if (values.json) printJson({ revoked: id });
  else say(`Token ${id} is revoked.\n`);
  return 0;
}

function accessOf(text: string | undefined): readonly string[] {
  const asked = text?.split(',') ?? [];
  const known: readonly string[] = accesses;
  if (asked.length === 0 || !asked.every((each) => known.includes(each)))
    throw new UsageError(`--access takes one or more of: ${accesses.join(', ')}`);
  return [...new Set(asked)];
}

function daysOf({ days, 'no-end': noEnd }: Values): number | null {
  if (noEnd && days !== undefined) throw new UsageError('--days or --no-end, not both');
  if (noEnd) return null;
  return days === undefined ? daysUnlessTold : readNumber('--days', days, { from: 1, to: limits.tokenDays });
}
