import { toHex } from '../bytes/bytes.ts';
import type { Result } from '../bytes/decode.ts';
import { type JsonProblem, readJson } from './json-fields.ts';
import { limits } from './limits.ts';

/** Challenges that a verifier gave out and that nobody has answered yet, oldest first. `until` is milliseconds since 1970. */
export type NonceBook = readonly { readonly nonce: string; readonly until: number }[];

/** What the book says of a challenge that came back; `unchecked` where no book is kept. */
export type Challenge = 'open' | 'lapsed' | 'unknown' | 'unchecked';

/** Writes a new challenge down. Lapsed ones go, and the oldest where the book is full. */
export function noteNonce(book: NonceBook, nonce: Uint8Array, now: number): NonceBook {
  const open = book.filter((entry) => isOpen(entry, now)).slice(1 - limits.nonces);
  return [...open, { nonce: toHex(nonce), until: now + limits.nonceLifetime }];
}

/** Takes a challenge out of the book, in whatever state it is: it is good once. */
export function redeemNonce(
  book: NonceBook,
  nonce: Uint8Array,
  now: number,
): { readonly challenge: Exclude<Challenge, 'unchecked'>; readonly book: NonceBook } {
  const name = toHex(nonce);
  const found = book.find((entry) => entry.nonce === name);
  const challenge = found === undefined ? 'unknown' : isOpen(found, now) ? 'open' : 'lapsed';
  return { challenge, book: book.filter((entry) => entry !== found) };
}

/** A clock that was set back makes no challenge live longer than it would have. */
function isOpen({ until }: NonceBook[number], now: number): boolean {
  return now < until && until <= now + limits.nonceLifetime;
}

export const writeNonceBook = (book: NonceBook): object => ({ type: 'hithe-nonces', nonces: book });

export function readNonceBook(document: unknown): Result<NonceBook, JsonProblem> {
  return readJson(document, 'book', (fields) => {
    if (fields.text('type', 32) !== 'hithe-nonces') fields.fail('type', 'is not hithe-nonces');
    return fields.list('nonces', limits.nonces, (entry) => ({
      nonce: toHex(entry.octets('nonce', 64)),
      until: entry.count('until'),
    }));
  });
}
