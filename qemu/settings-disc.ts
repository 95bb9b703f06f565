import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SettingsLayer } from '../firmware/store/settings-schema.ts';

/**
 * A NoCloud settings disc, as a person makes it: a folder of `user-data` (here a settings layer as JSON) and
 * `meta-data`. QEMU shows the folder to the guest as a FAT disk (see Machine.plugUsbStick).
 *
 * @see cloud-init, data source NoCloud: a volume labelled CIDATA with these two files
 * @returns the folder
 */
export function settingsDisc(folder: string, instance: string, layer: SettingsLayer): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'user-data'), `${JSON.stringify(layer, null, 2)}\n`);
  writeFileSync(join(folder, 'meta-data'), `instance-id: ${instance}\n`);
  return folder;
}
