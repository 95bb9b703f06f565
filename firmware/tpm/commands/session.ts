import { Writer } from '../../bytes/writer.ts';
import {
  algorithm,
  commandCode,
  type HashName,
  hashByName,
  sessionCipherOctets,
  sessionType,
} from '../constants.ts';
import type { Command, Handle } from '../frame.ts';
import { limits } from '../limits.ts';
import { readSized, writeSized } from '../sized.ts';
import { plain } from './plain.ts';

export type StartedSession = { readonly handle: number; readonly nonceTpm: Uint8Array };

/** Part 3, section 11.1, with AES-128 in CFB mode for parameters. `saltKey` and `bind` are TPM_RH_NULL where there is none. */
export function startAuthSession({
  saltKey,
  bind,
  nonceCaller,
  encryptedSalt,
  kind,
  hash,
}: {
  readonly saltKey: Handle;
  readonly bind: Handle;
  readonly nonceCaller: Uint8Array;
  readonly encryptedSalt: Uint8Array;
  readonly kind: keyof typeof sessionType;
  readonly hash: HashName;
}): Command<StartedSession> {
  const parameters = writeSized(writeSized(new Writer(), nonceCaller), encryptedSalt).u8(sessionType[kind]);
  parameters
    .u16(algorithm.aes)
    .u16(sessionCipherOctets * 8)
    .u16(algorithm.cfb);
  return {
    ...plain,
    name: 'TPM2_StartAuthSession',
    code: commandCode.startAuthSession,
    handles: [saltKey, bind],
    parameters: parameters.u16(hashByName(hash).id).finish(),
    answersHandle: true,
    read: (reader, handle) => ({
      handle,
      nonceTpm: readSized(reader, limits.nonceSize, 'nonceTPM').slice(),
    }),
  };
}
