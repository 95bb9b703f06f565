import { shapeProblem } from '../bytes/json-shape.ts';
import { type BackupOrigin, parseBackup, type SealedSettings, sealedHeader } from '../store/backup-file.ts';
import { limits as settingsLimits } from '../store/limits.ts';
import { withoutHidden, withSecretsOf } from '../store/secret-settings.ts';
import { describeSettingsProblem } from '../store/settings-problem.ts';
import type { Backup, BackupResult, Backups as BackupsApi, RestorePlan } from '../webui/api/backup-route.ts';
import type { Configuration, SettingsApplied, TrialOptions } from '../webui/api/config-route.ts';

/** Encrypts under a password, together with a header that stays readable. */
export interface BackupSeal {
  seal(password: string, text: string, header: string): Promise<SealedSettings>;
  /** Null where the password or the header is not the one that it was sealed with. */
  open(password: string, sealed: SealedSettings, header: string): Promise<string | null>;
}

export interface BackupPorts {
  readonly configuration: Pick<Configuration, 'read' | 'plan' | 'apply'>;
  readonly seal: BackupSeal;
  readonly now: () => string;
  readonly origin: () => Pick<BackupOrigin, 'hostname' | 'product'>;
}

type Opened = {
  readonly made: BackupOrigin;
  readonly document: unknown;
  readonly missing: readonly string[];
};

/**
 * The saved settings as a file, and such a file as settings. The box's own keys, its users and its tokens are not in it:
 * what is restored on another box makes it work alike, and be somebody else.
 */
export class Backups implements BackupsApi {
  readonly #ports: BackupPorts;
  /** Deriving a key takes 32 MiB: one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(ports: BackupPorts) {
    this.#ports = ports;
  }

  async make(password: string | null): Promise<BackupResult<Backup>> {
    const read = this.#ports.configuration.read({ secrets: password !== null });
    if (!read.ok) return read;
    const { saved, revision } = read.value;
    const { hostname, product } = this.#ports.origin();
    const made = { hostname, time: this.#ports.now(), product, revision: revision?.id ?? null };
    if (password === null) return { ok: true, value: { hitheBackup: 1, made, settings: saved } };
    const sealed = await this.#inTurn(() =>
      this.#ports.seal.seal(password, JSON.stringify(saved), sealedHeader(made)),
    );
    return { ok: true, value: { hitheBackup: 1, made, sealed } };
  }

  async plan(backup: unknown, password: string | null): Promise<BackupResult<RestorePlan>> {
    const opened = await this.#open(backup, password);
    if (!opened.ok) return opened;
    const { made, document, missing } = opened.value;
    const plan = await this.#ports.configuration.plan(document);
    return plan.ok ? { ok: true, value: { made, missing, plan: plan.value } } : plan;
  }

  async restore(
    backup: unknown,
    password: string | null,
    options: TrialOptions,
  ): Promise<BackupResult<SettingsApplied>> {
    const opened = await this.#open(backup, password);
    return opened.ok ? await this.#ports.configuration.apply(opened.value.document, options) : opened;
  }

  async #open(backup: unknown, password: string | null): Promise<BackupResult<Opened>> {
    const parsed = parseBackup(backup);
    if (!parsed.ok) return wrong(`${parsed.problems.map(describeSettingsProblem).join('; ')}.`);
    const file = parsed.value;
    const { made } = file;
    if (!('sealed' in file)) return this.#withKnownSecrets(made, file.settings);
    if (password === null)
      return { ok: false, code: 'backup-password', detail: 'This backup is sealed: give its password.' };
    const text = await this.#inTurn(() => this.#ports.seal.open(password, file.sealed, sealedHeader(made)));
    if (text === null)
      return {
        ok: false,
        code: 'backup-password',
        detail: 'The password is not the one that this backup was sealed with, or the file was changed.',
      };
    const shape = shapeProblem(text, settingsLimits.documentShape);
    if (shape !== null) return wrong(`The settings in it are too large: ${shape}.`);
    try {
      return this.#withKnownSecrets(made, JSON.parse(text));
    } catch {
      return wrong('What is sealed in it is not JSON.');
    }
  }

  /** A file without secrets takes those that the box still has for the same receivers. */
  #withKnownSecrets(made: BackupOrigin, settings: unknown): BackupResult<Opened> {
    const read = this.#ports.configuration.read({ secrets: true });
    if (!read.ok) return read;
    return { ok: true, value: { made, ...withoutHidden(withSecretsOf(settings, read.value.saved)) } };
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

function wrong(detail: string): BackupResult<never> {
  return { ok: false, code: 'backup-wrong', detail };
}
