import { trimmedAuthValue } from './authorization.ts';
import type { Tpm } from './client.ts';
import { flushContext } from './commands/keys.ts';
import { startAuthSession } from './commands/session.ts';
import { type HashName, hashByName, nullHandle, type sessionType } from './constants.ts';
import type { TpmCryptography } from './crypto-port.ts';
import { TpmError, type TpmResult } from './error.ts';
import type { NamedHandle } from './frame.ts';
import { kdfA } from './kdf.ts';
import { protectSecret } from './protected-secret.ts';
import type { PublicArea } from './public-area.ts';

/** A session as both ends know it (Part 1, section 19.6): nonces roll with every command that uses it. */
export type Session = {
  readonly handle: number;
  readonly kind: keyof typeof sessionType;
  readonly hash: HashName;
  /** Empty for a session with neither salt nor bound entity. */
  readonly key: Uint8Array;
  /** The entity that the session is bound to: its authorization value is in the key already (section 19.6.12). */
  readonly bound: NamedHandle | undefined;
  readonly cryptography: TpmCryptography;
  nonceTpm: Uint8Array;
  nonceCaller: Uint8Array;
  /** Set when a command ended the session: there is nothing left to flush. */
  ended: boolean;
};

export type SessionOptions = {
  readonly kind: keyof typeof sessionType;
  readonly hash?: HashName;
  /** A decryption key of the TPM that the salt is encrypted to: who listens on the bus cannot compute the session's key. */
  readonly salt?: { readonly handle: number; readonly publicArea: PublicArea };
  readonly bind?: { readonly entity: NamedHandle; readonly authValue: Uint8Array };
};

/** Starts a session, Part 3, section 11.1. Whoever starts it flushes it; `withSession` does so by itself. */
export async function startSession(
  tpm: Tpm,
  cryptography: TpmCryptography,
  { kind, hash = 'sha256', salt, bind }: SessionOptions,
): Promise<TpmResult<Session>> {
  const { digestSize } = hashByName(hash);
  const salted = salt === undefined ? undefined : protectSecret(cryptography, salt.publicArea, 'SECRET');
  if (salt !== undefined && salted === undefined) {
    return {
      ok: false,
      error: new TpmError('UNAVAILABLE', 'TPM2_StartAuthSession', 'the key for the salt is not usable'),
    };
  }
  const nonceCaller = cryptography.random(digestSize);
  const started = await tpm.execute(
    startAuthSession({
      saltKey: salt?.handle ?? nullHandle,
      bind: bind?.entity ?? nullHandle,
      nonceCaller,
      encryptedSalt: salted?.encrypted ?? new Uint8Array(),
      kind,
      hash,
    }),
  );
  if (!started.ok) return started;
  const { handle, nonceTpm } = started.value;
  const secret = new Uint8Array([...trimmedAuthValue(bind?.authValue), ...(salted?.secret ?? [])]);
  const keyed = salt !== undefined || bind !== undefined;
  const key = keyed
    ? kdfA(cryptography, hash, secret, 'ATH', nonceTpm, nonceCaller, digestSize)
    : new Uint8Array();
  const session = { handle, kind, hash, key, bound: bind?.entity, cryptography, nonceTpm, nonceCaller };
  return { ok: true, value: { ...session, ended: false } };
}

/** Lends `use` a session and flushes it whatever `use` does; a failure to flush is the result, since sessions are few. */
export async function withSession<Value>(
  tpm: Tpm,
  cryptography: TpmCryptography,
  options: SessionOptions,
  use: (session: Session) => Promise<TpmResult<Value>>,
): Promise<TpmResult<Value>> {
  const started = await startSession(tpm, cryptography, options);
  if (!started.ok) return started;
  const session = started.value;
  let result: TpmResult<Value> | undefined;
  try {
    result = await use(session);
  } finally {
    const flushed = await endSession(tpm, session);
    if (!flushed.ok && result?.ok === true) result = flushed;
  }
  return result;
}

/** Flushes a session that no command has ended. */
export async function endSession(tpm: Tpm, session: Session): Promise<TpmResult<undefined>> {
  if (session.ended) return { ok: true, value: undefined };
  session.ended = true;
  return tpm.execute(flushContext(session.handle));
}
