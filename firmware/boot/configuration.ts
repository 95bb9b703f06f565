import { limits as storeLimits } from '../store/limits.ts';
import { withoutSecrets, withSecretsOf } from '../store/secret-settings.ts';
import { settingsDifference } from '../store/settings-diff.ts';
import { parseSettingsLayer } from '../store/settings-layers.ts';
import { formatSettingsPath, parseSettingsPath, writeAtPath } from '../store/settings-path.ts';
import { describeSettingsProblem, type Parsed } from '../store/settings-problem.ts';
import type { Settings, SettingsLayer } from '../store/settings-schema.ts';
import type { SettingsStore } from '../store/settings-store.ts';
import type { StoreResult } from '../store/store-error.ts';
import type {
  Configuration as ConfigurationApi,
  ConfigurationProblem,
  ConfigurationResult,
  Expected,
  Revision,
  RevisionDetail,
  SettingsApplied,
  SettingsPlan,
  SettingsView,
  TrialOptions,
} from '../webui/api/config-route.ts';
import type { SettingsKeeper } from './settings-keeper.ts';
import { SettingsTrial, type TrialOutcome, type TrialPorts, type TrialStatus } from './settings-trial.ts';

export interface ConfigurationPorts extends Omit<TrialPorts, 'store' | 'keeper'> {
  readonly store: SettingsStore;
  readonly keeper: SettingsKeeper;
  /** What the network would have to do for these settings, a line each. */
  planNetwork(settings: Settings): Promise<readonly string[]>;
}

const empty: SettingsLayer = { version: 1 };

/** The settings as people change them: a draft of single changes, plans, trials, history. One thing at a time. */
export class Configuration implements ConfigurationApi {
  readonly #ports: ConfigurationPorts;
  readonly #trial: SettingsTrial;
  #draft: SettingsLayer | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(ports: ConfigurationPorts) {
    this.#ports = ports;
    this.#trial = new SettingsTrial(ports, (work) => this.#inTurn(work));
    this.#trial.tellInterrupted();
  }

  async schema(): Promise<object> {
    return (await import('../store/settings-json-schema.ts')).settingsLayerJsonSchema();
  }

  read({ secrets = false }: { readonly secrets?: boolean } = {}): ConfigurationResult<SettingsView> {
    const shown = <Document>(document: Document) => (secrets ? document : withoutSecrets(document));
    const current = this.#ports.store.current();
    if (!current.ok) return notKept(current);
    const { layer: saved = empty, ...revision } = current.value ?? {};
    return {
      ok: true,
      value: {
        revision: 'id' in revision ? revision : null,
        trial: this.#trial.status(),
        saved: shown(saved),
        draft: shown(this.#draft),
        inForce: shown(this.#ports.keeper.inForce()),
      },
    };
  }

  /** The change that is on trial. */
  trial(): TrialStatus | null {
    return this.#trial.status();
  }

  version(): string {
    const current = this.#ports.store.current();
    const revision = current.ok ? (current.value?.id ?? 0) : 0;
    return `"r${revision}-${this.#draft === null ? 0 : fingerprint(JSON.stringify(this.#draft))}"`;
  }

  edit(path: string, value: unknown, expected?: Expected): ConfigurationResult<SettingsView> {
    const moved = this.#movedOn(expected);
    if (moved !== null) return moved;
    const place = parseSettingsPath(path);
    if (place === null) return refuse('settings-not-there', `${path} is no path to a setting.`);
    const base = this.#base();
    if (!base.ok) return base;
    const written = writeAtPath(base.value, place, value);
    if (!written.ok) return refuse('settings-not-there', `${formatSettingsPath(place)}: ${written.reason}.`);
    const checked = this.#check(written.value);
    if (!checked.ok) return checked;
    this.#draft = checked.value;
    return this.read();
  }

  discard(expected?: Expected): ConfigurationResult<SettingsView> {
    const moved = this.#movedOn(expected);
    if (moved !== null) return moved;
    this.#draft = null;
    return this.read();
  }

  plan(document: unknown, expected?: Expected): Promise<ConfigurationResult<SettingsPlan>> {
    return this.#inTurn(async () => {
      const layer = this.#movedOn(expected) ?? this.#wanted(document);
      return layer.ok ? await this.#planOf(layer.value) : layer;
    });
  }

  apply(
    document: unknown,
    { expected, ...options }: TrialOptions & { readonly expected?: Expected },
  ): Promise<ConfigurationResult<SettingsApplied>> {
    return this.#inTurn(async () => {
      const layer = this.#movedOn(expected) ?? this.#wanted(document);
      return layer.ok ? await this.#try(layer.value, options, document === undefined) : layer;
    });
  }

  restore(id: number, options: TrialOptions): Promise<ConfigurationResult<SettingsApplied>> {
    return this.#inTurn(async () => {
      const earlier = this.#ports.store.revision(id);
      return earlier.ok ? await this.#try(earlier.value.layer, options, false) : notKept(earlier);
    });
  }

  confirm(anyway: boolean): Promise<ConfigurationResult<Revision>> {
    return this.#inTurn(async () => resultOf(await this.#trial.confirm(anyway)));
  }

  rollBack(author: string): Promise<ConfigurationResult<Revision>> {
    return this.#inTurn(async () => resultOf(await this.#trial.rollBack(`${author} took it back`)));
  }

  /** Ends a trial since other settings, which the caller applies, come in its place. */
  supersede(reason: string): void {
    this.#ports.byItself('config taken', reason);
    this.#trial.supersede(reason);
  }

  history(): ConfigurationResult<readonly Revision[]> {
    const revisions = this.#ports.store.revisions();
    return revisions.ok ? revisions : notKept(revisions);
  }

  revision(id: number, against?: number): ConfigurationResult<RevisionDetail> {
    const { store } = this.#ports;
    const found = store.revision(id);
    if (!found.ok) return notKept(found);
    const { layer, ...revision } = found.value;
    const before = against ?? revision.base;
    const base = before === null ? null : store.revision(before);
    if (against !== undefined && base?.ok === false) return notKept(base);
    // Against nothing where it was the first; unknown where the one before is not kept any more.
    const difference =
      base === null || base.ok ? settingsDifference(base === null ? empty : base.value.layer, layer) : null;
    return {
      ok: true,
      value: {
        revision,
        document: withoutSecrets(layer),
        changes: difference?.changes ?? null,
        more: difference?.more ?? 0,
      },
    };
  }

  async close(): Promise<void> {
    this.#trial.close();
    await this.#last;
  }

  async #try(
    layer: SettingsLayer,
    options: TrialOptions,
    isDraft: boolean,
  ): Promise<ConfigurationResult<SettingsApplied>> {
    const running = this.#trial.status();
    if (running !== null) {
      return refuse(
        'settings-trial',
        `Revision ${running.revision} by ${running.author} is on trial for another ${running.secondsLeft} s. Confirm it or take it back first.`,
      );
    }
    const plan = await this.#planOf(layer);
    if (!plan.ok) return plan;
    const saved = this.read({ secrets: true });
    if (!saved.ok) return saved;
    if (JSON.stringify(saved.value.saved) === JSON.stringify(layer))
      return refuse('settings-unchanged', 'These settings are in force already.');
    const begun = await this.#trial.begin(layer, options);
    if (!begun.ok) return resultOf(begun);
    if (isDraft) this.#draft = null;
    return { ok: true, value: { revision: begun.value, trial: this.#trial.status(), plan: plan.value } };
  }

  /** Refuses what was meant for other settings than those that are saved and drafted now. */
  #movedOn(expected: Expected): (ConfigurationResult<never> & { readonly ok: false }) | null {
    if (expected === undefined || expected.includes(this.version())) return null;
    const current = this.#ports.store.current();
    const newest = current.ok ? current.value : undefined;
    const saved =
      newest === undefined ? 'Nothing is saved' : `Revision ${newest.id} by ${newest.author} is saved`;
    const detail = `The settings were changed since they were read. ${saved} now; read them again.`;
    return { ok: false, code: 'settings-moved-on', detail };
  }

  /** The document that is meant: the one given, or the draft. */
  #wanted(document: unknown): ConfigurationResult<SettingsLayer> {
    if (document !== undefined) return this.#check(document);
    if (this.#draft === null)
      return refuse('settings-unchanged', 'There is no draft: nothing was set since the last change.');
    return { ok: true, value: this.#draft };
  }

  /** A document that was read without its secrets gets those that are saved. */
  #check(document: unknown): ConfigurationResult<SettingsLayer> {
    const saved = this.#ports.store.current();
    const text = textOf(withSecretsOf(document, saved.ok ? saved.value?.layer : undefined));
    if (text === null) return refuse('settings-invalid', 'the document is nested too deeply');
    const parsed = parseSettingsLayer(text);
    if (!parsed.ok) return invalid(parsed);
    const whole = this.#ports.keeper.merge(parsed.value);
    return whole.ok ? parsed : invalid(whole);
  }

  async #planOf(layer: SettingsLayer): Promise<ConfigurationResult<SettingsPlan>> {
    const merged = this.#ports.keeper.merge(layer);
    if (!merged.ok) return invalid(merged);
    const difference = settingsDifference(this.#ports.keeper.inForce(), merged.value);
    return { ok: true, value: { ...difference, network: await this.#ports.planNetwork(merged.value) } };
  }

  /** What single changes are made to: the draft, or what is saved. */
  #base(): ConfigurationResult<SettingsLayer> {
    if (this.#draft !== null) return { ok: true, value: this.#draft };
    const current = this.#ports.store.current();
    return current.ok ? { ok: true, value: current.value?.layer ?? empty } : notKept(current);
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/** FNV-1a of 32 bits: tells drafts apart, and protects against nobody. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (const octet of new TextEncoder().encode(text)) hash = Math.imul(hash ^ octet, 0x01000193);
  return (hash >>> 0).toString(16);
}

/** JSON is written recursively: a document that was made to exhaust the stack is none. */
function textOf(document: unknown): string | null {
  try {
    return JSON.stringify(document);
  } catch {
    return null;
  }
}

function refuse(code: ConfigurationProblem, detail: string): ConfigurationResult<never> {
  return { ok: false, code, detail };
}

function invalid({ problems }: Parsed<unknown> & { readonly ok: false }): ConfigurationResult<never> {
  const more = problems.length < storeLimits.problems ? '' : '; and perhaps more';
  const detail = `${problems.map(describeSettingsProblem).join('; ')}${more}`;
  const errors = problems.map(({ path, problem }) => ({ path, message: problem }));
  return { ok: false, code: 'settings-invalid', detail, errors };
}

function notKept({ error }: StoreResult<unknown> & { readonly ok: false }): ConfigurationResult<never> {
  const code = error.code === 'UNKNOWN_REVISION' ? 'settings-not-there' : 'settings-not-kept';
  return refuse(code, error.message);
}

function resultOf<Value>(outcome: TrialOutcome<Value>): ConfigurationResult<Value> {
  return outcome.ok ? outcome : refuse(`settings-${outcome.why}`, outcome.detail);
}
