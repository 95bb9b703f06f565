import { expect, test } from 'vitest';
import { diagnosticsWarnings } from '../../firmware/boot/diagnostics.ts';

test.each([
  [{ keyLog: false, nullEncryption: false }, [], ['KEY_LOG_ON', 'NULL_ENCRYPTION_ON']],
  [{ keyLog: true, nullEncryption: false }, ['KEY_LOG_ON'], ['NULL_ENCRYPTION_ON']],
  [{ keyLog: false, nullEncryption: true }, ['NULL_ENCRYPTION_ON'], ['KEY_LOG_ON']],
])('%j: the status warns of what weakens the box', (diagnostics, on, over) => {
  const warnings = diagnosticsWarnings({ diagnostics });
  expect([warnings.on.map(({ code }) => code), warnings.over]).toEqual([on, over]);
});
