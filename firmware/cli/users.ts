import { localSocketPath } from '../system/local-api.ts';
import { roles } from '../webui/access.ts';
import type { UserView } from '../webui/api/user-route.ts';
import { limits } from '../webui/limits.ts';
import { readArguments, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { printJson, say } from './output.ts';
import { passwordFrom } from './password-file.ts';
import { formatTable } from './table.ts';

export const usersHelp = `Usage: hithe users VERB

  list                               who may sign in on the page
  add NAME --role ROLE --password-file FILE
                                     adds a user
  set NAME [--role ROLE] [--password-file FILE]
                                     gives a user another role or password; their sessions end
  remove NAME                        removes a user; their sessions end

A ROLE is ${roles.join(', ')}: who looks, who also diagnoses and changes settings, who may do everything.
The first line of FILE is the password, ${limits.passwordCodePoints} characters or more; - is standard input. Every verb takes --json.

JSON:
  list: [ { "name", "role", "createdAt", "passwordSetAt", "securityKeys" } ], add and set: one of them

Exit status: 0 when done, 2 for wrong use, 3 where the box would not; it says why.
`;

const options = {
  json: { type: 'boolean' },
  role: { type: 'string' },
  'password-file': { type: 'string' },
  socket: { type: 'string', default: localSocketPath },
} as const;
type Values = ReturnType<typeof readArguments<typeof options>>['values'];

export async function users(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, options);
  const [verb, ...names] = positionals;
  if (verb === 'list' && names.length === 0) return list(values);
  const [name, ...more] = names;
  if (name === undefined || more.length > 0)
    throw new UsageError('users takes: list, or add, set, remove and a NAME');
  switch (verb) {
    case 'add':
      return add(values, name);
    case 'set':
      return set(values, name);
    case 'remove':
      return remove(values, name);
    default:
      throw new UsageError('users takes: list, add, set, remove');
  }
}

async function list(values: Values): Promise<number> {
  const found = await askBox<{ users: readonly UserView[] }>(values, '/api/v1/users');
  if (found === null) return notKnown;
  if (values.json) printJson(found.users);
  else {
    const rows = found.users.map(({ name, role, createdAt, passwordSetAt, securityKeys }) => [
      ...[name, role, createdAt, passwordSetAt, `${securityKeys}`],
    ]);
    say(formatTable(['NAME', 'ROLE', 'CREATED', 'PASSWORD SET', 'KEYS'], rows));
  }
  return 0;
}

async function add(values: Values, name: string): Promise<number> {
  const role = roleOf(values);
  const password = await passwordFrom(values['password-file']);
  if (role === undefined || password === undefined)
    throw new UsageError('users add takes: NAME --role ROLE --password-file FILE');
  return tell(values, await askBox<UserView>(values, '/api/v1/users', { name, role, password }), 'is added');
}

async function set(values: Values, name: string): Promise<number> {
  const role = roleOf(values);
  const password = await passwordFrom(values['password-file']);
  if (role === undefined && password === undefined)
    throw new UsageError('users set takes: NAME and --role ROLE, --password-file FILE or both');
  const change = { ...(role !== undefined && { role }), ...(password !== undefined && { password }) };
  return tell(values, await askBox<UserView>(values, pathOf(name), change, 'PATCH'), 'is changed');
}

async function remove(values: Values, name: string): Promise<number> {
  const removed = await askBox<undefined>(values, pathOf(name), undefined, 'DELETE');
  if (removed === null) return notKnown;
  if (values.json) printJson({ removed: name });
  else say(`${name} is removed.\n`);
  return 0;
}

function tell(values: Values, user: UserView | null, what: string): number {
  if (user === null) return notKnown;
  if (values.json) printJson(user);
  else say(`${user.name} (${user.role}) ${what}.\n`);
  return 0;
}

function roleOf({ role }: Values) {
  if (role === undefined) return undefined;
  const known = roles.find((candidate) => candidate === role);
  if (known === undefined) throw new UsageError(`--role takes: ${roles.join(', ')}`);
  return known;
}

function pathOf(name: string): string {
  return `/api/v1/users/${encodeURIComponent(name)}`;
}
