import { concatBytes } from '../bytes/bytes.ts';
import type { Tpm } from './client.ts';
import { nvRead, nvReadPublic } from './commands/nv.ts';
import { hierarchy, nvAttribute } from './constants.ts';
import { TpmError, type TpmResult } from './error.ts';
import { limits } from './limits.ts';

/**
 * Reads the whole of an NV index that may be read with an empty password, as the indexes of EK certificates may:
 * by the index's own authorization or else by the owner's.
 */
export async function readNvIndex(tpm: Tpm, index: number): Promise<TpmResult<Uint8Array>> {
  const description = await tpm.execute(nvReadPublic(index));
  if (!description.ok) return description;
  const { attributes, dataSize } = description.value.publicArea;
  if (dataSize > limits.nvSize) {
    const problem = `${dataSize} octets, at most ${limits.nvSize} are read`;
    return { ok: false, error: new TpmError('MALFORMED', 'TPM2_NV_ReadPublic', problem) };
  }
  const authHandle = (attributes & nvAttribute.authRead) !== 0 ? index : hierarchy.owner;
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < dataSize; offset += limits.nvChunk) {
    const size = Math.min(limits.nvChunk, dataSize - offset);
    const part = await tpm.execute(nvRead(authHandle, index, { size, offset }));
    if (!part.ok) return part;
    parts.push(part.value);
  }
  return { ok: true, value: concatBytes(...parts) };
}
