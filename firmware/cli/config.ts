import { shapeProblem } from '../bytes/json-shape.ts';
import { limits as storeLimits } from '../store/limits.ts';
import { describeChange } from '../store/settings-diff.ts';
import { parseSettingsPath, readAtPath } from '../store/settings-path.ts';
import { localSocketPath } from '../system/local-api.ts';
import type {
  Revision,
  RevisionDetail,
  SettingsApplied,
  SettingsPlan,
  SettingsView,
} from '../webui/api/config-route.ts';
import type { Status } from '../webui/api/status-schema.ts';
import { limits } from '../webui/limits.ts';
import { readArguments, readNumber, UsageError } from './arguments.ts';
import { askBox, askQuietly, refuse } from './ask-box.ts';
import { readInput } from './input-file.ts';
import { complain, printJson, say } from './output.ts';
import { writeNewFile } from './output-file.ts';
import { appliedText, moreLine, planText } from './settings-text.ts';
import { formatTable } from './table.ts';

const options = {
  json: { type: 'boolean' },
  saved: { type: 'boolean' },
  draft: { type: 'boolean' },
  remove: { type: 'boolean' },
  automatic: { type: 'boolean' },
  anyway: { type: 'boolean' },
  uci: { type: 'boolean' },
  seconds: { type: 'string' },
  author: { type: 'string' },
  from: { type: 'string' },
  socket: { type: 'string', default: localSocketPath },
} as const;
type Values = ReturnType<typeof readArguments<typeof options>>['values'];
type Call = { readonly values: Values; readonly rest: readonly string[] };

export const configHelp = `Usage: hithe config VERB

  get [PATH] [--saved|--draft]       a setting as it is in force, as it was saved, or in the draft
  set PATH VALUE | set PATH --from FILE | set PATH --remove
                                     changes one setting in the draft; VALUE is JSON, or text. A secret is
                                     given by a file: everybody on a machine sees arguments
  import FILE [--uci]                makes a settings document the draft; --uci: an OpenWrt network file
  discard                            gives the draft up
  diff [FILE]                        what the draft, or a document, would change
  apply [FILE] [--seconds N] [--automatic]
                                     puts the draft, or a document, in force on trial: it is taken back after
                                     N seconds (${limits.trialSecondsUnlessTold}) unless it is confirmed; --automatic confirms it by
                                     itself once the page and the peers are reachable as before
  confirm [--anyway]                 keeps what is on trial, if page and peers are reachable, or anyway
  revert [REVISION]                  ends the trial, or puts an earlier revision on trial
  history [REVISION]                 the revisions, or what one of them changed
  export [FILE]                      the saved document, with its secrets
  schema                             its JSON Schema

A PATH reads overlay.peers[0].uri, or overlay.peers["plant 2"].uri for a peer by its name.
A FILE that is read may be -, standard input. Every verb takes --json. apply and revert take --author NAME.
`;

interface Verb {
  readonly run: (call: Call) => Promise<number>;
  /** Beside those that every verb takes. */
  readonly options: readonly (keyof typeof options)[];
  /** Arguments behind it, at most. */
  readonly most: number;
}

const everyVerbs: readonly string[] = ['json', 'socket'];
const trialOptions = ['seconds', 'automatic', 'author'] as const;
const verbs: Readonly<Record<string, Verb>> = {
  get: { run: get, options: ['saved', 'draft'], most: 1 },
  set: { run: set, options: ['remove', 'from'], most: 2 },
  import: { run: importFile, options: ['uci'], most: 1 },
  discard: { run: discard, options: [], most: 0 },
  diff: { run: diff, options: [], most: 1 },
  apply: { run: apply, options: trialOptions, most: 1 },
  confirm: { run: confirm, options: ['anyway'], most: 0 },
  revert: { run: revert, options: trialOptions, most: 1 },
  history: { run: history, options: [], most: 1 },
  export: { run: exportFile, options: [], most: 1 },
  schema: { run: schema, options: [], most: 0 },
};

export async function config(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, options);
  const [name = '', ...rest] = positionals;
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb === undefined) throw new UsageError(`config takes: ${Object.keys(verbs).join(', ')}`);
  const taken = [...everyVerbs, ...verb.options];
  const other = Object.keys(values).find((option) => !taken.includes(option));
  if (other !== undefined) throw new UsageError(`config ${name} takes no --${other}`);
  if (rest.length > verb.most)
    throw new UsageError(`config ${name} takes ${verb.most === 0 ? 'no argument' : `${verb.most} at most`}`);
  return verb.run({ values, rest });
}

async function get({ values, rest }: Call): Promise<number> {
  const path = parseSettingsPath(rest[0] ?? '');
  if (path === null) throw new UsageError('that is no path to a setting');
  if (values.saved && values.draft) throw new UsageError('config get takes --saved or --draft');
  const view = await askBox<SettingsView>(values, '/api/v1/config');
  if (view === null) return 1;
  const found = readAtPath(values.saved ? view.saved : values.draft ? view.draft : view.inForce, path);
  if (!found.ok) return refuse(values, found.reason);
  // A text alone is printed as it is, so that a shell can use it.
  if (!values.json && typeof found.value === 'string') say(`${found.value}\n`);
  else printJson(found.value);
  return 0;
}

async function set({ values, rest }: Call): Promise<number> {
  const [path, ...given] = rest;
  const { from, remove = false } = values;
  if (path === undefined || given.length + Number(from !== undefined) + Number(remove) !== 1)
    throw new UsageError('config set takes: PATH VALUE, PATH --from FILE, or PATH --remove');
  if (remove) return changeDraft(values, { path });
  const read = from === undefined ? given[0] : readWithin(values, from, storeLimits.documentSize);
  if (read === null || read === undefined) return 1;
  const text = from === undefined ? read : read.replace(/\r?\n$/, '');
  return changeDraft(values, ...readingsOf(text).map((value) => ({ path, value })));
}

async function importFile({ values, rest }: Call): Promise<number> {
  const file = rest[0];
  if (file === undefined) throw new UsageError('config import takes a FILE');
  if (values.uci) return importUci(values, file);
  const document = readDocument(values, file);
  return document === null ? 1 : changeDraft(values, { path: '', value: document.value });
}

/** The network of another system, over what the draft has of it. */
async function importUci(values: Values, file: string): Promise<number> {
  const text = readWithin(values, file, storeLimits.uciLength);
  if (text === null) return 1;
  const { importUciNetwork } = await import('../store/uci-network.ts');
  const status = await askBox<Status>(values, '/api/v1/status');
  if (status === null) return 1;
  const uplinks = status.network.interfaces.filter(({ role }) => role === 'underlay');
  const imported = importUciNetwork(text, uplinks.length === 1 ? (uplinks[0]?.name ?? null) : null);
  if (!imported.ok) return refuse(values, `${file} cannot be used: ${imported.reason}`);
  const view = await askBox<SettingsView>(values, '/api/v1/config');
  if (view === null) return 1;
  for (const note of imported.notes) complain(`${note}\n`);
  const before = readAtPath(view.draft ?? view.saved, ['network']);
  const network = { ...(before.ok ? (before.value as object) : {}), ...imported.network };
  return changeDraft(values, { path: 'network', value: network });
}

/** Makes the first of these changes that the box takes. */
async function changeDraft(values: Values, ...changes: readonly object[]): Promise<number> {
  const reasons: string[] = [];
  for (const change of changes) {
    const said = await askQuietly<SettingsView>(values, '/api/v1/config/draft', change);
    if (said.ok) return showPlan(values, await askBox<SettingsPlan>(values, '/api/v1/config/plan', {}));
    reasons.push(said.reason);
  }
  return refuse(values, reasons[0] ?? 'nothing is to be changed');
}

async function discard({ values }: Call): Promise<number> {
  const view = await askBox<SettingsView>(values, '/api/v1/config/draft', { discard: true });
  if (view === null) return 1;
  if (values.json) printJson(view);
  else say('There is no draft any more.\n');
  return 0;
}

async function diff({ values, rest }: Call): Promise<number> {
  const request = requestOf(values, rest[0]);
  if (request === null) return 1;
  return showPlan(values, await askBox<SettingsPlan>(values, '/api/v1/config/plan', request));
}

async function apply({ values, rest }: Call): Promise<number> {
  const trial = trialOf(values);
  const request = requestOf(values, rest[0]);
  if (request === null) return 1;
  if (!values.json) {
    const shown = showPlan(values, await askBox<SettingsPlan>(values, '/api/v1/config/plan', request));
    if (shown !== 0) return shown;
  }
  return showApplied(
    values,
    await askBox<SettingsApplied>(values, '/api/v1/config/apply', { ...request, ...trial }),
  );
}

async function confirm({ values }: Call): Promise<number> {
  const kept = await askBox<Revision>(values, '/api/v1/config/confirm', { anyway: values.anyway === true });
  if (kept === null) return 1;
  if (values.json) printJson(kept);
  else say(`Revision ${kept.id} is confirmed.\n`);
  return 0;
}

async function revert({ values, rest }: Call): Promise<number> {
  const revision = rest[0];
  if (revision !== undefined) {
    const id = readNumber('config revert', revision, { from: 1, to: 999_999_999 });
    return showApplied(
      values,
      await askBox<SettingsApplied>(values, '/api/v1/config/revert', { revision: id, ...trialOf(values) }),
    );
  }
  const author = values.author === undefined ? {} : { author: values.author };
  const reverted = await askBox<Revision>(values, '/api/v1/config/revert', author);
  if (reverted === null) return 1;
  if (values.json) printJson(reverted);
  else say(`Revision ${reverted.id} is taken back; what was in force before is again.\n`);
  return 0;
}

async function history({ values, rest }: Call): Promise<number> {
  const revision = rest[0];
  if (revision !== undefined) {
    const id = readNumber('config history', revision, { from: 1, to: 999_999_999 });
    const detail = await askBox<RevisionDetail>(values, `/api/v1/config/history/${id}`);
    if (detail === null) return 1;
    if (values.json) printJson(detail);
    else say(detailText(detail));
    return 0;
  }
  const found = await askBox<{ revisions: Revision[] }>(values, '/api/v1/config/history');
  if (found === null) return 1;
  if (values.json) printJson(found.revisions);
  else say(formatTable(revisionColumns, found.revisions.map(revisionRow)));
  return 0;
}

async function exportFile({ values, rest }: Call): Promise<number> {
  const [file = '-'] = rest;
  const view = await askBox<SettingsView>(values, '/api/v1/config?secrets=shown');
  if (view === null) return 1;
  if (file !== '-') {
    const problem = writeNewFile(file, `${JSON.stringify(view.saved, null, 2)}\n`);
    return problem === null ? 0 : refuse(values, `${file} is not written: ${problem}`);
  }
  printJson(view.saved);
  return 0;
}

async function schema(): Promise<number> {
  const { settingsLayerJsonSchema } = await import('../store/settings-json-schema.ts');
  printJson(settingsLayerJsonSchema());
  return 0;
}

const revisionColumns = ['REVISION', 'TIME', 'OUTCOME', 'BASE', 'AUTHOR', 'REASON'];

function revisionRow({ id, time, outcome, base, author, reason }: Revision): (string | number | null)[] {
  return [id, time, outcome, base, author, reason];
}

function detailText({ revision, changes, more }: RevisionDetail): string {
  const { id, author, time, outcome, reason } = revision;
  const lines = changes?.map(describeChange) ?? ['What it was changed from is not kept any more.'];
  const why = reason === null ? '' : `: ${reason}`;
  return [`Revision ${id} by ${author} at ${time}, ${outcome}${why}`, ...lines, ...moreLine(more), ''].join(
    '\n',
  );
}

function showPlan(values: Values, plan: SettingsPlan | null): number {
  if (plan === null) return 1;
  if (values.json) printJson(plan);
  else say(`${planText(plan).join('\n')}\n`);
  return 0;
}

function showApplied(values: Values, applied: SettingsApplied | null): number {
  if (applied === null) return 1;
  if (values.json) printJson(applied);
  else say(appliedText(applied, values.automatic === true));
  return 0;
}

function trialOf({ seconds, automatic, author }: Values): object {
  const [from, to] = limits.trialSeconds;
  return {
    ...(seconds !== undefined && { seconds: readNumber('--seconds', seconds, { from, to }) }),
    ...(automatic === true && { automatic: true }),
    ...(author !== undefined && { author }),
  };
}

/** A document from a file, or nothing, which means the draft; null where the file is none, which was said. */
function requestOf(values: Values, file: string | undefined): { document?: unknown } | null {
  if (file === undefined) return {};
  const document = readDocument(values, file);
  return document === null ? null : { document: document.value };
}

/** Reads a file that should be a settings document; null where it is none, which was said. */
function readDocument(values: Values, file: string): { readonly value: unknown } | null {
  const text = readWithin(values, file, storeLimits.documentSize);
  if (text === null) return null;
  const problem = shapeProblem(text, storeLimits.documentShape);
  try {
    if (problem === null) return { value: JSON.parse(text) as unknown };
    refuse(values, `${file} cannot be used: ${problem}`);
  } catch (error) {
    refuse(values, `${file} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
  return null;
}

/** A file of at most so many octets, `-` for standard input; null where it is larger or cannot be read, which was said. */
function readWithin(values: Values, file: string, most: number): string | null {
  const name = file === '-' ? 'Standard input' : file;
  try {
    const octets = readInput(file, most);
    if (octets !== null) return new TextDecoder().decode(octets);
    refuse(values, `${name} is too large: such a document has at most ${most} octets`);
  } catch (error) {
    refuse(values, `${name} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
  return null;
}

/**
 * What a value may mean, the likeliest first: JSON, so that nobody has to quote an address twice, or text. A PIN reads as a
 * number; where the box takes none, it is text.
 */
function readingsOf(text: string): readonly unknown[] {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? [value] : [value, text];
  } catch {
    return [text];
  }
}
