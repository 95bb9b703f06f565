import { expect, test } from 'vitest';
import { diagnosticsWarnings } from '../../firmware/boot/diagnostics.ts';

test.each([
  [
    { keyLog: false, nullEncryption: false, shell: false },
    [],
    ['KEY_LOG_ON', 'NULL_ENCRYPTION_ON', 'SHELL_ON'],
  ],
  [{ keyLog: true, nullEncryption: false, shell: false }, ['KEY_LOG_ON'], ['NULL_ENCRYPTION_ON', 'SHELL_ON']],
  [{ keyLog: false, nullEncryption: true, shell: false }, ['NULL_ENCRYPTION_ON'], ['KEY_LOG_ON', 'SHELL_ON']],
  [{ keyLog: false, nullEncryption: false, shell: true }, ['SHELL_ON'], ['KEY_LOG_ON', 'NULL_ENCRYPTION_ON']],
])('%j: the status warns of what weakens the box', (diagnostics, on, over) => {
  const warnings = diagnosticsWarnings({ diagnostics });
  expect([warnings.on.map(({ code }) => code), warnings.over]).toEqual([on, over]);
});
