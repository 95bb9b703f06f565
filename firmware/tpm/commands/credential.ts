import { Writer } from '../../bytes/writer.ts';
import { type Authorization, emptyPassword } from '../authorization.ts';
import { commandCode } from '../constants.ts';
import type { Credential } from '../credential.ts';
import type { Command, Handle } from '../frame.ts';
import { limits } from '../limits.ts';
import { readSized, writeSized } from '../sized.ts';
import { plain } from './plain.ts';

/**
 * Part 3, section 12.5: gives back what was encrypted to `key` (the EK) for the object with the name of `object` (the
 * AK); the TPM does so only where it holds both.
 */
export function activateCredential(
  object: Handle,
  key: Handle,
  { blob, encryptedSeed }: Credential,
  {
    objectAuth = emptyPassword,
    keyAuth = emptyPassword,
  }: { readonly objectAuth?: Authorization; readonly keyAuth?: Authorization } = {},
): Command<Uint8Array> {
  return {
    ...plain,
    name: 'TPM2_ActivateCredential',
    code: commandCode.activateCredential,
    handles: [object, key],
    sessions: [objectAuth, keyAuth],
    parameters: writeSized(writeSized(new Writer(), blob), encryptedSeed).finish(),
    read: (reader) => readSized(reader, limits.credentialSize, 'certInfo').slice(),
  };
}

/** Part 3, section 12.6: what `makeCredential` does without a TPM. */
export function makeCredentialByTpm(
  key: number,
  credential: Uint8Array,
  objectName: Uint8Array,
): Command<Credential> {
  return {
    ...plain,
    name: 'TPM2_MakeCredential',
    code: commandCode.makeCredential,
    handles: [key],
    parameters: writeSized(writeSized(new Writer(), credential), objectName).finish(),
    read: (reader) => ({
      blob: readSized(reader, limits.frameSize, 'credentialBlob').slice(),
      encryptedSeed: readSized(reader, limits.encryptedSecretSize, 'secret').slice(),
    }),
  };
}
