import { Writer } from '../bytes/writer.ts';
import { hashById } from './constants.ts';
import type { TpmCryptography } from './crypto-port.ts';
import { encodePublicArea, type PublicArea } from './public-area.ts';

/** An object's name, Part 1, section 16: its name algorithm and the digest of its public area. undefined without one. */
export function objectName(
  cryptography: Pick<TpmCryptography, 'digest'>,
  area: PublicArea,
): Uint8Array | undefined {
  const hash = hashById(area.nameAlgorithm);
  if (hash === undefined) return undefined;
  return new Writer()
    .u16(hash.id)
    .bytes(cryptography.digest(hash.name, encodePublicArea(area)))
    .finish();
}
