import { describe, expect, test } from 'vitest';
import { createAttemptLimits } from '../../firmware/webui/attempt-limits.ts';
import { limits } from '../../firmware/webui/limits.ts';

const { signInBurst, signInRefillMs, signInBurstOfAll, signInRefillOfAllMs, sendersRemembered } = limits;

describe('tries', () => {
  test('of one address run out, and come back one by one', () => {
    const attempts = createAttemptLimits();
    for (let index = 0; index < signInBurst; index++) expect(attempts.take('10.0.0.1', 0)).toBe(0);
    expect(attempts.take('10.0.0.1', 0)).toBe(signInRefillMs);
    expect(attempts.take('10.0.0.2', 0)).toBe(0);
    expect(attempts.take('10.0.0.1', signInRefillMs - 1)).toBe(1);
    expect(attempts.take('10.0.0.1', signInRefillMs)).toBe(0);
    expect(attempts.take('10.0.0.1', signInRefillMs)).toBe(signInRefillMs);
  });

  test('of all addresses together run out: a host has as many as it likes', () => {
    const attempts = createAttemptLimits();
    for (let index = 0; index < signInBurstOfAll; index++)
      expect(attempts.take(`10.0.1.${index}`, 0)).toBe(0);
    expect(attempts.take('10.0.2.1', 0)).toBe(signInRefillOfAllMs);
    expect(attempts.take('10.0.2.2', signInRefillOfAllMs)).toBe(0);
  });

  test('that are given back count no more, and never for more than there were', () => {
    const attempts = createAttemptLimits();
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
    const attempts = createAttemptLimits();
    for (let index = 0; index < signInBurst; index++) expect(attempts.take(`fd00::${index}`, 0)).toBe(0);
    expect(attempts.take('fd00::ffff', 0)).toBeGreaterThan(0);
    expect(attempts.take('fd00:0:0:1::1', 0)).toBe(0);
  });

  test('a flood from elsewhere does not shut out who got in before', () => {
    const attempts = createAttemptLimits();
    attempts.succeeded('10.0.0.1');
    for (let index = 0; index < 2 * signInBurstOfAll; index++) attempts.take(`10.1.0.${index}`, 0);
    expect(attempts.take('10.1.1.1', 0)).toBeGreaterThan(0);
    for (let index = 0; index < signInBurst; index++) expect(attempts.take('10.0.0.1', 0)).toBe(0);
    // Guessing from there is bounded all the same.
    expect(attempts.take('10.0.0.1', 0)).toBe(signInRefillMs);
  });

  test('addresses that were forgotten still count with all, so that many of them gain nothing', () => {
    const attempts = createAttemptLimits();
    let taken = 0;
    for (let round = 0; round < 3; round++)
      for (let index = 0; index <= sendersRemembered; index++)
        if (attempts.take(`10.${index >> 8}.${index & 255}.1`, 0) === 0) taken += 1;
    expect(taken).toBe(signInBurstOfAll);
  });

  test('the console lifts all of it', () => {
    const attempts = createAttemptLimits();
    for (let index = 0; index < 2 * signInBurstOfAll; index++) attempts.take(`10.1.0.${index}`, 0);
    attempts.lift();
    expect(attempts.take('10.1.0.1', 0)).toBe(0);
  });
});
