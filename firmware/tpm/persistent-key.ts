import { equalBytes } from '../bytes/bytes.ts';
import type { Tpm } from './client.ts';
import {
  type CreatedPrimary,
  createPrimary,
  evictControl,
  flushContext,
  type ObjectPublic,
  readPublic,
} from './commands/keys.ts';
import type { TpmResult } from './error.ts';
import type { PublicArea } from './public-area.ts';

/** A key that stays in the TPM over restarts. */
export type PersistentKey = ObjectPublic & { readonly handle: number };

/** The key at a persistent handle, or undefined where there is none. */
export async function findPersistentKey(
  tpm: Tpm,
  handle: number,
): Promise<TpmResult<PersistentKey | undefined>> {
  const found = await tpm.execute(readPublic(handle));
  if (found.ok) return { ok: true, value: { ...found.value, handle } };
  // Part 3, section 12.4: a handle with nothing behind it is TPM_RC_HANDLE.
  if (found.error.responseCode?.name === 'TPM_RC_HANDLE') return { ok: true, value: undefined };
  return found;
}

/** Makes a primary key, lends it and flushes it whatever `use` does. */
export async function withPrimaryKey<Value>(
  tpm: Tpm,
  hierarchyHandle: number,
  template: PublicArea,
  use: (key: CreatedPrimary) => Promise<TpmResult<Value>>,
): Promise<TpmResult<Value>> {
  const created = await tpm.execute(createPrimary(hierarchyHandle, template));
  if (!created.ok) return created;
  let result: TpmResult<Value> | undefined;
  try {
    result = await use(created.value);
  } finally {
    const flushed = await tpm.execute(flushContext(created.value.handle));
    if (!flushed.ok && result?.ok === true) result = flushed;
  }
  return result;
}

/** Makes `key`, which is loaded, persistent at `handle`, in the place of what is there. */
export async function keepKey(
  tpm: Tpm,
  key: CreatedPrimary,
  handle: number,
): Promise<TpmResult<PersistentKey>> {
  const there = await findPersistentKey(tpm, handle);
  if (!there.ok) return there;
  if (there.value !== undefined && !equalBytes(there.value.name, key.name)) {
    const removed = await tpm.execute(evictControl(there.value, handle));
    if (!removed.ok) return removed;
  }
  if (there.value === undefined || !equalBytes(there.value.name, key.name)) {
    const kept = await tpm.execute(evictControl(key, handle));
    if (!kept.ok) return kept;
  }
  const read = await tpm.execute(readPublic(handle));
  return read.ok ? { ok: true, value: { ...read.value, handle } } : read;
}
