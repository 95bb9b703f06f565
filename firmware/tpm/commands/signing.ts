import { Writer } from '../../bytes/writer.ts';
import { type Authorization, emptyPassword } from '../authorization.ts';
import { algorithm, commandCode, type HashName, hashByName, structureTag } from '../constants.ts';
import type { Command, Handle } from '../frame.ts';
import { readSignature, type Signature, writeSignature } from '../signature.ts';
import { writeSized } from '../sized.ts';
import { noHashCheck, readTicket, type Ticket, writeTicket } from '../ticket.ts';
import { plain } from './plain.ts';

/** Part 3, section 20.2, for an unrestricted key: the caller's digest is signed. */
export function sign(
  key: Handle,
  digest: Uint8Array,
  { scheme, hash }: { readonly scheme: 'ecdsa' | 'rsassa' | 'rsapss'; readonly hash: HashName },
  authorization: Authorization = emptyPassword,
): Command<Signature> {
  const parameters = writeSized(new Writer(), digest).u16(algorithm[scheme]).u16(hashByName(hash).id);
  return {
    ...plain,
    name: 'TPM2_Sign',
    code: commandCode.sign,
    handles: [key],
    sessions: [authorization],
    parameters: writeTicket(parameters, noHashCheck).finish(),
    read: readSignature,
  };
}

/** Part 3, section 20.1: the ticket says that the loaded public key's holder signed `digest`. */
export function verifySignature(key: Handle, digest: Uint8Array, signature: Signature): Command<Ticket> {
  return {
    ...plain,
    name: 'TPM2_VerifySignature',
    code: commandCode.verifySignature,
    handles: [key],
    parameters: writeSignature(writeSized(new Writer(), digest), signature).finish(),
    read: (reader) => readTicket(reader, structureTag.verified, 'validation'),
  };
}
