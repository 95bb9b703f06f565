import type { Session } from './session.ts';

/** An authorization of a command by a plain password (Part 1, section 19.4); most keys here have an empty one. */
export type PasswordSession = { readonly password: Uint8Array };

export const emptyPassword: PasswordSession = { password: new Uint8Array() };

/** An authorization, or a protection, by an HMAC or policy session. */
export type SessionUse = {
  readonly session: Session;
  /** Of the entity that is authorized; empty where it has none. */
  readonly authValue: Uint8Array;
  /** True where a policy with PolicyAuthValue asks for the value as well (Part 3, section 23.17). */
  readonly policyWantsAuthValue: boolean;
  /** False ends the session with this command. */
  readonly continueSession: boolean;
  /** Encrypts the command's first parameter, which has to be a TPM2B. */
  readonly encryptsCommand: boolean;
  /** Has the TPM encrypt the response's first parameter, which has to be a TPM2B. */
  readonly encryptsResponse: boolean;
};

export type Authorization = PasswordSession | SessionUse;

/** Authorizes with a session that goes on afterwards and encrypts nothing, unless told otherwise. */
export function authorizeBy(
  session: Session,
  options: Partial<Omit<SessionUse, 'session'>> = {},
): SessionUse {
  return {
    session,
    authValue: new Uint8Array(),
    policyWantsAuthValue: false,
    continueSession: true,
    encryptsCommand: false,
    encryptsResponse: false,
    ...options,
  };
}

export function isPassword(authorization: Authorization): authorization is PasswordSession {
  return 'password' in authorization;
}

/** Part 1, section 19.6.5: trailing zeros of an authorization value do not count. */
export function trimmedAuthValue(authValue: Uint8Array = new Uint8Array()): Uint8Array {
  let length = authValue.length;
  while (length > 0 && authValue[length - 1] === 0) length--;
  return authValue.subarray(0, length);
}
