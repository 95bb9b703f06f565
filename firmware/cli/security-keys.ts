import { localSocketPath } from '../system/local-api.ts';
import type { SecurityKeyList } from '../webui/api/security-key-route.ts';
import { limits } from '../webui/limits.ts';
import { readArguments, UsageError } from './arguments.ts';
import { askBox, notKnown } from './ask-box.ts';
import { complain, printJson, say } from './output.ts';
import { formatTable } from './table.ts';

export const securityKeysHelp = `Usage: hithe security-keys VERB

  list USER        the security keys that a user signs in on the page with
  add USER NAME    waits for the touch of a key in the box's USB port, which is the user's from then on; their sessions end
  remove USER ID   removes one

Any key that speaks U2F is taken, as FIDO2 keys do; a user has at most ${limits.keysOfUser}. Who has one needs it beside the
password, to sign in and for dangerous acts: nobody signs in from afar then unless somebody touches the key in the box. A
new password by the console's code removes the owner's keys. Every verb takes --json.

JSON:
  list and add: [ { "id", "name", "addedAt", "usedAt"|null } ]

Exit status: 0 when done, 2 for wrong use, 3 where the box would not; it says why.
`;

const options = {
  json: { type: 'boolean' },
  socket: { type: 'string', default: localSocketPath },
} as const;
type Values = ReturnType<typeof readArguments<typeof options>>['values'];

export async function securityKeys(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, options);
  const [verb, user, which, ...more] = positionals;
  if (user !== undefined && more.length === 0) {
    if (verb === 'list' && which === undefined) return list(values, user);
    if (verb === 'add' && which !== undefined) return add(values, user, which);
    if (verb === 'remove' && which !== undefined) return remove(values, user, which);
  }
  throw new UsageError('security-keys takes: list USER, add USER NAME, remove USER ID');
}

async function list(values: Values, user: string): Promise<number> {
  return tell(values, await askBox<SecurityKeyList>(values, pathOf(user)));
}

async function add(values: Values, user: string, name: string): Promise<number> {
  complain('Touch the security key in the box’s USB port …\n');
  return tell(values, await askBox<SecurityKeyList>(values, pathOf(user), { name }));
}

async function remove(values: Values, user: string, id: string): Promise<number> {
  const path = `${pathOf(user)}/${encodeURIComponent(id)}`;
  if ((await askBox<undefined>(values, path, undefined, 'DELETE')) === null) return notKnown;
  if (values.json) printJson({ removed: id });
  else say(`Security key ${id} is removed.\n`);
  return 0;
}

function tell(values: Values, found: SecurityKeyList | null): number {
  if (found === null) return notKnown;
  if (values.json) printJson(found.securityKeys);
  else {
    const rows = found.securityKeys.map(({ id, addedAt, usedAt, name }) => [id, addedAt, usedAt, name]);
    say(formatTable(['ID', 'ADDED', 'LAST USED', 'NAME'], rows));
  }
  return 0;
}

function pathOf(user: string): string {
  return `/api/v1/users/${encodeURIComponent(user)}/security-keys`;
}
