import { writeFileSync } from 'node:fs';
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
import { askBox } from './ask-box.ts';
import { readInput } from './input-file.ts';
import { complain, printJson, say } from './output.ts';
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

const verbs: Readonly<Record<string, (call: Call) => Promise<number>>> = {
  ...{ get, set, diff, apply, confirm, revert, discard, history, schema },
  ...{ import: importFile, export: exportFile },
};

export async function config(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, options);
  const [name = '', ...rest] = positionals;
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb === undefined) throw new UsageError(`config takes: ${Object.keys(verbs).join(', ')}`);
  return verb({ values, rest });
}

async function get({ values, rest }: Call): Promise<number> {
  const path = parseSettingsPath(atMostOne('get', rest) ?? '');
  if (path === null) throw new UsageError('that is no path to a setting');
  const view = await askBox<SettingsView>(values, '/api/v1/config');
  if (view === null) return 1;
  const found = readAtPath(values.saved ? view.saved : values.draft ? view.draft : view.inForce, path);
  if (!found.ok) return failed(found.reason);
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
  const text = from === undefined ? given[0] : readWithin(from, storeLimits.documentSize);
  if (text === null || text === undefined) return 1;
  return changeDraft(values, {
    path,
    value: parseValue(from === undefined ? text : text.replace(/\r?\n$/, '')),
  });
}

async function importFile({ values, rest }: Call): Promise<number> {
  const file = atMostOne('import', rest);
  if (file === undefined) throw new UsageError('config import takes a FILE');
  if (values.uci) return importUci(values, file);
  const document = readDocument(file);
  return document === null ? 1 : changeDraft(values, { path: '', value: document.value });
}

/** The network of another system, over what the draft has of it. */
async function importUci(values: Values, file: string): Promise<number> {
  const text = readWithin(file, storeLimits.uciLength);
  if (text === null) return 1;
  const { importUciNetwork } = await import('../store/uci-network.ts');
  const status = await askBox<Status>(values, '/api/v1/status');
  if (status === null) return 1;
  const uplinks = status.network.interfaces.filter(({ role }) => role === 'underlay');
  const imported = importUciNetwork(text, uplinks.length === 1 ? (uplinks[0]?.name ?? null) : null);
  if (!imported.ok) return failed(`${file} cannot be used: ${imported.reason}`);
  const view = await askBox<SettingsView>(values, '/api/v1/config');
  if (view === null) return 1;
  for (const note of imported.notes) complain(`${note}\n`);
  const before = readAtPath(view.draft ?? view.saved, ['network']);
  const network = { ...(before.ok ? (before.value as object) : {}), ...imported.network };
  return changeDraft(values, { path: 'network', value: network });
}

async function changeDraft(values: Values, change: object): Promise<number> {
  const view = await askBox<SettingsView>(values, '/api/v1/config/draft', change);
  if (view === null) return 1;
  return showPlan(values, await askBox<SettingsPlan>(values, '/api/v1/config/plan', {}));
}

async function discard({ values }: Call): Promise<number> {
  const view = await askBox<SettingsView>(values, '/api/v1/config/draft', { discard: true });
  if (view === null) return 1;
  if (values.json) printJson(view);
  else say('There is no draft any more.\n');
  return 0;
}

async function diff({ values, rest }: Call): Promise<number> {
  const request = requestOf(atMostOne('diff', rest));
  if (request === null) return 1;
  return showPlan(values, await askBox<SettingsPlan>(values, '/api/v1/config/plan', request));
}

async function apply({ values, rest }: Call): Promise<number> {
  const trial = trialOf(values);
  const request = requestOf(atMostOne('apply', rest));
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
  const revision = atMostOne('revert', rest);
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
  const revision = atMostOne('history', rest);
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
  const file = atMostOne('export', rest);
  const view = await askBox<SettingsView>(values, '/api/v1/config?secrets=shown');
  if (view === null) return 1;
  if (file === undefined) printJson(view.saved);
  // It may name peers and passwords: for the owner alone.
  else writeFileSync(file, `${JSON.stringify(view.saved, null, 2)}\n`, { mode: 0o600 });
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

function atMostOne(verb: string, rest: readonly string[]): string | undefined {
  if (rest.length > 1) throw new UsageError(`config ${verb} takes one argument at most`);
  return rest[0];
}

/** A document from a file, or nothing, which means the draft; null where the file is none, which was said. */
function requestOf(file: string | undefined): { document?: unknown } | null {
  if (file === undefined) return {};
  const document = readDocument(file);
  return document === null ? null : { document: document.value };
}

/** Reads a file that should be a settings document; null where it is none, which was said. */
function readDocument(file: string): { readonly value: unknown } | null {
  const text = readWithin(file, storeLimits.documentSize);
  if (text === null) return null;
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    failed(`${file} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

/** A file of at most so many octets, `-` for standard input; null where it is larger or cannot be read, which was said. */
function readWithin(file: string, most: number): string | null {
  const name = file === '-' ? 'Standard input' : file;
  try {
    const octets = readInput(file, most);
    if (octets !== null) return new TextDecoder().decode(octets);
    failed(`${name} is too large: such a document has at most ${most} octets`);
  } catch (error) {
    failed(`${name} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
  return null;
}

/** What JSON is, is meant so; everything else is text, so that nobody has to quote an address twice. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function failed(reason: string): number {
  complain(`hithe: ${reason}\n`);
  return 1;
}
