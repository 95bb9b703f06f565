import { toHex } from '../bytes/bytes.ts';
import { type Access, accesses } from './access.ts';
import { reasonOf } from './error.ts';
import { limits } from './limits.ts';
import type { RandomBytes, ReadClock, SecretFiles, Sha256, WriteLog } from './ports.ts';
import { parseStoredList } from './stored-list.ts';

const fileName = 'tokens.json';
const idOctets = 4;
const secretOctets = 32;

/** What programs send as bearer (RFC 6750): the prefix lets people and scanners of sources know it for what it is. */
const tokenSyntax = /^hithe_([0-9a-f]{8})_([0-9a-f]{64})$/;

export const tokenNameSyntax = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,62}$/u;

export interface Token {
  /** By which it is shown and revoked; no secret. */
  readonly id: string;
  readonly name: string;
  readonly access: readonly Access[];
  readonly createdBy: string;
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
  /** Null where it is good until it is revoked. */
  readonly expiresAt: string | null;
  /** Since the box was started; null where it was not. */
  readonly lastUsedAt: string | null;
}

type StoredToken = Omit<Token, 'lastUsedAt'> & {
  /** SHA-256 of the whole text: 256 random bits need no slow derivation. */
  readonly sha256: string;
};

export type NewToken = {
  readonly name: string;
  readonly access: readonly Access[];
  readonly createdBy: string;
  /** Days that it is good for; null: until it is revoked. */
  readonly days: number | null;
};

export type TokenOutcome =
  | { readonly outcome: 'made'; readonly token: Token; readonly secret: string }
  | { readonly outcome: 'too-many' | 'not-stored' };

export interface Tokens {
  list(): readonly Token[];
  /** The text of a token is in this answer and nowhere else. */
  make(token: NewToken): Promise<TokenOutcome>;
  revoke(id: string): Promise<'revoked' | 'not-there' | 'not-stored'>;
  /** The token with this text, if it is one of this box and good still. */
  find(text: string): Token | null;
  /** Whether it is good still. */
  lasts(id: string): boolean;
}

export interface TokensPorts {
  readonly secrets: SecretFiles;
  readonly random: RandomBytes;
  readonly sha256: Sha256;
  readonly now: ReadClock;
  readonly log: WriteLog;
}

/** A file that cannot be read holds no tokens: programs are refused until they get new ones. */
export async function openTokens({ secrets, random, sha256, now, log }: TokensPorts): Promise<Tokens> {
  let tokens = await readTokens(secrets, log);
  const usedAt = new Map<string, number>();
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  }

  async function store(next: readonly StoredToken[]): Promise<boolean> {
    try {
      await secrets.write(fileName, `${JSON.stringify({ version: 1, tokens: next })}\n`);
    } catch (error) {
      log('error', `The tokens could not be stored: ${reasonOf(error)}`);
      return false;
    }
    tokens = next;
    return true;
  }

  const isGood = ({ expiresAt }: StoredToken) => expiresAt === null || now() < Date.parse(expiresAt);

  function shown(token: StoredToken): Token {
    const { id, name, access, createdBy, createdAt, expiresAt } = token;
    const used = usedAt.get(id);
    const lastUsedAt = used === undefined ? null : new Date(used).toISOString();
    return { id, name, access, createdBy, createdAt, expiresAt, lastUsedAt };
  }

  return {
    list: () => tokens.map(shown),
    make: ({ name, access, createdBy, days }) =>
      inTurn(async () => {
        // Those that have lapsed make room.
        const kept = tokens.filter(isGood);
        if (kept.length >= limits.tokens) return { outcome: 'too-many' };
        const id = toHex(random(idOctets));
        if (kept.some((token) => token.id === id)) return { outcome: 'not-stored' };
        const secret = `hithe_${id}_${toHex(random(secretOctets))}`;
        const time = now();
        const token: StoredToken = {
          ...{ id, name, createdBy, createdAt: new Date(time).toISOString() },
          access: accesses.filter((each) => access.includes(each)),
          expiresAt: days === null ? null : new Date(time + days * 86_400_000).toISOString(),
          sha256: sha256(secret),
        };
        const stored = await store([...kept, token]);
        return stored ? { outcome: 'made', token: shown(token), secret } : { outcome: 'not-stored' };
      }),
    revoke: (id) =>
      inTurn(async () => {
        if (!tokens.some((token) => token.id === id)) return 'not-there';
        if (!(await store(tokens.filter((token) => token.id !== id)))) return 'not-stored';
        usedAt.delete(id);
        return 'revoked';
      }),
    find(text) {
      const id = tokenSyntax.exec(text)?.[1];
      const token = tokens.find((candidate) => candidate.id === id);
      // Digests are compared: how far they agree says nothing of the token.
      if (token === undefined || sha256(text) !== token.sha256 || !isGood(token)) return null;
      usedAt.set(token.id, now());
      return shown(token);
    },
    lasts: (id) => tokens.some((token) => token.id === id && isGood(token)),
  };
}

async function readTokens(secrets: SecretFiles, log: WriteLog): Promise<readonly StoredToken[]> {
  try {
    const text = await secrets.read(fileName);
    if (text === null) return [];
    const tokens = parseTokens(text);
    if (tokens !== null) return tokens;
    log('error', 'The tokens cannot be understood; programs need new ones.');
  } catch (error) {
    log('error', `The tokens cannot be read (${reasonOf(error)}); programs need new ones.`);
  }
  return [];
}

/** All tokens of a file, or null where any of it is not understood. */
export const parseTokens = (text: string) => parseStoredList(text, 'tokens', parseToken);

function parseToken(value: unknown): StoredToken | null {
  if (typeof value !== 'object' || value === null) return null;
  const { id, name, access, createdBy, createdAt, expiresAt, sha256 } = value as Record<string, unknown>;
  if (typeof id !== 'string' || !/^[0-9a-f]{8}$/.test(id)) return null;
  if (typeof name !== 'string' || !tokenNameSyntax.test(name)) return null;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return null;
  if (typeof createdBy !== 'string' || typeof createdAt !== 'string') return null;
  // A time that is none would never be over.
  if (expiresAt !== null && (typeof expiresAt !== 'string' || Number.isNaN(Date.parse(expiresAt))))
    return null;
  if (!Array.isArray(access)) return null;
  const known = accesses.filter((each) => access.includes(each));
  if (known.length !== access.length) return null;
  return { id, name, access: known, createdBy, createdAt, expiresAt, sha256 };
}
