import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BootPorts } from '../boot/ports.ts';
import { sha256 } from './sha256.ts';

let ownSha256: string | null = null;

/** Of this program's file, which lies on a root that nobody changes: once is enough. */
export function ownHash(): string | null {
  try {
    ownSha256 ??= createHash('sha256')
      .update(readFileSync(process.argv[1] ?? ''))
      .digest('hex');
  } catch {
    // It is asked for again, and said then.
  }
  return ownSha256;
}

/** Measures into the TPM: this program, the board profile that it chose, the settings in force. */
export function runtimeMeasurer(runFolder: string): BootPorts['measureRuntime'] {
  const opened = async () => {
    const { RuntimeMeasurements } = await import('../boot/runtime-measurements.ts');
    const { openRuntimeLog } = await import('./attestation-system.ts');
    const { openTpmDevice } = await import('./tpm-device.ts');
    const { tpmCryptography } = await import('./tpm-cryptography.ts');
    return new RuntimeMeasurements({
      openTpm: () => openTpmDevice(),
      cryptography: tpmCryptography,
      wait: async (milliseconds) => {
        await sleep(milliseconds);
      },
      log: openRuntimeLog(runFolder),
    });
  };
  let measurements: ReturnType<typeof opened> | undefined;
  return async ({ boardProfile, settings }) => {
    const bundle = ownHash();
    if (bundle === null) return 'the program’s own file cannot be read';
    measurements ??= opened();
    return (await measurements).measure([
      { subject: 'bundle', sha256: bundle },
      { subject: 'board-profile', sha256: sha256(JSON.stringify(boardProfile)) },
      { subject: 'settings', sha256: sha256(JSON.stringify(settings)) },
    ]);
  };
}
