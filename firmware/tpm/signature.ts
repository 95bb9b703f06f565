import type { Reader } from '../bytes/reader.ts';
import type { Writer } from '../bytes/writer.ts';
import { algorithm } from './constants.ts';
import { limits } from './limits.ts';
import { readSized, writeSized } from './sized.ts';

/** TPMT_SIGNATURE, Part 2, section 11.3.4. `hash` is the TPM_ALG_ID of the digest that was signed. */
export type Signature =
  | { readonly scheme: 'ecdsa'; readonly hash: number; readonly r: Uint8Array; readonly s: Uint8Array }
  | { readonly scheme: 'rsassa' | 'rsapss'; readonly hash: number; readonly signature: Uint8Array };

export function readSignature(reader: Reader): Signature {
  const id = reader.u16('sigAlg');
  if (id === algorithm.ecdsa) {
    const hash = reader.u16('hash');
    const r = readSized(reader, limits.eccSize, 'signatureR').slice();
    const s = readSized(reader, limits.eccSize, 'signatureS').slice();
    return { scheme: 'ecdsa', hash, r, s };
  }
  if (id !== algorithm.rsassa && id !== algorithm.rsapss) {
    reader.fail(`signature algorithm 0x${id.toString(16)} is not handled`, 'sigAlg', reader.offset - 2);
  }
  const hash = reader.u16('hash');
  const signature = readSized(reader, limits.rsaSize, 'sig').slice();
  return { scheme: id === algorithm.rsassa ? 'rsassa' : 'rsapss', hash, signature };
}

export function writeSignature(writer: Writer, signature: Signature): Writer {
  writer.u16(algorithm[signature.scheme]).u16(signature.hash);
  if (signature.scheme === 'ecdsa') return writeSized(writeSized(writer, signature.r), signature.s);
  return writeSized(writer, signature.signature);
}
