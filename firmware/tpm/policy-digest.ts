import { concatBytes } from '../bytes/bytes.ts';
import { Writer } from '../bytes/writer.ts';
import { commandCode, type HashName, hashByName } from './constants.ts';
import type { TpmCryptography } from './crypto-port.ts';
import { type PcrSelection, writePcrSelections } from './pcr-selection.ts';

type Digest = Pick<TpmCryptography, 'digest'>;

/**
 * Policy digests computed without a TPM (Part 1, section 19.7): each takes the digest reached so far and gives the next
 * one. `hash` is the session's, which has to be the name algorithm of the object that the policy is for.
 */
export type PolicyStep = (cryptography: Digest, hash: HashName, reached: Uint8Array) => Uint8Array;

/** Runs steps from the start: a digest of zeros. */
export function policyDigest(
  cryptography: Digest,
  hash: HashName,
  ...steps: readonly PolicyStep[]
): Uint8Array {
  const start: Uint8Array = new Uint8Array(hashByName(hash).digestSize);
  return steps.reduce((reached, step) => step(cryptography, hash, reached), start);
}

/** PolicyPCR (Part 3, section 23.7) over these values, in the order of the selections. */
export function pcrStep(selections: readonly PcrSelection[], values: readonly Uint8Array[]): PolicyStep {
  return (cryptography, hash, reached) => {
    const input = new Writer().bytes(reached).u32(commandCode.policyPcr);
    writePcrSelections(input, selections).bytes(cryptography.digest(hash, concatBytes(...values)));
    return cryptography.digest(hash, input.finish());
  };
}

/** PolicyAuthorize (section 23.16): whatever was reached is forgotten, the signer's name counts. */
export function authorizeStep(signer: Uint8Array, reference = new Uint8Array()): PolicyStep {
  return (cryptography, hash) =>
    withReference(
      cryptography,
      hash,
      new Uint8Array(hashByName(hash).digestSize),
      commandCode.policyAuthorize,
      signer,
      reference,
    );
}

/** PolicySecret (section 23.4) with the authorization value of the entity with this name. */
export function secretStep(entity: Uint8Array, reference = new Uint8Array()): PolicyStep {
  return (cryptography, hash, reached) =>
    withReference(cryptography, hash, reached, commandCode.policySecret, entity, reference);
}

/** PolicyCommandCode (section 23.11). */
export function commandCodeStep(code: number): PolicyStep {
  return (cryptography, hash, reached) =>
    cryptography.digest(
      hash,
      new Writer().bytes(reached).u32(commandCode.policyCommandCode).u32(code).finish(),
    );
}

/** PolicyAuthValue (section 23.17). */
export const authValueStep: PolicyStep = (cryptography, hash, reached) =>
  cryptography.digest(hash, new Writer().bytes(reached).u32(commandCode.policyAuthValue).finish());

/** What the approver of a policy signs (section 23.16): H(approved policy || reference), by the signature's hash. */
export function approvalDigest(
  cryptography: Digest,
  hash: HashName,
  approvedPolicy: Uint8Array,
  reference = new Uint8Array(),
): Uint8Array {
  return cryptography.digest(hash, concatBytes(approvedPolicy, reference));
}

/** PolicyUpdate(), Part 1, section 19.7.4: two rounds, so that no name can pass for a reference. */
function withReference(
  cryptography: Digest,
  hash: HashName,
  reached: Uint8Array,
  code: number,
  name: Uint8Array,
  reference: Uint8Array,
): Uint8Array {
  const first = cryptography.digest(hash, new Writer().bytes(reached).u32(code).bytes(name).finish());
  return cryptography.digest(hash, concatBytes(first, reference));
}
