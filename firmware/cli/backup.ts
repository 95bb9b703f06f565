import { shapeProblem } from '../bytes/json-shape.ts';
import { localSocketPath } from '../system/local-api.ts';
import type { Backup, RestorePlan } from '../webui/api/backup-route.ts';
import type { SettingsApplied } from '../webui/api/config-route.ts';
import { limits } from '../webui/limits.ts';
import { readArguments, readNumber, UsageError } from './arguments.ts';
import { askBox, notKnown, refuse } from './ask-box.ts';
import { readInput } from './input-file.ts';
import { printJson, say } from './output.ts';
import { writeNewFile } from './output-file.ts';
import { passwordFrom } from './password-file.ts';
import { appliedText, planText } from './settings-text.ts';

export const backupHelp = `Usage: hithe backup FILE [--password-file FILE] [--json]

Writes the saved settings into a new file. Secrets (tokens of receivers) are left out, unless there
is a password: then they are in it, and all is encrypted. The keys of the box, its users and their
tokens are in neither: restored on another box it works alike and is somebody else.

  --password-file FILE   its first line is the password, ${limits.passwordCodePoints} characters or more; - is standard input

JSON:
  { "file", "sealed": true|false, "made": { "hostname", "time", "product", "revision" } }

Exit status: 0 when the file was written, 1 when not, 2 for wrong use, 3 where the box cannot say.
`;

export const restoreHelp = `Usage: hithe restore FILE [--password-file FILE] [--plan] [--seconds N] [--automatic] [--json]

Shows what the settings of a backup would change, then puts them in force on trial, as config apply
does: they are taken back after N seconds (${limits.trialSecondsUnlessTold}) unless they are confirmed.

  --plan                 shows it and does nothing
  --password-file FILE   its first line is the password; - is standard input
  --automatic            confirms by itself once the page and the peers are reachable as before

JSON:
  with --plan { "made", "missing": [ "RECEIVER: HEADER" ], "plan" }, else { "revision", "trial", "plan" }

Exit status: 0 when done, 2 for wrong use, 3 where the box would not; it says why.
`;

/** What a file may have: a backup, and the white space of whoever looked at it in an editor. */
const largestFile = 2 * limits.backupBodyBytes;

const shared = {
  json: { type: 'boolean' },
  'password-file': { type: 'string' },
  socket: { type: 'string', default: localSocketPath },
} as const;

export async function backup(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, shared);
  const file = oneFile('backup', positionals);
  const password = await passwordFrom(values['password-file']);
  const body = password === undefined ? undefined : { password };
  const made = await askBox<Backup>(values, '/api/v1/backup', body);
  if (made === null) return notKnown;
  const problem = writeNewFile(file, `${JSON.stringify(made, null, 2)}\n`);
  if (problem !== null) return refuse(values, `nothing was written: ${problem}`);
  const sealed = made.sealed !== undefined;
  if (values.json) printJson({ file, sealed, made: made.made });
  else say(`${file}: the settings of ${made.made.hostname}, ${sealed ? 'sealed' : 'without secrets'}\n`);
  return 0;
}

export async function restore(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    ...shared,
    plan: { type: 'boolean' },
    automatic: { type: 'boolean', default: false },
    seconds: { type: 'string', default: String(limits.trialSecondsUnlessTold) },
  });
  const file = oneFile('restore', positionals);
  const [from, to] = limits.trialSeconds;
  const seconds = readNumber('--seconds', values.seconds, { from, to });
  const password = await passwordFrom(values['password-file']);
  const given = { backup: readBackup(file), ...(password !== undefined && { password }) };
  if (values.plan || !values.json) {
    const planned = await askBox<RestorePlan>(values, '/api/v1/restore/plan', given);
    if (planned === null) return notKnown;
    if (values.json) printJson(planned);
    else say(restoreText(planned));
    if (values.plan) return 0;
  }
  const { automatic } = values;
  const body = { ...given, seconds, automatic };
  const applied = await askBox<SettingsApplied>(values, '/api/v1/restore', body);
  if (applied === null) return notKnown;
  if (values.json) printJson(applied);
  else say(appliedText(applied, automatic));
  return 0;
}

function restoreText({ made, missing, plan }: RestorePlan): string {
  return [
    `A backup of ${made.hostname} (Hithe ${made.product}), made at ${made.time}`,
    ...planText(plan),
    ...missing.map((name) => `Not in it, to be entered again: ${name}`),
    '',
  ].join('\n');
}

function oneFile(verb: string, [file, ...more]: readonly string[]): string {
  if (file === undefined || more.length > 0) throw new UsageError(`${verb} takes one FILE`);
  return file;
}

function readBackup(file: string): unknown {
  const name = file === '-' ? 'standard input' : file;
  try {
    const octets = readInput(file, largestFile);
    if (octets === null) throw new UsageError(`${name} is larger than any backup`);
    const text = new TextDecoder().decode(octets);
    const problem = shapeProblem(text, limits.bodyShape);
    if (problem !== null) throw new UsageError(`${name} is no backup: ${problem}`);
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${name} cannot be used: ${reason}`);
  }
}
