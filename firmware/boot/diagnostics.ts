import type { Settings } from '../store/settings-schema.ts';
import type { Status } from '../webui/api/status-schema.ts';

type Warning = Status['warnings'][number];

/** Warnings of what weakens the box as long as its settings say so, with the codes of those that are over. */
export function diagnosticsWarnings({ diagnostics }: Pick<Settings, 'diagnostics'>): {
  readonly on: readonly Warning[];
  readonly over: readonly string[];
} {
  const all: readonly (Warning & { readonly holds: boolean })[] = [
    {
      holds: diagnostics.keyLog,
      code: 'KEY_LOG_ON',
      message: 'The keys of all tunnels are written to /run/hithe/esp_sa: who reads it reads the traffic.',
      advice: 'Turn diagnostics.keyLog off when the capture is made; that removes the file.',
    },
    {
      holds: diagnostics.nullEncryption,
      code: 'NULL_ENCRYPTION_ON',
      message: 'Tunnels without encryption are taken part in: what they carry can be read on the way.',
      advice: 'Turn diagnostics.nullEncryption off.',
    },
    {
      holds: diagnostics.shell,
      code: 'SHELL_ON',
      message: 'The consoles offer a shell: whoever stands before the box may change what it does.',
      advice: 'Turn diagnostics.shell off.',
    },
  ];
  return {
    on: all.flatMap(({ holds, ...warning }) => (holds ? [warning] : [])),
    over: all.flatMap(({ holds, code }) => (holds ? [] : [code])),
  };
}
