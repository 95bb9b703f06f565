import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/attestation/limits.ts';
import {
  type NonceBook,
  noteNonce,
  readNonceBook,
  redeemNonce,
  writeNonceBook,
} from '../../firmware/attestation/nonce-book.ts';

const start = 1_800_000_000_000;
const nonce = (number: number) => {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setUint32(4, number);
  return octets;
};
const noted = (count: number, now = start) =>
  Array.from({ length: count }, (_, index) => index).reduce<NonceBook>(
    (book, index) => noteNonce(book, nonce(index), now),
    [],
  );

describe('a challenge (RFC 9334 §10.3)', () => {
  test('is good once', () => {
    const first = redeemNonce(noted(2), nonce(0), start);
    expect(first.challenge).toBe('open');
    expect(redeemNonce(first.book, nonce(0), start).challenge).toBe('unknown');
    expect(redeemNonce(first.book, nonce(1), start).challenge).toBe('open');
  });

  test('nobody gave out is unknown', () => {
    expect(redeemNonce(noted(3), nonce(3), start)).toEqual({ challenge: 'unknown', book: noted(3) });
  });

  test.each([
    ['open', limits.nonceLifetime - 1],
    ['lapsed', limits.nonceLifetime],
  ])('is %s after %i ms', (challenge, age) => {
    expect(redeemNonce(noted(1), nonce(0), start + age)).toEqual({ challenge, book: [] });
  });

  test('lives no longer where the clock was set back', () => {
    expect(redeemNonce(noted(1), nonce(0), start - 1).challenge).toBe('lapsed');
  });
});

describe('the book', () => {
  test('holds as many as it may, and then drops the oldest', () => {
    const full = noted(limits.nonces);
    expect(full).toHaveLength(limits.nonces);
    expect(redeemNonce(full, nonce(0), start).challenge).toBe('open');
    const more = noteNonce(full, nonce(limits.nonces), start);
    expect(more).toHaveLength(limits.nonces);
    expect(redeemNonce(more, nonce(0), start).challenge).toBe('unknown');
    expect(redeemNonce(more, nonce(limits.nonces), start).challenge).toBe('open');
  });

  test('forgets lapsed ones', () => {
    expect(noteNonce(noted(5), nonce(9), start + limits.nonceLifetime)).toHaveLength(1);
  });

  test('is read as it was written, as long as it may be and no longer', () => {
    const read = (book: NonceBook) => readNonceBook(JSON.parse(JSON.stringify(writeNonceBook(book))));
    expect(read(noted(limits.nonces))).toEqual({ ok: true, value: noted(limits.nonces) });
    expect(read([...noted(limits.nonces), { nonce: '00', until: 1 }])).toMatchObject({ ok: false });
  });

  test.each([
    [null],
    [{ type: 'other', nonces: [] }],
    [{ type: 'hithe-nonces', nonces: [{ nonce: 'xy', until: 1 }] }],
    [{ type: 'hithe-nonces', nonces: [{ nonce: '00', until: -1 }] }],
  ])('is not %j', (document) => {
    expect(readNonceBook(document).ok).toBe(false);
  });
});
