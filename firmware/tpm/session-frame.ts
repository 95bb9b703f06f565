import { concatBytes, equalBytes } from '../bytes/bytes.ts';
import type { Result } from '../bytes/decode.ts';
import { Writer } from '../bytes/writer.ts';
import { isPassword, type SessionUse, trimmedAuthValue } from './authorization.ts';
import { firstHandle, hashByName, sessionAttribute, sessionCipherOctets } from './constants.ts';
import type { Command, Handle, SessionAnswer } from './frame.ts';
import { kdfA } from './kdf.ts';
import { writeSized } from './sized.ts';

/** The part of one command that its HMAC and policy sessions make, and the check of the answer to it. */
export type PreparedSessions = {
  /** The parameters, the first one encrypted where a session asks for that. */
  readonly parameters: Uint8Array;
  /** The TPMS_AUTH_COMMAND of the session at `index`. */
  readonly authorization: (index: number) => Uint8Array;
  /**
   * Checks every session's HMAC over the response's parameters, rolls the nonces and decrypts the first parameter. An
   * error says what was not the TPM's.
   */
  readonly open: (parameters: Uint8Array, answers: readonly SessionAnswer[]) => Result<Uint8Array, string>;
};

type PlacedUse = SessionUse & {
  readonly index: number;
  /** The name of the entity that the session authorizes; undefined for a session that only protects. */
  readonly authorizes: Uint8Array | undefined;
};

/** undefined where the command has passwords only. Rolls the callers' nonces: each preparation is for one transmission. */
export function prepareSessions(command: Command<unknown>): PreparedSessions | undefined {
  const uses = placeUses(command);
  if (uses.length === 0) return undefined;
  for (const { session } of uses)
    session.nonceCaller = session.cryptography.random(hashByName(session.hash).digestSize);
  const decrypting = uses.find(({ encryptsCommand }) => encryptsCommand);
  const encrypting = uses.find(({ encryptsResponse }) => encryptsResponse);
  const parameters =
    decrypting === undefined ? command.parameters : cipherFirst('encrypt', decrypting, command.parameters);
  const names = command.handles.map(nameOf);

  const authorization = (index: number): Uint8Array => {
    const use = uses.find((candidate) => candidate.index === index);
    if (use === undefined) throw new RangeError(`authorization ${index} is no session`);
    const { session } = use;
    const covered = new Writer()
      .u32(command.code)
      .bytes(concatBytes(...names, parameters))
      .finish();
    const cpHash = session.cryptography.digest(session.hash, covered);
    // Part 1, section 19.6.5: the first session vouches for the nonces of the sessions that encrypt, unless it is one.
    const others = [decrypting, encrypting === decrypting ? undefined : encrypting].flatMap((other) =>
      index === 0 && other !== undefined && other.index !== 0 ? [other.session.nonceTpm] : [],
    );
    const attributes = attributesOf(use);
    const hmac = hmacOf(use, cpHash, session.nonceCaller, session.nonceTpm, others, attributes);
    const area = writeSized(new Writer().u32(session.handle), session.nonceCaller).u8(attributes);
    return writeSized(area, hmac).finish();
  };

  const open = (received: Uint8Array, answers: readonly SessionAnswer[]): Result<Uint8Array, string> => {
    for (const use of uses) {
      const answer = answers[use.index];
      if (answer === undefined) return { ok: false, error: `session ${use.index + 1} was not answered` };
      const { session } = use;
      if (answer.attributes !== attributesOf(use))
        return { ok: false, error: `session ${use.index + 1} came back with other attributes` };
      const covered = new Writer().u32(0).u32(command.code).bytes(received).finish();
      const rpHash = session.cryptography.digest(session.hash, covered);
      const expected = hmacOf(use, rpHash, answer.nonce, session.nonceCaller, [], answer.attributes);
      if (!equalBytes(answer.hmac, expected))
        return { ok: false, error: `the HMAC of session ${use.index + 1} is wrong` };
    }
    for (const { session, index, continueSession } of uses) {
      session.nonceTpm = answers[index]?.nonce ?? session.nonceTpm;
      if (!continueSession) session.ended = true;
    }
    if (encrypting === undefined) return { ok: true, value: received };
    return { ok: true, value: cipherFirst('decrypt', encrypting, received) };
  };
  return { parameters, authorization, open };
}

function placeUses(command: Command<unknown>): PlacedUse[] {
  const placed: PlacedUse[] = [];
  for (const [index, authorization] of command.sessions.entries()) {
    if (isPassword(authorization)) continue;
    const handle = command.handles[index];
    if (handle === undefined) throw new RangeError(`authorization ${index} authorizes no handle`);
    placed.push({ ...authorization, index, authorizes: nameOf(handle) });
  }
  for (const [position, protection] of (command.protections ?? []).entries()) {
    placed.push({ ...protection, index: command.sessions.length + position, authorizes: undefined });
  }
  return placed;
}

/** Part 1, section 16: PCRs, sessions and permanent handles are their own names; objects and NV indexes have a digest. */
function nameOf(handle: Handle): Uint8Array {
  if (typeof handle !== 'number') return handle.name;
  const kind = ((handle >>> 24) << 24) >>> 0;
  if (kind === firstHandle.nv || kind === firstHandle.transient || kind === firstHandle.persistent)
    throw new RangeError(`0x${handle.toString(16)} needs its name where a session authorizes`);
  return new Writer(4).u32(handle).finish();
}

function attributesOf({ continueSession, encryptsCommand, encryptsResponse }: SessionUse): number {
  return (
    (continueSession ? sessionAttribute.continueSession : 0) |
    (encryptsCommand ? sessionAttribute.decrypt : 0) |
    (encryptsResponse ? sessionAttribute.encrypt : 0)
  );
}

/** Part 1, section 19.6.5. A policy session without any key sends and expects an empty HMAC. */
function hmacOf(
  use: PlacedUse,
  parametersHash: Uint8Array,
  nonceNewer: Uint8Array,
  nonceOlder: Uint8Array,
  otherNonces: readonly Uint8Array[],
  attributes: number,
): Uint8Array {
  const { session } = use;
  const key = concatBytes(
    session.key,
    wantsAuthValue(use) ? trimmedAuthValue(use.authValue) : new Uint8Array(),
  );
  if (session.kind !== 'hmac' && key.length === 0) return new Uint8Array();
  const data = concatBytes(
    parametersHash,
    nonceNewer,
    nonceOlder,
    ...otherNonces,
    new Uint8Array([attributes]),
  );
  return session.cryptography.hmac(session.hash, key, data);
}

/** A session bound to the entity that it authorizes has the value in its key; a policy asks for it or does not. */
function wantsAuthValue({ session, authorizes, policyWantsAuthValue }: PlacedUse): boolean {
  if (authorizes === undefined) return false;
  if (session.kind !== 'hmac') return policyWantsAuthValue;
  return session.bound === undefined || !equalBytes(session.bound.name, authorizes);
}

/**
 * Part 1, section 21: the octets of the first TPM2B, not its size. The newer nonce is that of who encrypts. A parameter
 * area that holds no such TPM2B goes unchanged: the TPM refuses the command, or the reader the response.
 */
function cipherFirst(direction: 'encrypt' | 'decrypt', use: PlacedUse, parameters: Uint8Array): Uint8Array {
  const size = ((parameters[0] ?? 0) << 8) | (parameters[1] ?? 0);
  if (parameters.length < 2 + size) return parameters;
  const { session } = use;
  const { cryptography, nonceCaller, nonceTpm } = session;
  const nonces =
    direction === 'encrypt' ? ([nonceCaller, nonceTpm] as const) : ([nonceTpm, nonceCaller] as const);
  // Here the value counts in every session that authorizes, also in a bound one (section 21.2).
  const value = use.authorizes === undefined ? new Uint8Array() : trimmedAuthValue(use.authValue);
  const key = concatBytes(session.key, value);
  const material = kdfA(cryptography, session.hash, key, 'CFB', ...nonces, sessionCipherOctets + 16);
  const [cipherKey, iv] = [material.subarray(0, sessionCipherOctets), material.subarray(sessionCipherOctets)];
  const plain = parameters.subarray(2, 2 + size);
  const ciphered =
    direction === 'encrypt'
      ? cryptography.encryptCfb(cipherKey, iv, plain)
      : cryptography.decryptCfb(cipherKey, iv, plain);
  return concatBytes(parameters.subarray(0, 2), ciphered, parameters.subarray(2 + size));
}
