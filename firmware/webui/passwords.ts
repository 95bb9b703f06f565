import { equalBytes, fromHex, toHex } from '../bytes/bytes.ts';
import { limits } from './limits.ts';
import type { DerivePassword, RandomBytes } from './ports.ts';

/** What is kept of a password: the scrypt parameters (RFC 7914 § 2), the salt and the key, octets in hexadecimal. */
export interface StoredPassword {
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
  readonly key: string;
}

/** 32 MiB and a tenth of a second: as much as a box of 256 MiB can give to one guess. */
const cost = { n: 2 ** 15, r: 8, p: 1 } as const;
/** What guessers begin with, whatever digits and marks stand around it; lists of millions do not fit a small box. */
const firstGuesses = new Set(
  (
    'abc admin administrator adminadmin changeme default gateway hithe iloveyou letmein login master monkey pass passw ' +
    'password passwort qwerty qwertyuiop qwertz qwertzuiop root router secret geheim test welcome willkommen'
  ).split(' '),
);

const saltOctets = 16;
const keyOctets = 32;

/** Why a password cannot be taken, in words for who chose it; null where it can. */
export function passwordProblem(
  password: string,
  { hostname, forbidden = [] }: { readonly hostname: string; readonly forbidden?: readonly string[] },
): string | null {
  const { passwordCodePoints: least, passwordLength: most } = limits;
  if ([...password.normalize('NFC')].length < least) return `A password has at least ${least} characters.`;
  if (password.length > most) return `A password has at most ${most} characters.`;
  const plain = (text: string) => text.toLowerCase().replace(/[\s-]/g, '');
  if ([hostname, ...forbidden].some((known) => plain(known) === plain(password)))
    return 'The claim code and the name of the box are known to others: choose another password.';
  // A passphrase of digits alone has to be longer than any date or telephone number.
  const letters = plain(password).replace(/[^\p{L}]/gu, '');
  const isFirstGuess = firstGuesses.has(letters) || /^\d*$/.test(plain(password));
  if (isFirstGuess && password.length < 2 * least)
    return 'This password is one of the first that are tried: choose another.';
  if (new Set(password).size < 4) return 'A password has at least four different characters.';
  return null;
}

export interface Passwords {
  /** Null where too many wait already. */
  make(password: string): Promise<StoredPassword | null>;
  /**
   * Whether the password is the stored one; null where too many wait already. Without a stored one (nobody has that
   * name) it takes as long and is false.
   */
  verify(password: string, stored: StoredPassword | null): Promise<boolean | null>;
}

/** One derivation at a time, and few that wait: each takes 32 MiB and a processor. */
export function createPasswords(derive: DerivePassword, random: RandomBytes): Passwords {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  async function inTurn(work: () => Promise<Uint8Array>): Promise<Uint8Array | null> {
    if (waiting >= limits.passwordsWaiting) return null;
    waiting += 1;
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      waiting -= 1;
    }
  }
  const derived = (password: string, salt: Uint8Array, by: { n: number; r: number; p: number }) =>
    // The same letters are other octets on other keyboards (Unicode Annex 15).
    inTurn(() => derive(password.normalize('NFC'), salt, by, keyOctets));
  const nobodys = random(saltOctets);

  return {
    async make(password) {
      const salt = random(saltOctets);
      const key = await derived(password, salt, cost);
      return key === null ? null : { ...cost, salt: toHex(salt), key: toHex(key) };
    },
    async verify(password, stored) {
      const salt = stored === null ? nobodys : (fromHex(stored.salt) ?? nobodys);
      const key = await derived(password, salt, stored ?? cost);
      if (key === null) return null;
      return equalBytes(key, fromHex(stored?.key ?? '') ?? new Uint8Array());
    },
  };
}

/** A stored password from a file, or null where it is none; costs other than those in use are not derived blindly. */
export function readStoredPassword(value: unknown): StoredPassword | null {
  if (typeof value !== 'object' || value === null) return null;
  const { n, r, p, salt, key } = value as Record<string, unknown>;
  if (n !== cost.n || r !== cost.r || p !== cost.p) return null;
  if (typeof salt !== 'string' || typeof key !== 'string') return null;
  const isHexadecimal = (text: string, length: number) =>
    text.length === 2 * length && /^[0-9a-f]*$/.test(text);
  if (!isHexadecimal(salt, saltOctets) || !isHexadecimal(key, keyOctets)) return null;
  return { ...cost, salt, key };
}
