import { fromHex, toHex } from '../bytes/bytes.ts';
import type { KeyCredential } from './ports.ts';

/** As names of tokens: it stands in the audit and on command lines. */
export const keyNameSyntax = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,62}$/u;

/** A security key of a user, as it may be seen. */
export interface UserKey {
  /** By which it is removed; no secret. */
  readonly id: string;
  readonly name: string;
  /** ISO 8601 in UTC. */
  readonly addedAt: string;
  /** Null where it never was. */
  readonly usedAt: string | null;
}

/** Octets in hexadecimal. */
export type StoredKey = UserKey & {
  readonly application: string;
  readonly handle: string;
  readonly publicKey: string;
  /** What the key said last of how often it has signed; null before its first signature. */
  readonly counter: number | null;
};

export function shownKey({ id, name, addedAt, usedAt }: UserKey): UserKey {
  return { id, name, addedAt, usedAt };
}

export function storedKey(key: UserKey, { application, handle, publicKey }: KeyCredential): StoredKey {
  const octets = { application: toHex(application), handle: toHex(handle), publicKey: toHex(publicKey) };
  return { ...shownKey(key), ...octets, counter: null };
}

export function credentialOf({ application, handle, publicKey }: StoredKey): KeyCredential {
  return { application: octets(application), handle: octets(handle), publicKey: octets(publicKey) };
}

/** Null where any of it is not understood: whoever had this key would be let in without. */
export function readStoredKeys(value: unknown): readonly StoredKey[] | null {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return null;
  const keys = value.map(readStoredKey).filter((key) => key !== null);
  return keys.length === value.length ? keys : null;
}

function readStoredKey(value: unknown): StoredKey | null {
  if (typeof value !== 'object' || value === null) return null;
  const { id, name, addedAt, usedAt, application, handle, publicKey, counter } = value as Partial<StoredKey>;
  const texts = [id, name, addedAt, application, handle, publicKey];
  if (!texts.every((text) => typeof text === 'string' && text !== '')) return null;
  if (usedAt !== null && typeof usedAt !== 'string') return null;
  if (counter !== null && !Number.isSafeInteger(counter)) return null;
  if (![application, handle, publicKey].every((text) => fromHex(text ?? '') !== undefined)) return null;
  return value as StoredKey;
}

function octets(hex: string): Uint8Array {
  return fromHex(hex) ?? new Uint8Array(0);
}
