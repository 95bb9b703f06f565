import { describe, expect, test } from 'vitest';
import { createAttemptLimits } from '../../firmware/webui/attempt-limits.ts';
import { limits } from '../../firmware/webui/limits.ts';

const { signInBurst, signInRefillMs, signInBurstOfAll, signInRefillOfAllMs, sendersRemembered } = limits;

/** Tries as one user; `as` is another's, counted with the same ones. */
function triesOf(user: string | null, attempts = createAttemptLimits()) {
  return {
    take: (address: string, now: number) => attempts.take({ address, user }, now),
    giveBack: (address: string) => attempts.giveBack({ address, user }),
    succeeded: (address: string) => attempts.succeeded({ address, user }),
    lift: attempts.lift,
    as: (other: string | null) => triesOf(other, attempts),
  };
}

describe('tries', () => {
  test('of one address run out, and come back one by one', () => {
    const attempts = triesOf('ada');
    for (let index = 0; index < signInBurst; index++) expect(attempts.take('10.0.0.1', 0)).toBe(0);
    expect(attempts.take('10.0.0.1', 0)).toBe(signInRefillMs);
    expect(attempts.take('10.0.0.2', 0)).toBe(0);
    expect(attempts.take('10.0.0.1', signInRefillMs - 1)).toBe(1);
    expect(attempts.take('10.0.0.1', signInRefillMs)).toBe(0);
    expect(attempts.take('10.0.0.1', signInRefillMs)).toBe(signInRefillMs);
  });

  test('of all addresses together run out: a host has as many as it likes', () => {
    const attempts = triesOf('ada');
    for (let index = 0; index < signInBurstOfAll; index++)
      expect(attempts.take(`10.0.1.${index}`, 0)).toBe(0);
    expect(attempts.take('10.0.2.1', 0)).toBe(signInRefillOfAllMs);
    expect(attempts.take('10.0.2.2', signInRefillOfAllMs)).toBe(0);
  });

  test('that are given back count no more, and never for more than there were', () => {
    const attempts = triesOf('ada');
    for (let index = 0; index < 3 * signInBurstOfAll; index++) {
      expect(attempts.take('10.0.0.1', 0)).toBe(0);
      attempts.giveBack('10.0.0.1');
    }
    attempts.giveBack('10.0.0.1');
    for (const address of ['10.0.0.1', '10.0.0.2']) {
      if (address === '10.0.0.2') attempts.succeeded(address);
      for (let index = 0; index < signInBurst; index++) expect(attempts.take(address, 0)).toBe(0);
      expect(attempts.take(address, 0)).toBe(signInRefillMs);
      attempts.giveBack(address);
      expect(attempts.take(address, 0)).toBe(0);
    }
  });

  test('of one IPv6 network are one host’s', () => {
    const attempts = triesOf('ada');
    for (let index = 0; index < signInBurst; index++) expect(attempts.take(`fd00::${index}`, 0)).toBe(0);
    expect(attempts.take('fd00::ffff', 0)).toBeGreaterThan(0);
    expect(attempts.take('fd00:0:0:1::1', 0)).toBe(0);
  });

  test('a flood from elsewhere does not shut out who got in before', () => {
    const attempts = triesOf('ada');
    attempts.succeeded('10.0.0.1');
    for (let index = 0; index < 2 * signInBurstOfAll; index++) attempts.take(`10.1.0.${index}`, 0);
    expect(attempts.take('10.1.1.1', 0)).toBeGreaterThan(0);
    for (let index = 0; index < signInBurst; index++) expect(attempts.take('10.0.0.1', 0)).toBe(0);
    // Guessing from there is bounded all the same.
    expect(attempts.take('10.0.0.1', 0)).toBe(signInRefillMs);
  });

  test.each(['ada', null])('getting in does not help whoever guesses the password of %s', (other) => {
    const eve = triesOf('eve');
    const guesses = eve.as(other);
    let guessed = 0;
    for (let round = 0; round < 50; round++) {
      if (guesses.take('10.0.0.1', 0) === 0) guessed += 1;
      if (eve.take('10.0.0.1', 0) === 0) eve.succeeded('10.0.0.1');
    }
    expect(guessed).toBe(signInBurst);
    expect(eve.take('10.0.0.1', 0)).toBe(0);
  });

  test('from where one got in count on after that', () => {
    const attempts = triesOf('ada');
    attempts.succeeded('10.0.0.1');
    for (let round = 0; round < 4; round++) expect(attempts.take('10.0.0.1', 0)).toBe(0);
    expect(attempts.take('10.0.0.1', 0)).toBe(0);
    attempts.succeeded('10.0.0.1');
    expect(attempts.take('10.0.0.1', 0)).toBe(0);
    expect(attempts.take('10.0.0.1', 0)).toBe(signInRefillMs);
  });

  test.each([
    ['fe80::a', 'fe80::bad'],
    ['fd00::a', 'fd00::bad'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.2'],
  ])('of a neighbour do not shut %s out', (owner, neighbour) => {
    const attempts = triesOf('ada');
    attempts.succeeded(owner);
    let shutOut = 0;
    for (let now = 0; now < 60 * signInRefillMs; now += signInRefillMs) {
      attempts.take(neighbour, now);
      if (attempts.take(`${owner}%eth0`, now) > 0) shutOut += 1;
      else attempts.succeeded(owner);
    }
    expect(shutOut).toBe(0);
  });

  test('addresses that were forgotten still count with all, so that many of them gain nothing', () => {
    const attempts = triesOf('ada');
    let taken = 0;
    for (let round = 0; round < 3; round++)
      for (let index = 0; index <= sendersRemembered; index++)
        if (attempts.take(`10.${index >> 8}.${index & 255}.1`, 0) === 0) taken += 1;
    expect(taken).toBe(signInBurstOfAll);
  });

  test('the console lifts all of it', () => {
    const attempts = triesOf('ada');
    for (let index = 0; index < 2 * signInBurstOfAll; index++) attempts.take(`10.1.0.${index}`, 0);
    attempts.lift();
    expect(attempts.take('10.1.0.1', 0)).toBe(0);
  });
});
