import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../firmware/bytes/bytes.ts';
import { readTimeAnswer, timeQuestion } from '../../../firmware/netd/clock/sntp-packet.ts';

const nonce = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
const now = Date.UTC(2026, 10, 22, 13);

/** RFC 5905 § 7.3: leap, version and mode; stratum, poll, precision; then delays, reference, and four times. */
function answer({ first = '24', stratum = '02', origin = '0102030405060708', received = '', sent = '' }) {
  const text = `${first}${stratum}03e9${'00'.repeat(12)}${'00'.repeat(8)}${origin}${received}${sent}`;
  return fromHex(text) ?? new Uint8Array();
}
/** 2026-11-22 13:00:00.5 and .75 UTC: 3,873,963,600 s since 1900. */
const times = { received: 'e6e825d080000000', sent: 'e6e825d0c0000000' };

describe('RFC 5905 § 14', () => {
  test('the question is version 4, mode client, and has nothing but its nonce', () => {
    const question = timeQuestion(nonce);
    expect(question).toHaveLength(48);
    expect(question[0]).toBe(0x23);
    expect([...question.subarray(40)]).toEqual([...nonce]);
    expect(question.subarray(1, 40).every((octet) => octet === 0)).toBe(true);
  });

  test('the answer tells when the server had the question and when it answered', () => {
    const seconds = Number.parseInt(times.received.slice(0, 8), 16) - 2_208_988_800;
    expect(readTimeAnswer(answer(times), nonce, now)).toEqual({
      receivedAt: seconds * 1000 + 500,
      sentAt: seconds * 1000 + 750,
      stratum: 2,
    });
  });

  test.each([
    ['one to another question', { ...times, origin: '0102030405060709' }],
    ['one of a client', { ...times, first: '23' }],
    ['one of a server that does not know the time', { ...times, first: 'e4' }],
    ['a kiss o’ death', { ...times, stratum: '00' }],
    ['one of no stratum', { ...times, stratum: '10' }],
    ['one without a time', { ...times, sent: '0000000000000000' }],
    ['one that left before its question came', { received: times.sent, sent: times.received }],
    ['one that is cut off', { ...times, sent: 'e6e825d0c00000' }],
  ])('no answer: %s', (_, fields) => expect(readTimeAnswer(answer(fields), nonce, now)).toBe(null));

  test('§ 6: the era is the one that is near', () => {
    // Five seconds after the first era's end: 2036-02-07 06:28:16 UTC.
    const early = { received: '0000000500000000', sent: '0000000500000000' };
    const end = Date.UTC(2036, 1, 7, 6, 28, 16);
    expect(readTimeAnswer(answer(early), nonce, end)?.sentAt).toBe(end + 5000);
    expect(readTimeAnswer(answer(times), nonce, end)?.sentAt).toBe(
      readTimeAnswer(answer(times), nonce, now)?.sentAt,
    );
  });

  test('whatever comes is an answer or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
        const read = readTimeAnswer(octets, nonce, now);
        if (read !== null) expect(read.sentAt).toBeGreaterThanOrEqual(read.receivedAt);
      }),
    );
  });
});
