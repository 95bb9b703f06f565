import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { derivePassword } from '../../firmware/system/derive-password.ts';
import { limits } from '../../firmware/webui/limits.ts';
import { createPasswords, passwordProblem, readStoredPassword } from '../../firmware/webui/passwords.ts';

const random = (length: number) => new Uint8Array(randomBytes(length));
const hostname = 'gate-hamburg';

describe('a password', () => {
  test.each([
    ['correct horse', null],
    ['Password-1234', 'first that are tried'],
    ['1234567890123', 'first that are tried'],
    ['hithe-2026!!!', 'first that are tried'],
    ['!$%&/()=?+', null],
    ['73910 64820 19375 20486', null],
    [`${'ä'.repeat(7)}bcd`, null],
    ['🔑🗝🔒🔓🔑🗝🔒🔓🔑🗝', null],
    ['123456789', 'at least 10'],
    ['🔑🗝🔒🔓🔑🗝🔒🔓🔑', 'at least 10'],
    ['aaaaaaaaaaaaaaaaaa', 'four different'],
    ['Gate-Hamburg', 'known to others'],
    ['gate hamburg', 'known to others'],
    ['4kq7 9xzm - ABCD', 'known to others'],
    [`abcd${'x'.repeat(limits.passwordLength - 4)}`, null],
    [`abcd${'x'.repeat(limits.passwordLength - 3)}`, 'at most'],
  ])('%j: %s', (password, problem) => {
    const found = passwordProblem(password, { hostname, forbidden: ['4KQ7-9XZM-ABCD'] });
    if (problem === null) expect(found).toBeNull();
    else expect(found).toContain(problem);
  });
});

describe('what is kept of a password', () => {
  const passwords = createPasswords(derivePassword, random);

  test('RFC 7914 § 12: the key is scrypt’s', async () => {
    const key = await derivePassword(
      'pleaseletmein',
      new TextEncoder().encode('SodiumChloride'),
      { n: 16384, r: 8, p: 1 },
      64,
    );
    expect(Buffer.from(key).toString('hex')).toBe(
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2' +
        'd5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
    );
  });

  test('tells the password from others, and the same one twice is not the same', async () => {
    const [one, two] = [await passwords.make('correct horse'), await passwords.make('correct horse')];
    if (one === null || two === null) throw new Error('busy');
    expect(one.key).not.toBe(two.key);
    expect({ n: one.n, r: one.r, p: one.p }).toEqual({ n: 2 ** 15, r: 8, p: 1 });
    expect(await passwords.verify('correct horse', one)).toBe(true);
    expect(await passwords.verify('correct horse ', one)).toBe(false);
    expect(await passwords.verify('', one)).toBe(false);
    expect(await passwords.verify('correct horse', null)).toBe(false);
    expect(JSON.stringify(one)).not.toContain('horse');
  });

  test('Unicode Annex 15: the same letters are the same password on every keyboard', async () => {
    const stored = await passwords.make('Schlüssel-Größe');
    expect(await passwords.verify('Schlüssel-Größe'.normalize('NFD'), stored)).toBe(true);
  });

  test('one is derived at a time, few wait, and more are turned away', async () => {
    let [now, most, derived] = [0, 0, 0];
    const gates: (() => void)[] = [];
    const slow = createPasswords(async (_password, _salt, _cost, octets) => {
      now += 1;
      most = Math.max(most, now);
      await new Promise<void>((open) => gates.push(open));
      now -= 1;
      derived += 1;
      return new Uint8Array(octets);
    }, random);
    const asked = Array.from({ length: limits.passwordsWaiting + 5 }, () => slow.verify('x', null));
    const turnedAway = await Promise.all(asked.slice(limits.passwordsWaiting));
    expect(turnedAway).toEqual([null, null, null, null, null]);
    for (let index = 0; index < limits.passwordsWaiting; index++) {
      await expect.poll(() => gates.length).toBe(index + 1);
      gates[index]?.();
    }
    await Promise.all(asked);
    expect({ most, derived }).toEqual({ most: 1, derived: limits.passwordsWaiting });
    const after = slow.verify('x', null);
    await expect.poll(() => gates.length).toBe(limits.passwordsWaiting + 1);
    gates.at(-1)?.();
    expect(await after).toBe(false);
  });

  test('a derivation that fails does not hold up those behind it', async () => {
    let calls = 0;
    const failing = createPasswords(async (_password, _salt, _cost, octets) => {
      calls += 1;
      if (calls === 1) throw new Error('no memory');
      return new Uint8Array(octets);
    }, random);
    const first = failing.verify('x', null);
    const second = failing.verify('x', null);
    await expect(first).rejects.toThrow('no memory');
    expect(await second).toBe(false);
  });

  test('somebody who does not exist takes as many derivations as somebody who does', async () => {
    let calls = 0;
    const counted = createPasswords(async (_password, _salt, cost, octets) => {
      calls += 1;
      expect(cost).toEqual({ n: 2 ** 15, r: 8, p: 1 });
      return new Uint8Array(octets).fill(1);
    }, random);
    expect(await counted.verify('x', null)).toBe(false);
    expect(calls).toBe(1);
  });

  test('from a file is taken only as it is written here: other costs would be whatever a file says', async () => {
    const stored = await passwords.make('correct horse');
    expect(readStoredPassword(JSON.parse(JSON.stringify(stored)))).toEqual(stored);
    for (const change of [
      { n: 2 },
      { n: 2 ** 30 },
      { r: 1 },
      { p: 0 },
      { salt: '' },
      { key: 'xx' },
      { key: 1 },
    ])
      expect(readStoredPassword({ ...stored, ...change })).toBeNull();
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(readStoredPassword(value)).toBeNull();
      }),
    );
  });
});
