import { Writer } from '../../bytes/writer.ts';
import { type Authorization, emptyPassword } from '../authorization.ts';
import { commandCode, structureTag } from '../constants.ts';
import type { Command, Handle } from '../frame.ts';
import { limits } from '../limits.ts';
import { type PcrSelection, writePcrSelections } from '../pcr-selection.ts';
import { readSized, writeSized } from '../sized.ts';
import { readTicket, type Ticket, writeTicket } from '../ticket.ts';
import { plain, readNothing } from './plain.ts';

type PolicyCode = 'policyPcr' | 'policyAuthorize' | 'policyAuthValue' | 'policyCommandCode' | 'policyRestart';

/**
 * Part 3, section 23.7: the PCRs are as they are now, or, with `expected` (the digest by the session's hash over their
 * values), exactly so.
 */
export function policyPcr(
  session: number,
  selections: readonly PcrSelection[],
  expected: Uint8Array = new Uint8Array(),
): Command<undefined> {
  const parameters = writePcrSelections(writeSized(new Writer(), expected), selections).finish();
  return assertion('TPM2_PolicyPCR', 'policyPcr', session, parameters);
}

/**
 * Part 3, section 23.16: `approvedPolicy`, which the session has to have reached, was signed by the key named `signer`;
 * `ticket` is VerifySignature's over H(approvedPolicy || reference).
 */
export function policyAuthorize(
  session: number,
  {
    approvedPolicy,
    reference,
    signer,
    ticket,
  }: {
    readonly approvedPolicy: Uint8Array;
    readonly reference: Uint8Array;
    readonly signer: Uint8Array;
    readonly ticket: Ticket;
  },
): Command<undefined> {
  const parameters = writeSized(writeSized(writeSized(new Writer(), approvedPolicy), reference), signer);
  return assertion(
    'TPM2_PolicyAuthorize',
    'policyAuthorize',
    session,
    writeTicket(parameters, ticket).finish(),
  );
}

/** Part 3, section 23.17: who uses the object has to know its authorization value too. */
export function policyAuthValue(session: number): Command<undefined> {
  return assertion('TPM2_PolicyAuthValue', 'policyAuthValue', session, new Uint8Array());
}

/** Part 3, section 23.11: the object is used by this one command (TPM_CC). */
export function policyCommandCode(session: number, code: number): Command<undefined> {
  return assertion('TPM2_PolicyCommandCode', 'policyCommandCode', session, new Writer().u32(code).finish());
}

/** Part 3, section 11.2: back to the state after StartAuthSession. */
export function policyRestart(session: number): Command<undefined> {
  return assertion('TPM2_PolicyRestart', 'policyRestart', session, new Uint8Array());
}

/** Part 3, section 23.6. */
export function policyGetDigest(session: number): Command<Uint8Array> {
  return {
    ...plain,
    name: 'TPM2_PolicyGetDigest',
    code: commandCode.policyGetDigest,
    handles: [session],
    parameters: new Uint8Array(),
    read: (reader) => readSized(reader, limits.digestSize, 'policyDigest').slice(),
  };
}

/**
 * Part 3, section 23.4: whoever runs the session knows the authorization value of `entity` (for an EK: the endorsement
 * hierarchy's). Never expires here.
 */
export function policySecret(
  entity: Handle,
  session: number,
  entityAuth: Authorization = emptyPassword,
): Command<undefined> {
  const empty = new Uint8Array();
  // nonceTPM, cpHashA, policyRef, expiration.
  const parameters = writeSized(writeSized(writeSized(new Writer(), empty), empty), empty).u32(0);
  return {
    ...plain,
    name: 'TPM2_PolicySecret',
    code: commandCode.policySecret,
    handles: [entity, session],
    sessions: [entityAuth],
    parameters: parameters.finish(),
    read: (reader) => {
      readSized(reader, 8, 'timeout');
      readTicket(reader, structureTag.authSecret, 'policyTicket');
      return undefined;
    },
  };
}

function assertion(
  name: string,
  code: PolicyCode,
  session: number,
  parameters: Uint8Array,
): Command<undefined> {
  return { ...plain, name, code: commandCode[code], handles: [session], parameters, read: readNothing };
}
