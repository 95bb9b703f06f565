import { mergeLayers, type SettingsLayers, settingsInForce } from '../store/settings-layers.ts';
import type { Parsed } from '../store/settings-problem.ts';
import type { Settings, SettingsLayer } from '../store/settings-schema.ts';
import type { SettingsStore } from '../store/settings-store.ts';
import { parseUserData, type SettingsDiscResult } from './settings-disc.ts';

type Warning = { readonly code: string; readonly message: string; readonly advice: string };
type Log = (level: 'info' | 'warning' | 'error', message: string) => void;

const discAuthor = 'settings disc';

/** Knows which settings are in force and why: the store's saved layer over the board's own, and what discs bring. */
export class SettingsKeeper {
  readonly #store: SettingsStore;
  readonly #layers: Omit<SettingsLayers, 'saved'>;
  readonly #log: Log;
  readonly #warn: (warning: Warning) => void;
  #trial: SettingsLayer | null = null;

  constructor(
    store: SettingsStore,
    layers: Omit<SettingsLayers, 'saved'>,
    { log, warn }: { readonly log: Log; readonly warn: (warning: Warning) => void },
  ) {
    this.#store = store;
    this.#layers = layers;
    this.#log = log;
    this.#warn = warn;
  }

  /** Has a layer in force in the place of the saved one, or the saved one again. */
  tryLayer(layer: SettingsLayer | null): void {
    this.#trial = layer;
  }

  /** All layers with this one as the saved one. */
  merge(saved: SettingsLayer): Parsed<Settings> {
    return mergeLayers({ ...this.#layers, saved });
  }

  /**
   * The settings in force. What is on trial has all of its say but about the identity: one that was given up cannot be
   * taken back.
   */
  inForce(): Settings {
    const confirmed = this.#confirmed();
    const tried = this.#trial === null ? null : this.merge(this.#trial);
    return tried?.ok ? { ...tried.value, identity: confirmed.identity } : confirmed;
  }

  /** The settings that were confirmed. A saved layer that does not fit is left out with a warning: the box always starts. */
  #confirmed(): Settings {
    const current = this.#store.current();
    if (!current.ok) {
      this.#warn({
        code: 'SETTINGS_NOT_READ',
        message: `The saved settings cannot be used: ${current.error.message}`,
        advice: 'The box runs on its defaults. Put in a settings disc, or restore an earlier revision.',
      });
    }
    const saved = current.ok ? current.value?.layer : undefined;
    const { settings, rejected } = settingsInForce({ ...this.#layers, saved });
    for (const { layer, problems } of rejected) {
      const [first] = problems;
      this.#warn({
        code: `SETTINGS_REJECTED_${layer.toUpperCase()}`,
        message:
          `The ${layer} settings are not in force: ${first?.path ?? ''} ${first?.problem ?? ''}`.trim(),
        advice: 'Correct them; until then the layers below apply.',
      });
    }
    return settings;
  }

  /**
   * Takes settings from a disc: saved as a revision, so that they stay when the disc is taken out. A claimed box takes
   * none, since a claimed box has an owner who decides, and a disc that was taken before is not taken over later changes.
   *
   * @returns true where the settings in force have changed
   */
  takeDisc(result: SettingsDiscResult, claimed: boolean): boolean {
    if (result.state === 'absent') return false;
    const source = `the disc ${result.device}`;
    if (result.state === 'invalid') {
      this.#log('warning', `The settings of ${source} cannot be used: ${result.reason}`);
      this.#warn({
        code: 'SETTINGS_DISC',
        message: `The settings disc cannot be used: ${result.reason}`,
        advice: 'Correct its user-data and put it in again.',
      });
      return false;
    }
    return this.#take(result.layer, { author: discAuthor, source }, claimed);
  }

  /** The same with the user-data that a cloud's metadata service has. */
  takeUserData(octets: Uint8Array, platform: string, claimed: boolean): boolean {
    const parsed = parseUserData(octets);
    const source = `the user-data of ${platform}`;
    if ('layer' in parsed)
      return this.#take(parsed.layer, { author: `user-data ${platform}`, source }, claimed);
    this.#log('warning', `The settings of ${source} cannot be used: ${parsed.reason}`);
    this.#warn({
      code: 'SETTINGS_USER_DATA',
      message: `The user-data cannot be used: ${parsed.reason}`,
      advice: 'Correct the instance’s user-data and restart it.',
    });
    return false;
  }

  #take(
    layer: SettingsLayer,
    { author, source }: { readonly author: string; readonly source: string },
    claimed: boolean,
  ): boolean {
    if (claimed) {
      this.#log('warning', `The settings of ${source} are not used: the box is claimed`);
      return false;
    }
    if (this.#takenBefore(layer, author)) return false;
    const saved = this.#store.save(layer, author);
    if (!saved.ok) {
      this.#log('error', `The settings of ${source} could not be saved: ${saved.error.message}`);
      return false;
    }
    this.#log('info', `Settings taken from ${source} as revision ${saved.value.id}`);
    return true;
  }

  #takenBefore(layer: SettingsLayer, by: string): boolean {
    const revisions = this.#store.revisions();
    if (!revisions.ok) return false;
    const last = revisions.value.find(({ author }) => author === by);
    const earlier = last === undefined ? undefined : this.#store.revision(last.id);
    return earlier?.ok === true && JSON.stringify(earlier.value.layer) === JSON.stringify(layer);
  }
}
