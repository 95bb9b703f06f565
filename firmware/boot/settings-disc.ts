import { limits as settingsLimits } from '../store/limits.ts';
import { parseSettingsLayer } from '../store/settings-layers.ts';
import { describeSettingsProblem } from '../store/settings-problem.ts';
import type { SettingsLayer } from '../store/settings-schema.ts';
import { limits } from './limits.ts';
import { customDataOf } from './platform/azure/provisioning-disc.ts';
import { cleanText } from './platform/facts.ts';
import { parseDirectoryLabel, parseVolume, type Volume } from './volume-label.ts';

/** Where user-data lies on volumes with these labels, in either case: NoCloud's, and OpenStack's configuration drive. */
const userDataPaths: Readonly<Record<string, string>> = {
  cidata: 'user-data',
  'config-2': 'openstack/latest/user_data',
};

/** Azure's provisioning disc has another label in every region; its one file is known by name. */
const azurePath = 'ovf-env.xml';

/** Files at the top of a mounted volume. */
export interface DiscFiles {
  /** Up to `maxOctets` of a regular file; null where there is none of that name. Rejects where it cannot be read. */
  read(name: string, maxOctets: number): Promise<Uint8Array | null>;
}

/** What this room needs to read settings from a disc. firmware/system/volumes.ts implements it. */
export interface DiscSystem {
  /** Block devices that may be a volume; `identity` is another one when the medium was changed. */
  listDevices(): readonly { readonly name: string; readonly identity: string }[];
  /** Octets of a device, fewer at its end; null where there is no medium. */
  read(device: string, offset: number, length: number): Uint8Array | null;
  /** Whether the kernel asks drives for a change of the medium, which gives the device another identity. */
  pollMedia(on: boolean): void;
  /** Mounts a volume read-only for as long as `work` lasts. Rejects with the reason where it cannot. */
  withVolume<T>(device: string, type: Volume['type'], work: (files: DiscFiles) => Promise<T>): Promise<T>;
}

export type SettingsDiscResult =
  | {
      readonly state: 'found';
      readonly device: string;
      readonly layer: SettingsLayer;
      /** `instance-id` of its meta-data: a new one says that the settings are meant anew. */
      readonly instanceId: string | null;
    }
  /** There is a disc, and its settings cannot be used: the reason is for the person who made it. */
  | { readonly state: 'invalid'; readonly device: string; readonly reason: string }
  | { readonly state: 'absent' };

/** The label of a volume, read from its head and, for FAT, from its root directory, which has the last word. */
function readVolume(system: DiscSystem, device: string): Volume | null {
  const head = system.read(device, 0, limits.volumeHeadOctets);
  const volume = head === null ? null : parseVolume(head);
  if (!volume?.rootDirectory) return volume;
  const { offset, length } = volume.rootDirectory;
  const directory = system.read(device, offset, Math.min(length, limits.rootDirectoryOctets));
  const label = directory === null ? null : parseDirectoryLabel(directory);
  return label === null ? volume : { ...volume, label };
}

/** Labels of all volumes that are there, for the choice of the data source. */
export function listVolumeLabels(system: DiscSystem): string[] {
  return system
    .listDevices()
    .map(({ name }) => readVolume(system, name)?.label ?? '')
    .filter((label) => label !== '');
}

/**
 * Reads user-data: this project's settings document, as JSON in UTF-8, with or without a byte order mark; or the one line
 * `hithe: hip://HOST:PORT/HIT`, which names the conductor.
 */
export function parseUserData(
  octets: Uint8Array,
): { readonly layer: SettingsLayer } | { readonly reason: string } {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(octets);
  } catch {
    return { reason: 'user-data is not text in UTF-8' };
  }
  const line = /^\s*hithe:\s*(\S+)\s*$/.exec(text);
  if (line?.[1] !== undefined) text = JSON.stringify({ version: 1, conductor: { uri: line[1] } });
  // `#cloud-config` and `#!/bin/sh` are what other images take.
  if (/^\s*#/.test(text)) {
    const first = cleanText(new TextEncoder().encode(text.trimStart().split('\n', 1)[0]));
    return { reason: `user-data must be a JSON settings document; it begins with ${first}` };
  }
  const parsed = parseSettingsLayer(text);
  if (parsed.ok) return { layer: parsed.value };
  // What is wrong quotes the document, and goes to logs and terminals.
  const problems = parsed.problems
    .slice(0, 5)
    .map(describeSettingsProblem)
    .join('; ')
    .replace(/\p{C}+/gu, ' ');
  return { reason: `user-data cannot be used: ${problems}` };
}

/** The instance id of meta-data, which NoCloud has as YAML or JSON; the rest of it says nothing to this project. */
export function parseInstanceId(octets: Uint8Array): string | null {
  const text = new TextDecoder().decode(octets);
  const id = /(?:^|[\s{,])["']?instance-id["']?\s*:\s*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s,}#]+))/.exec(text);
  return cleanText(new TextEncoder().encode(id?.[1] ?? id?.[2] ?? id?.[3] ?? '')) || null;
}

async function readSettings(files: DiscFiles, device: string, path: string): Promise<SettingsDiscResult> {
  const invalid = (reason: string): SettingsDiscResult => ({ state: 'invalid', device, reason });
  const most = settingsLimits.documentSize;
  const userData = await files.read(path, most + 1);
  if (userData === null && path !== userDataPaths['cidata']) return { state: 'absent' };
  if (userData === null) {
    // Editors on Windows append it and the file browser does not show it.
    const misnamed = await files.read('user-data.txt', 1);
    return invalid(
      `it has no file user-data${misnamed === null ? '' : ' but user-data.txt: take the .txt off its name'}`,
    );
  }
  if (userData.length > most) return invalid(`user-data is larger than ${most / 1024 / 1024} MiB`);
  const parsed = parseUserData(userData);
  if ('reason' in parsed) return invalid(parsed.reason);
  const metaData = await files.read('meta-data', limits.metaDataOctets);
  return {
    state: 'found',
    device,
    layer: parsed.layer,
    instanceId: metaData === null ? null : parseInstanceId(metaData),
  };
}

async function readCustomData(files: DiscFiles, device: string): Promise<SettingsDiscResult> {
  const invalid = (reason: string): SettingsDiscResult => ({ state: 'invalid', device, reason });
  const most = limits.provisioningOctets;
  const environment = await files.read(azurePath, most + 1);
  if (environment === null) return { state: 'absent' };
  if (environment.length > most) return invalid(`${azurePath} is larger than ${most / 1024} KiB`);
  const data = customDataOf(environment);
  if (data.state === 'absent') return data;
  if (data.state === 'failed') return invalid(data.reason);
  const parsed = parseUserData(data.octets);
  if ('reason' in parsed) return invalid(parsed.reason);
  return { state: 'found', device, layer: parsed.layer, instanceId: null };
}

async function tryDevice(system: DiscSystem, device: string, onAzure: boolean): Promise<SettingsDiscResult> {
  const volume = readVolume(system, device);
  const label = volume?.label.toLowerCase() ?? '';
  const path = Object.hasOwn(userDataPaths, label) ? userDataPaths[label] : undefined;
  const provisions = onAzure && path === undefined && volume?.type !== 'vfat';
  if (volume === null || (path === undefined && !provisions)) return { state: 'absent' };
  try {
    return await system.withVolume(device, volume.type, (files) =>
      path === undefined ? readCustomData(files, device) : readSettings(files, device, path),
    );
  } catch (error) {
    return { state: 'invalid', device, reason: error instanceof Error ? error.message : String(error) };
  }
}

export type WatchOptions = {
  /** Called for every disc with settings, or with settings that cannot be used, once for each time it is put in. */
  readonly onDisc: (result: Exclude<SettingsDiscResult, { state: 'absent' }>) => void | Promise<void>;
  /** Ends the watch: to be aborted when the box is claimed, since from then on a disc decides nothing. */
  readonly signal: AbortSignal;
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
};

function waitByTimer(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}

/** Finds discs with user-data, each one once for as long as it is in. */
export class SettingsDiscs {
  readonly #system: DiscSystem;
  readonly #onAzure: boolean;
  readonly #looked = new Set<string>();

  /** `onAzure`: also takes the custom data of that platform's own disc. */
  constructor(system: DiscSystem, { onAzure = false }: { readonly onAzure?: boolean } = {}) {
    this.#system = system;
    this.#onAzure = onAzure;
  }

  /**
   * Looks at the volumes that were not there the last time. A disc that cannot be used does not hide another one that
   * can; of two that can, the first by name counts. Never rejects.
   */
  async look(): Promise<SettingsDiscResult> {
    const present = this.#system.listDevices();
    const identities = new Set(present.map(({ identity }) => identity));
    for (const identity of this.#looked) if (!identities.has(identity)) this.#looked.delete(identity);
    let best: SettingsDiscResult = { state: 'absent' };
    for (const { name, identity } of present) {
      if (this.#looked.has(identity)) continue;
      const result = await tryDevice(this.#system, name, this.#onAzure);
      this.#looked.add(identity);
      if (best.state === 'absent' || (best.state === 'invalid' && result.state === 'found')) best = result;
    }
    return best;
  }

  /** Looks again every two seconds, since there is no udev to tell of a stick. Resolves when the signal is aborted. */
  async watch({ onDisc, signal, wait = waitByTimer }: WatchOptions): Promise<void> {
    this.#system.pollMedia(true);
    try {
      while (!signal.aborted) {
        await wait(limits.discIntervalMs, signal);
        if (signal.aborted) return;
        const result = await this.look();
        if (result.state !== 'absent' && !signal.aborted) await onDisc(result);
      }
    } finally {
      this.#system.pollMedia(false);
    }
  }
}
