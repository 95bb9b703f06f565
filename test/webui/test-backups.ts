import { Backups } from '../../firmware/boot/backups.ts';
import { backupSealWith } from '../../firmware/system/backup-seal.ts';
import type { Configuration } from '../../firmware/webui/api/config-route.ts';
import { deriveQuickly } from './quick-passwords.ts';

/** Backups of these settings, sealed as a box seals them. */
export function openTestBackups(configuration: Pick<Configuration, 'read' | 'plan' | 'apply'>): Backups {
  return new Backups({
    ...{ configuration, seal: backupSealWith(deriveQuickly), now: () => new Date().toISOString() },
    origin: () => ({ hostname: 'gate-hamburg', product: '0.9.0' }),
  });
}
